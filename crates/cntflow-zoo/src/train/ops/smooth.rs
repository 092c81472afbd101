//! Activations whose result does not tell their derivative: both at once. Branchless, as in
//! [`vector_math`](super::vector_math).

use crate::train::ops::vector_math::sigmoid;

/// Beyond this magnitude tanh of gelu's cubic is 1 to the last bit.
const GELU_TANH_SATURATED: f32 = 30.0;
/// `2 sqrt(2 / pi)`, for `(1 + tanh(u)) / 2` is taken as `sigmoid(2 u)`, which loses nothing where tanh is near -1.
const GELU_TANH_SLOPE: f32 = 1.595_769_2;
/// Weight of the cubic term.
const GELU_TANH_CUBIC: f32 = 0.044_715;

/// `x / (1 + exp(-x))` and its derivative.
#[inline(always)]
pub(crate) fn silu(x: f32) -> (f32, f32) {
    let gate = sigmoid(x);
    let value = if x == f32::NEG_INFINITY {
        0.0
    } else {
        x * gate
    };
    (value, gate + value * (1.0 - gate))
}

/// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` and its derivative.
#[inline(always)]
pub(crate) fn gelu_tanh(x: f32) -> (f32, f32) {
    // What is beyond would overflow in the cube.
    let near = x.clamp(-GELU_TANH_SATURATED, GELU_TANH_SATURATED);
    let square = near * near;
    let gate = sigmoid(GELU_TANH_SLOPE * near * (1.0 + GELU_TANH_CUBIC * square));
    let slope = GELU_TANH_SLOPE * (1.0 + 3.0 * GELU_TANH_CUBIC * square);
    let value = if x == f32::NEG_INFINITY {
        0.0
    } else {
        x * gate
    };
    (value, gate + near * slope * (gate * (1.0 - gate)))
}

/// `x min(max(x + 3, 0), 6) / 6` and its derivative.
#[inline(always)]
pub(crate) fn hardswish(x: f32) -> (f32, f32) {
    const SIXTH: f32 = 1.0 / 6.0;
    let gate = (x + 3.0).clamp(0.0, 6.0) * SIXTH;
    let slope = if x < -3.0 {
        0.0
    } else if x > 3.0 {
        1.0
    } else {
        x * (2.0 * SIXTH) + 0.5
    };
    let value = if x == f32::NEG_INFINITY {
        0.0
    } else {
        x * gate
    };
    (value, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks values against the definition in `f64`, derivatives against central differences of it.
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

    #[test]
    fn values_and_derivatives_are_right() {
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
