//! Elman's cell: the hidden state is its only gate.

use cntflow_network::Activation;

use super::step::{BackwardStep, ForwardStep};
use crate::train::ops::activate::{activate, apply, multiply_derivative};
use crate::train::ops::vector_math::gate_tanh;

#[inline(always)]
pub(super) fn forward(activation: Activation, step: ForwardStep) {
    let ForwardStep { gates, hidden, .. } = step;
    hidden.copy_from_slice(gates);
    if activation == Activation::Tanh {
        apply(hidden, gate_tanh);
    } else {
        activate(activation, hidden);
    }
}

#[inline(always)]
pub(super) fn backward(activation: Activation, step: BackwardStep) {
    let BackwardStep {
        gates,
        hidden,
        hidden_gradient,
        ..
    } = step;
    multiply_derivative(activation, hidden, hidden_gradient);
    gates.copy_from_slice(hidden_gradient);
    // The previous hidden state gets a gradient through the recurrent kernel only.
    hidden_gradient.fill(0.0);
}
