//! Elementary functions of `f32`, for loops over slices.
//!
//! They are written without branches, so that such loops run in vector registers, and without fused
//! multiply-adds, so that every machine computes the same bits. Errors are a few units in the last
//! place (tested). Polynomials and the splitting of `ln 2` are those of Cephes.

use std::f32::consts::LOG2_E;

/// `1.5 * 2^23`. Adding this to a small `x` rounds `x` to a whole number n: the low bits of the sum
/// are n as an integer. Subtracting it again gives n as an `f32`.
const ROUND: f32 = 12_582_912.0;

/// `ln 2` in two parts: products of the first with whole numbers are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Coefficients of `(exp(x) - 1 - x) / x^2` for small `x`, highest power first.
const EXP: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    0.5,
];

/// Coefficients of `(tanh(x) - x) / x^3` in `x^2`, for small `x`, highest power first.
const TANH: [f32; 5] = [
    -5.704_988_7e-3,
    2.063_909e-2,
    -5.373_971_6e-2,
    1.333_144_2e-1,
    -3.333_328e-1,
];

/// Coefficients of `artanh(s) / s` in `s^2`, highest power first: the first terms of its series.
const ARTANH: [f32; 9] = [
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
    1.0,
];

/// Coefficients of `tanh(x) = x p(x^2) / q(x^2)` for magnitudes up to [`GATE_TANH_SATURATED`],
/// highest power first. They are Eigen's.
const GATE_TANH_NUMERATOR: [f32; 7] = [
    -2.760_768_4e-16,
    2.000_188e-13,
    -8.604_672e-11,
    5.122_297_3e-8,
    1.485_722_35e-5,
    6.372_619_5e-4,
    4.893_524_6e-3,
];
const GATE_TANH_DENOMINATOR: [f32; 4] =
    [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_7e-3, 4.893_525e-3];
/// From this magnitude on [`gate_tanh`] gives 1.
const GATE_TANH_SATURATED: f32 = 7.905_311;

/// Beyond this magnitude [`gate_sigmoid`] no longer changes: `exp` of it is still in range.
const GATE_SIGMOID_SATURATED: f32 = 87.0;

/// A polynomial by Horner's rule, highest power first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[0];
    for coefficient in &coefficients[1..] {
        value = value * x + coefficient;
    }
    value
}

/// `exp(x)`; 0 below -87.3, where results are subnormal; infinite above 88.7.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // exp(x) = 2^n exp(r) with the whole number n nearest to x / ln 2, and |r| <= ln(2) / 2.
    let clamped = x.clamp(-88.0, 89.0);
    let rounded = clamped * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
    let exp_r = polynomial(r, EXP) * (r * r) + r + 1.0;
    // 2^n in two factors, because 2^128 is beyond the range of f32.
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    let normal = exp_r * power_of_two(half) * power_of_two(n - half);
    let value = if x < -87.336_54 { 0.0 } else { normal };
    if x.is_nan() { x } else { value }
}

/// `exp(x) - 1`, with a small relative error near zero too.
#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    let near = polynomial(x, EXP) * (x * x) + x;
    let far = exp(x) - 1.0;
    if x.abs() < 0.34 { near } else { far }
}

/// `ln(1 + exp(x))`
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    // ln(1 + u) = 2 artanh(u / (2 + u)). With u at most 1 the series converges fast.
    let u = exp(-x.abs());
    let s = u / (2.0 + u);
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + 2.0 * s * polynomial(s * s, ARTANH)
}

/// `2^n` for `-126 <= n <= 127`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh(x)`
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = x * x;
    let near = polynomial(square, TANH) * square * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { near } else { far }
}

/// `1 / (1 + exp(-x))` for the gates of recurrent cells, in two thirds of the time of [`sigmoid`].
/// Below -87 it stays at `1.6e-38`.
#[inline(always)]
pub(super) fn gate_sigmoid(x: f32) -> f32 {
    // exp(y) as in `exp`. With the range of y 2^n is a normal number, so that its exponent is added
    // as a whole number.
    let y = (-x).clamp(-GATE_SIGMOID_SATURATED, GATE_SIGMOID_SATURATED);
    let rounded = y * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (y - n * LN_2_HIGH) - n * LN_2_LOW;
    let exp_r = polynomial(r, EXP) * (r * r) + r + 1.0;
    let exp_y = f32::from_bits(exp_r.to_bits().wrapping_add(rounded.to_bits() << 23));
    1.0 / (1.0 + exp_y)
}

