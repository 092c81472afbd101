//! The gated recurrent unit (Cho et al. 2014), as PyTorch has it: gates r, z, n, the reset gate
//! applied after the recurrent kernel.
//!
//! Columns of the gates: the candidate's part from the input, later the candidate n; r; z; the
//! candidate's part from the hidden state, `W_hn h + b_hn`.

use super::columns::split_columns_mut;
use super::step::{BackwardStep, ForwardStep};
use crate::train::ops::activate::apply;
use crate::train::ops::vector_math::{gate_sigmoid, gate_tanh};

#[inline(always)]
pub(super) fn forward(step: ForwardStep) {
    let ForwardStep {
        units,
        gates,
        hidden_before,
        hidden,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(4 * units)
        .zip(hidden_before.chunks_exact(units))
        .zip(hidden.chunks_exact_mut(units));
    for ((gates, before), hidden) in images {
        apply(&mut gates[units..3 * units], gate_sigmoid);
        let [candidate, reset, update, from_hidden] = split_columns_mut(gates, units);
        reset_candidate(candidate, reset, from_hidden);
        next_state([candidate, update, before], hidden);
    }
}

/// `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`
#[inline(always)]
fn reset_candidate(candidate: &mut [f32], reset: &[f32], from_hidden: &[f32]) {
    let values = reset.iter().zip(from_hidden);
    for (candidate, (reset, from_hidden)) in candidate.iter_mut().zip(values) {
        *candidate = gate_tanh(*candidate + reset * from_hidden);
    }
}

/// `h' = (1 - z) n + z h`
#[inline(always)]
fn next_state([candidate, update, before]: [&[f32]; 3], hidden: &mut [f32]) {
    let values = candidate.iter().zip(update).zip(before);
    for (hidden, ((candidate, update), before)) in hidden.iter_mut().zip(values) {
        *hidden = (1.0 - update) * candidate + update * before;
    }
}

#[inline(always)]
pub(super) fn backward(step: BackwardStep) {
    let BackwardStep {
        units,
        gates,
        hidden_before,
        hidden_gradient,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(4 * units)
        .zip(hidden_before.chunks_exact(units))
        .zip(hidden_gradient.chunks_exact_mut(units));
    for ((gates, before), gradient) in images {
        let [candidate, reset, update, from_hidden] = split_columns_mut(gates, units);
        through_state(update, candidate, before, gradient);
        through_candidate(reset, candidate, from_hidden);
    }
}

/// From the gradient of the hidden state, `h' = (1 - z) n + z h`, to those of the update gate's and
/// the candidate's pre-activations and, directly, of the previous state.
#[inline(always)]
fn through_state(update: &mut [f32], candidate: &mut [f32], before: &[f32], gradient: &mut [f32]) {
    let gates = update.iter_mut().zip(candidate);
    for ((update, candidate), (&before, gradient)) in gates.zip(before.iter().zip(gradient)) {
        let (z, n, g) = (*update, *candidate, *gradient);
        // z (1 - z) is the derivative of the sigmoid, 1 - n^2 that of tanh.
        *update = g * (before - n) * (z * (1.0 - z));
        *candidate = g * (1.0 - z) * (1.0 - n * n);
        *gradient = g * z;
    }
}

/// From the gradient of the candidate's pre-activation, `W_in x + b_in + r (W_hn h + b_hn)`, to
/// those of the reset gate's pre-activation and of the candidate's part from the hidden state.
#[inline(always)]
fn through_candidate(reset: &mut [f32], candidate: &[f32], from_hidden: &mut [f32]) {
    let parts = reset.iter_mut().zip(from_hidden);
    for ((reset, from_hidden), &g) in parts.zip(candidate) {
        let r = *reset;
        *reset = g * *from_hidden * (r * (1.0 - r));
        *from_hidden = g * r;
    }
}
