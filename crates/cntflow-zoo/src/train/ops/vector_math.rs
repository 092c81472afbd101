//! Elementary functions of `f32`, written without branches so that loops over them run in vector registers, and without
//! fused multiply-adds so that every machine computes the same bits. Errors are a few units in the last place (tested).

use std::f32::consts::LOG2_E;

/// Added to and taken from a small number, leaves it rounded to a whole one, which is in the low bits meanwhile.
const ROUND: f32 = 12_582_912.0;

/// The same for `f64`.
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// `ln 2` in two parts: products of the first with whole numbers are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `exp(x)`; 0 below -87.3, where results are no normal numbers any more; infinite above 88.7.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let clamped = x.clamp(-88.0, 89.0);
    let rounded = clamped * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    // 2^n in two factors, for 2^128 is beyond what an f32 holds.
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    let y = y * power_of_two(half) * power_of_two(n - half);
    let y = if x < -87.336_54 { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

/// `exp(x) - 1`, exact near zero too.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let p = 1.987_569_1e-4;
    let p = p * x + 1.398_199_9e-3;
    let p = p * x + 8.333_452e-3;
    let p = p * x + 4.166_579_6e-2;
    let p = p * x + 1.666_666_5e-1;
    let p = p * x + 0.5;
    let near = p * (x * x) + x;
    let far = exp(x) - 1.0;
    if x.abs() < 0.34 { near } else { far }
}

/// `ln(1 + exp(x))`
#[inline(always)]
pub(crate) fn softplus(x: f32) -> f32 {
    // ln(1 + u) = 2 artanh(u / (2 + u)), whose series converges fast, for u is at most 1.
    let u = exp(-x.abs());
    let s = u / (2.0 + u);
    let square = s * s;
    let mut p = 1.0 / 17.0;
    for divisor in [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        p = p * square + 1.0 / divisor;
    }
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + 2.0 * s * p
}

/// `2^n` for `-126 <= n <= 127`.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh(x)`
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = x * x;
    let p = -5.704_988_7e-3;
    let p = p * square + 2.063_909e-2;
    let p = p * square - 5.373_971_6e-2;
    let p = p * square + 1.333_144_2e-1;
    let p = p * square - 3.333_328e-1;
    let near = p * square * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { near } else { far }
}

/// `exp(x)` for `-700 < x <= 0` with a relative error below 1e-12.
#[inline(always)]
fn exp_f64(x: f64) -> f64 {
    let x = x.max(-700.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUND_F64;
    let n = rounded - ROUND_F64;
    let r = x - n * std::f64::consts::LN_2;
    let mut p = 1.0 / 39_916_800.0;
    for coefficient in [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        p = p * r + coefficient;
    }
    let n = rounded.to_bits().wrapping_sub(ROUND_F64.to_bits());
    p * f64::from_bits(n.wrapping_add(1023) << 52)
}

/// The standard normal distribution function, by the rational Chebyshev form of erfc (Numerical Recipes, `erfcc`:
/// relative error below 1.2e-7 everywhere).
#[inline(always)]
fn normal_distribution(x: f64) -> f64 {
    let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut p = 0.170_872_77;
    for coefficient in [
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ] {
        p = p * t + coefficient;
    }
    let tail = 0.5 * t * exp_f64(p - z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// `x * Phi(x)` and its derivative `Phi(x) + x * phi(x)`.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> (f32, f32) {
    let wide = f64::from(x);
    let distribution = normal_distribution(wide);
    let density = exp_f64(-0.5 * wide * wide) * 0.398_942_280_401_432_7;
    let value = if x == f32::NEG_INFINITY {
        0.0
    } else {
        wide * distribution
    };
    (value as f32, (distribution + wide * density) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error in units in the last place of `f32`, over `[low, high]`.
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

    /// erfc by its continued fraction, or erf by its series near zero.
    fn exact_normal_distribution(x: f64) -> f64 {
        let z = x.abs() / 2.0_f64.sqrt();
        let tail = if z < 2.5 {
            let mut term = z;
            let mut sum = z;
            for n in 1..200 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            0.5 - sum / std::f64::consts::PI.sqrt()
        } else {
            let fraction = (1..200)
                .rev()
                .fold(0.0, |below, n| f64::from(n) / 2.0 / (z + below));
            0.5 * (-z * z).exp() / std::f64::consts::PI.sqrt() / (z + fraction)
        };
        if x < 0.0 { tail } else { 1.0 - tail }
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
        check(
            |x| gelu(x).0,
            |x| x * exact_normal_distribution(x),
            [-12.0, 12.0],
            4.0,
        );
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
        assert_eq!(
            [gelu(-60.0).0, gelu(60.0).0, gelu(60.0).1],
            [0.0, 60.0, 1.0]
        );
        assert!(
            [
                exp(f32::NAN),
                tanh(f32::NAN),
                sigmoid(f32::NAN),
                gelu(f32::NAN).0
            ]
            .iter()
            .all(|x| x.is_nan())
        );
    }
}
