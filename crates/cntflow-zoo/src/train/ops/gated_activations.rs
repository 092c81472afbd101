//! Activations of the form `x * gate(x)`, with their derivatives.
//!
//! Such an activation is not monotonic, so its derivative cannot be found from its result: each
//! function returns both. As in [`vector_math`](super::vector_math), the code has no branches and
//! no fused multiply-adds.

use crate::train::ops::vector_math::sigmoid;

/// Beyond this magnitude the gate of [`gelu_tanh`] is 0 or 1 to the last bit.
const GELU_TANH_SATURATED: f32 = 30.0;
/// `2 sqrt(2 / pi)`. With `u = sqrt(2 / pi) (x + 0.044715 x^3)` the gate `(1 + tanh(u)) / 2` equals
/// `sigmoid(2 u)`, which keeps its relative precision where tanh is near -1.
const GELU_TANH_FACTOR: f32 = 1.595_769_2;
/// Weight of the cubic term of [`gelu_tanh`].
const GELU_TANH_CUBIC: f32 = 0.044_715;

/// `1.5 * 2^52`: for `f64` what `ROUND` of [`vector_math`](super::vector_math) is for `f32`.
const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// The density of the standard normal distribution at 0.
const INVERSE_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;

/// `x * gate`; 0 at minus infinity, where the product would be NaN.
#[inline(always)]
fn gated(x: f32, gate: f32) -> f32 {
    if x == f32::NEG_INFINITY {
        0.0
    } else {
        x * gate
    }
}

/// `x / (1 + exp(-x))` and its derivative.
#[inline(always)]
pub(super) fn silu(x: f32) -> (f32, f32) {
    let gate = sigmoid(x);
    let value = gated(x, gate);
    (value, gate + value * (1.0 - gate))
}

/// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` and its derivative.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> (f32, f32) {
    // The cube of a larger magnitude could overflow.
    let near = x.clamp(-GELU_TANH_SATURATED, GELU_TANH_SATURATED);
    let square = near * near;
    let gate = sigmoid(GELU_TANH_FACTOR * near * (1.0 + GELU_TANH_CUBIC * square));
    let argument_slope = GELU_TANH_FACTOR * (1.0 + 3.0 * GELU_TANH_CUBIC * square);
    let value = gated(x, gate);
    (value, gate + near * argument_slope * (gate * (1.0 - gate)))
}

/// `x min(max(x + 3, 0), 6) / 6` and its derivative.
#[inline(always)]
pub(super) fn hardswish(x: f32) -> (f32, f32) {
    const SIXTH: f32 = 1.0 / 6.0;
    let gate = (x + 3.0).clamp(0.0, 6.0) * SIXTH;
    let derivative = if x < -3.0 {
        0.0
    } else if x > 3.0 {
        1.0
    } else {
        x * (2.0 * SIXTH) + 0.5
    };
    let value = gated(x, gate);
    (value, derivative)
}

/// `exp(x)` for `-700 < x <= 0` with a relative error below 1e-12. Below -700 it gives exp(-700),
/// which is 0 as an `f32`.
#[inline(always)]
fn exp_f64(x: f64) -> f64 {
    let x = x.max(-700.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUND_F64;
    let n = rounded - ROUND_F64;
    let r = x - n * std::f64::consts::LN_2;
    // The Taylor series up to r^11.
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

/// The standard normal distribution function, by the rational Chebyshev form of erfc (Numerical
/// Recipes, `erfcc`: relative error below 1.2e-7 everywhere).
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

/// `x * Phi(x)` and its derivative `Phi(x) + x * phi(x)`, with the standard normal distribution
/// function `Phi` and its density `phi`.
#[inline(always)]
pub(super) fn gelu(x: f32) -> (f32, f32) {
    let wide = f64::from(x);
    let distribution = normal_distribution(wide);
    let density = exp_f64(-0.5 * wide * wide) * INVERSE_SQRT_2_PI;
    // Not `gated`: the product is taken in double precision.
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

    /// Checks values against the definition in `f64`, derivatives against central differences of
    /// it.
    fn check(function: fn(f32) -> (f32, f32), exact: fn(f64) -> f64) {
        for step in -2400..2400_i16 {
            let x = (f32::from(step) + 0.5) / 200.0;
            let (value, derivative) = function(x);
            let wide = f64::from(x);
            let slope = (exact(wide + 1e-5) - exact(wide - 1e-5)) / 2e-5;
            let error = (f64::from(value) - exact(wide)).abs();
            assert!(error <= 1e-6 * (1.0 + wide.abs()), "{value} at {x}");
            assert!(
                (f64::from(derivative) - slope).abs() < 1e-5,
                "{derivative} at {x}"
            );
        }
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
    fn gelu_is_exact_to_a_few_units() {
        for step in -100_000..100_000 {
            let x = 12.0 * (step as f32 / 100_000.0);
            let expected = f64::from(x) * exact_normal_distribution(f64::from(x));
            let unit = f64::from((expected as f32).abs().next_up() - (expected as f32).abs());
            let error = (f64::from(gelu(x).0) - expected).abs() / unit;
            assert!(error <= 4.0, "{error} units at {x}");
        }
        assert_eq!(
            [gelu(-60.0).0, gelu(60.0).0, gelu(60.0).1],
            [0.0, 60.0, 1.0]
        );
        assert!(gelu(f32::NAN).0.is_nan());
    }

    #[test]
    fn values_and_derivatives_are_right() {
        check(gelu, |x| x * exact_normal_distribution(x));
        check(silu, |x| x / (1.0 + (-x).exp()));
        check(gelu_tanh, |x| {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + u.tanh())
        });
        check(hardswish, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0);
    }

    #[test]
    fn extremes_are_right() {
        for function in [silu, gelu_tanh, hardswish] {
            assert_eq!(function(f32::NEG_INFINITY).0, 0.0);
            assert_eq!(function(-1e30), (0.0, 0.0));
            assert_eq!(function(1e30), (1e30, 1.0));
            assert!(function(f32::NAN).0.is_nan() && function(f32::NAN).1.is_nan());
        }
    }
}
