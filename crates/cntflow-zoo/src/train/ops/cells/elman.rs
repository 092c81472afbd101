//! Elman's cell: the hidden state is its only gate.

use cntflow_network::Activation;

use super::backward::BackwardStep;
use super::forward::{ForwardStep, add};
use crate::train::ops::activate::{activate, multiply_derivative};

#[inline(always)]
pub(super) fn forward(activation: Activation, step: &mut ForwardStep) {
    add(step.gates, step.recurrent);
    activate(activation, step.gates);
    step.hidden.copy_from_slice(step.gates);
}

#[inline(always)]
pub(super) fn backward(activation: Activation, step: &mut BackwardStep) {
    multiply_derivative(activation, step.hidden, step.hidden_gradient);
    step.gates.copy_from_slice(step.hidden_gradient);
    step.hidden_gradient.fill(0.0);
}
