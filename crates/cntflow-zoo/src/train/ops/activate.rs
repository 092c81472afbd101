//! Activations on slices, forward in place and backward from the result. The products with weights apply them.

use cntflow_network::{Activation, DEFAULT_LEAKY_SLOPE};
use pulp::Arch;

use crate::train::ops::smooth::{gelu_tanh, hardswish, silu};
use crate::train::ops::vector_math::{exp, exp_m1, gelu, sigmoid, softplus, tanh};

/// Selu's two constants, which keep mean 0 and variance 1 (Klambauer et al. 2017).
const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

/// `values = phi(values)`. Softmax is left to the loss, which takes logits.
pub(crate) fn activate(activation: Activation, values: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::Linear | Activation::Softmax => {}
            Activation::Relu => each(values, |s| if s < 0.0 { 0.0 } else { s }),
            Activation::LeakyRelu => each(values, |s| {
                if s < 0.0 {
                    s * DEFAULT_LEAKY_SLOPE as f32
                } else {
                    s
                }
            }),
            Activation::Sigmoid => each(values, sigmoid),
            Activation::Tanh => each(values, tanh),
            Activation::Elu => each(values, |s| if s > 0.0 { s } else { exp_m1(s) }),
            Activation::Selu => each(values, |s| {
                SELU_SCALE * if s > 0.0 { s } else { SELU_ALPHA * exp_m1(s) }
            }),
            Activation::Softplus => each(values, softplus),
            Activation::Gelu => each(values, |s| gelu(s).0),
            Activation::GeluTanh => each(values, |s| gelu_tanh(s).0),
            Activation::Silu => each(values, |s| silu(s).0),
            Activation::Hardswish => each(values, |s| hardswish(s).0),
        },
    );
}

/// Whether the result of `activation` does not tell its derivative, so that the forward pass has to keep it.
pub(crate) fn keeps_derivatives(activation: Activation) -> bool {
    use Activation::{Gelu, GeluTanh, Hardswish, Silu};
    matches!(activation, Gelu | GeluTanh | Hardswish | Silu)
}

/// `values = phi(values)`, and the derivatives at them where [`keeps_derivatives`].
pub(crate) fn activate_for_backward(
    activation: Activation,
    values: &mut [f32],
) -> Option<Vec<f32>> {
    if !keeps_derivatives(activation) {
        activate(activation, values);
        return None;
    }
    let mut derivatives = vec![0.0; values.len()];
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::GeluTanh => both(values, &mut derivatives, gelu_tanh),
            Activation::Silu => both(values, &mut derivatives, silu),
            Activation::Hardswish => both(values, &mut derivatives, hardswish),
            _ => both(values, &mut derivatives, gelu),
        },
    );
    Some(derivatives)
}

/// `gradient *= phi'`, where `results` is `phi`, or the derivative itself where [`keeps_derivatives`].
pub(crate) fn multiply_derivative(activation: Activation, results: &[f32], gradient: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::Linear | Activation::Softmax => {}
            Activation::Relu => pairs(results, gradient, |z, g| if z > 0.0 { g } else { 0.0 }),
            Activation::LeakyRelu => pairs(results, gradient, |z, g| {
                if z > 0.0 {
                    g
                } else {
                    g * DEFAULT_LEAKY_SLOPE as f32
                }
            }),
            Activation::Sigmoid => pairs(results, gradient, |z, g| g * (z * (1.0 - z))),
            Activation::Tanh => pairs(results, gradient, |z, g| g * (1.0 - z * z)),
            Activation::Elu => pairs(
                results,
                gradient,
                |z, g| if z > 0.0 { g } else { g * (z + 1.0) },
            ),
            Activation::Selu => pairs(results, gradient, |z, g| {
                if z > 0.0 {
                    g * SELU_SCALE
                } else {
                    g * (z + SELU_SCALE * SELU_ALPHA)
                }
            }),
            // The sigmoid of what softplus was taken of.
            Activation::Softplus => pairs(results, gradient, |z, g| g * -exp_m1(-z)),
            Activation::Gelu | Activation::GeluTanh | Activation::Silu | Activation::Hardswish => {
                pairs(results, gradient, |derivative, g| g * derivative)
            }
        },
    );
}

/// `values = exp(values - largest)` and the sum of them.
pub(crate) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
    values
        .iter_mut()
        .for_each(|value| *value = exp(*value - largest));
    values.iter().sum()
}

#[inline(always)]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(
        #[inline(always)]
        |value| *value = function(*value),
    );
}

#[inline(always)]
fn both(values: &mut [f32], derivatives: &mut [f32], function: impl Fn(f32) -> (f32, f32)) {
    values.iter_mut().zip(derivatives).for_each(
        #[inline(always)]
        |(value, derivative)| (*value, *derivative) = function(*value),
    );
}

#[inline(always)]
fn pairs(results: &[f32], gradient: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(results).for_each(
        #[inline(always)]
        |(gradient, &result)| *gradient = function(result, *gradient),
    );
}