/// `tanh(x)` for recurrent cells, in half the time of [`tanh`]. Its error is at most 7 units in the
/// last place.
#[inline(always)]
pub(super) fn gate_tanh(x: f32) -> f32 {
    let x = x.clamp(-GATE_TANH_SATURATED, GATE_TANH_SATURATED);
    let square = x * x;
    x * polynomial(square, GATE_TANH_NUMERATOR) / polynomial(square, GATE_TANH_DENOMINATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the largest error over `[low, high]`, in units in the last place of `f32`.
    fn check(function: fn(f32) -> f32, exact: fn(f64) -> f64, [low, high]: [f32; 2], allowed: f64) {
        let mut worst = (0.0, 0.0);
        for step in 0..200_000 {
            let x = low + (high - low) * (step as f32 / 200_000.0);
            let expected = exact(f64::from(x));
            let unit = f64::from((expected as f32).abs().next_up() - (expected as f32).abs());
            let error = (f64::from(function(x)) - expected).abs() / unit;
            worst = if error > worst.1 { (x, error) } else { worst };
        }
        assert!(worst.1 <= allowed, "{} units at {}", worst.1, worst.0);
    }

    #[test]
    fn functions_are_exact_to_a_few_units() {
        check(exp, f64::exp, [-87.3, 88.7], 2.0);
        check(exp, f64::exp, [-1.0, 1.0], 2.0);
        check(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), [-80.0, 80.0], 4.0);
        check(tanh, f64::tanh, [-10.0, 10.0], 4.0);
        check(tanh, f64::tanh, [-0.7, 0.7], 4.0);
        check(exp_m1, f64::exp_m1, [-80.0, 80.0], 4.0);
        check(exp_m1, f64::exp_m1, [-0.4, 0.4], 4.0);
        let exact = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        check(softplus, exact, [-80.0, 80.0], 4.0);
        check(softplus, exact, [-2.0, 2.0], 4.0);
    }

    #[test]
    fn functions_of_gates_are_exact_to_a_few_units() {
        let exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        check(gate_sigmoid, exact, [-86.9, 80.0], 4.0);
        check(gate_sigmoid, exact, [-1.0, 1.0], 4.0);
        check(gate_tanh, f64::tanh, [-10.0, 10.0], 7.0);
        check(gate_tanh, f64::tanh, [-0.7, 0.7], 5.0);
    }

    #[test]
    fn gates_saturate_at_their_limits() {
        for x in [8.0, 100.0, f32::INFINITY] {
            assert_eq!([gate_tanh(-x), gate_tanh(x)], [-1.0, 1.0]);
        }
        let closed = [gate_sigmoid(-100.0), gate_sigmoid(f32::NEG_INFINITY)];
        assert!(closed.iter().all(|&gate| gate > 0.0 && gate < 1e-37));
        assert_eq!([gate_sigmoid(100.0), gate_sigmoid(f32::INFINITY)], [1.0; 2]);
        assert!(gate_sigmoid(f32::NAN).is_nan() && gate_tanh(f32::NAN).is_nan());
        // The derivative 1 - tanh^2 must not be negative.
        assert!((0..u16::MAX).all(|step| gate_tanh(f32::from(step) * 2e-4).abs() <= 1.0));
    }

    #[test]
    fn extremes_are_right() {
        assert_eq!(
            [exp(-1e4), exp(f32::NEG_INFINITY), exp(0.0)],
            [0.0, 0.0, 1.0]
        );
        assert_eq!([exp(90.0), exp(f32::INFINITY)], [f32::INFINITY; 2]);
        assert_eq!(
            [
                sigmoid(-200.0),
                sigmoid(200.0),
                tanh(-100.0),
                tanh(f32::INFINITY)
            ],
            [0.0, 1.0, -1.0, 1.0]
        );
        assert_eq!(
            [exp_m1(-1e4), exp_m1(1e4), softplus(-1e4), softplus(1e4)],
            [-1.0, f32::INFINITY, 0.0, 1e4]
        );
        assert!(exp_m1(f32::NAN).is_nan() && softplus(f32::NAN).is_nan());
        for function in [exp, tanh, sigmoid] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
