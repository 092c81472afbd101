//! Activations of slices: forward in place, backward from the result.

use cntflow_network::{Activation, DEFAULT_LEAKY_SLOPE};
use pulp::Arch;

use crate::train::ops::gated_activations::{gelu, gelu_tanh, hardswish, silu};
use crate::train::ops::tape::BackwardPass;
use crate::train::ops::vector_math::{exp, exp_m1, sigmoid, softplus, tanh};

/// Selu's two constants, which keep mean 0 and variance 1 (Klambauer et al. 2017).
const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;

/// `values = phi(values)`. NaN stays NaN, so that a diverged network is noticed. Softmax is left to
/// the loss, which takes logits.
pub(super) fn activate(activation: Activation, values: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::Linear | Activation::Softmax => {}
            Activation::Relu => apply(values, |s| if s < 0.0 { 0.0 } else { s }),
            Activation::Relu6 => apply(values, |s| s.clamp(0.0, 6.0)),
            Activation::LeakyRelu => apply(values, |s| {
                if s < 0.0 {
                    s * DEFAULT_LEAKY_SLOPE as f32
                } else {
                    s
                }
            }),
            Activation::Sigmoid => apply(values, sigmoid),
            Activation::Tanh => apply(values, tanh),
            Activation::Elu => apply(values, |s| if s > 0.0 { s } else { exp_m1(s) }),
            Activation::Selu => apply(values, |s| {
                SELU_SCALE * if s > 0.0 { s } else { SELU_ALPHA * exp_m1(s) }
            }),
            Activation::Softplus => apply(values, softplus),
            Activation::Gelu => apply(values, |s| gelu(s).0),
            Activation::GeluTanh => apply(values, |s| gelu_tanh(s).0),
            Activation::Silu => apply(values, |s| silu(s).0),
            Activation::Hardswish => apply(values, |s| hardswish(s).0),
        },
    );
}

/// Whether the forward pass has to save the derivatives of `activation`, because its results do not
/// determine them: it is not monotonic, and takes the same value twice.
pub(super) fn needs_saved_derivatives(activation: Activation) -> bool {
    use Activation::{Gelu, GeluTanh, Hardswish, Silu};
    matches!(activation, Gelu | GeluTanh | Hardswish | Silu)
}

/// Derivatives of an activation, saved by the forward pass if [`needs_saved_derivatives`].
pub(super) type SavedDerivatives = Option<Vec<f32>>;

/// `values = phi(values)`; returns the derivatives at them if [`needs_saved_derivatives`].
pub(super) fn activate_for_backward(
    activation: Activation,
    values: &mut [f32],
) -> SavedDerivatives {
    if !needs_saved_derivatives(activation) {
        activate(activation, values);
        return None;
    }
    let mut derivatives = vec![0.0; values.len()];
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::GeluTanh => apply_with_derivatives(values, &mut derivatives, gelu_tanh),
            Activation::Silu => apply_with_derivatives(values, &mut derivatives, silu),
            Activation::Hardswish => apply_with_derivatives(values, &mut derivatives, hardswish),
            _ => apply_with_derivatives(values, &mut derivatives, gelu),
        },
    );
    Some(derivatives)
}

/// The gradient of the pre-activations of a layer, from the gradient of its result.
pub(super) fn pre_activation_gradient(
    activation: Activation,
    pass: &mut BackwardPass<'_, SavedDerivatives>,
) -> Vec<f32> {
    let mut gradient = std::mem::take(&mut pass.z_gradient);
    let results = pass.saved.as_deref().unwrap_or(pass.z);
    multiply_derivative(activation, results, &mut gradient);
    gradient
}

/// Multiplies `gradient` by the activation's derivative. `results` are the derivatives themselves
/// if [`needs_saved_derivatives`]; otherwise the activation's results, from which the derivatives
/// are computed.
pub(super) fn multiply_derivative(activation: Activation, results: &[f32], gradient: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::Linear | Activation::Softmax => {}
            Activation::Relu => update(results, gradient, |z, g| if z > 0.0 { g } else { 0.0 }),
            Activation::Relu6 => {
                update(
                    results,
                    gradient,
                    |z, g| {
                        if z > 0.0 && z < 6.0 { g } else { 0.0 }
                    },
                )
            }
            Activation::LeakyRelu => update(results, gradient, |z, g| {
                if z > 0.0 {
                    g
                } else {
                    g * DEFAULT_LEAKY_SLOPE as f32
                }
            }),
            Activation::Sigmoid => update(results, gradient, |z, g| g * (z * (1.0 - z))),
            Activation::Tanh => update(results, gradient, |z, g| g * (1.0 - z * z)),
            Activation::Elu => update(
                results,
                gradient,
                |z, g| if z > 0.0 { g } else { g * (z + 1.0) },
            ),
            Activation::Selu => update(results, gradient, |z, g| {
                if z > 0.0 {
                    g * SELU_SCALE
                } else {
                    g * (z + SELU_SCALE * SELU_ALPHA)
                }
            }),
            // The derivative is the sigmoid of s, and z = ln(1 + exp(s)): 1 - exp(-z).
            Activation::Softplus => update(results, gradient, |z, g| g * -exp_m1(-z)),
            Activation::Gelu | Activation::GeluTanh | Activation::Silu | Activation::Hardswish => {
                update(results, gradient, |derivative, g| g * derivative)
            }
        },
    );
}

/// Replaces `values` by `exp(values - largest)`; returns their sum.
pub(super) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
    values
        .iter_mut()
        .for_each(|value| *value = exp(*value - largest));
    values.iter().sum()
}

/// `values = function(values)`
#[inline(always)]
pub(super) fn apply(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(
        #[inline(always)]
        |value| *value = function(*value),
    );
}

/// `(values, derivatives) = function(values)`
#[inline(always)]
fn apply_with_derivatives(
    values: &mut [f32],
    derivatives: &mut [f32],
    function: impl Fn(f32) -> (f32, f32),
) {
    values.iter_mut().zip(derivatives).for_each(
        #[inline(always)]
        |(value, derivative)| (*value, *derivative) = function(*value),
    );
}

/// `gradient = function(results, gradient)`
#[inline(always)]
fn update(results: &[f32], gradient: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(results).for_each(
        #[inline(always)]
        |(gradient, &result)| *gradient = function(result, *gradient),
    );
}
