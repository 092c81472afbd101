//! Activations on slices, forward in place and backward from the result. The products with weights apply them.

use cntflow_network::{Activation, DEFAULT_LEAKY_SLOPE};
use pulp::Arch;

use crate::ops::vector_math::{exp, gelu, sigmoid, tanh};

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
            Activation::Gelu => each(values, |s| gelu(s).0),
        },
    );
}

/// `values = gelu(values)`, `derivatives = gelu'(values)`: the one activation whose result does not tell its derivative.
pub(crate) fn activate_gelu(values: &mut [f32], derivatives: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (value, derivative) in values.iter_mut().zip(derivatives) {
                (*value, *derivative) = gelu(*value);
            }
        },
    );
}

/// `gradient *= phi'`, where `results` is `phi`; for gelu, `results` is the derivative itself.
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
            Activation::Gelu => pairs(results, gradient, |derivative, g| g * derivative),
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
fn pairs(results: &[f32], gradient: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(results).for_each(
        #[inline(always)]
        |(gradient, &result)| *gradient = function(result, *gradient),
    );
}
