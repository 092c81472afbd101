//! The gated recurrent unit (Cho et al. 2014), as PyTorch has it: gates r, z, n, the reset gate applied after the
//! recurrent kernel.

use super::backward::BackwardStep;
use super::forward::{ForwardStep, add, each};
use crate::train::ops::vector_math::{sigmoid, tanh};

#[inline(always)]
pub(super) fn forward(step: ForwardStep) {
    let units = step.units;
    let rows = step.gates.chunks_exact_mut(3 * units);
    let rows = rows.zip(step.recurrent.chunks_exact(3 * units));
    let states = step.hidden_before.chunks_exact(units);
    let states = states.zip(step.hidden.chunks_exact_mut(units));
    let states = states.zip(step.inner.chunks_exact_mut(units));
    for ((gates, recurrent), ((before, hidden), inner)) in rows.zip(states) {
        let (both, candidate) = gates.split_at_mut(2 * units);
        add(both, recurrent);
        each(both, sigmoid);
        let (reset, update) = both.split_at(units);
        inner.copy_from_slice(&recurrent[2 * units..]);
        for ((candidate, reset), inner) in candidate.iter_mut().zip(reset).zip(&*inner) {
            *candidate = tanh(*candidate + reset * inner);
        }
        let values = candidate.iter().zip(update).zip(before);
        for (hidden, ((candidate, update), before)) in hidden.iter_mut().zip(values) {
            *hidden = (1.0 - update) * candidate + update * before;
        }
    }
}

#[inline(always)]
pub(super) fn backward(step: BackwardStep) {
    let units = step.units;
    let rows = step.gates.chunks_exact_mut(3 * units);
    let rows = rows.zip(step.recurrent.chunks_exact_mut(3 * units));
    let states = step.hidden_before.chunks_exact(units);
    let states = states.zip(step.inner.chunks_exact(units));
    let states = states.zip(step.hidden_gradient.chunks_exact_mut(units));
    for ((gates, recurrent), ((before, inner), gradient)) in rows.zip(states) {
        let (reset, both) = gates.split_at_mut(units);
        let (update, candidate) = both.split_at_mut(units);
        through_state(update, candidate, before, gradient);
        let (shared, own) = recurrent.split_at_mut(2 * units);
        through_candidate(reset, candidate, inner, own);
        shared[..units].copy_from_slice(reset);
        shared[units..].copy_from_slice(update);
    }
}

/// From the hidden state's gradient to those of the update gate, of the candidate and, past both, of the state before.
#[inline(always)]
fn through_state(update: &mut [f32], candidate: &mut [f32], before: &[f32], gradient: &mut [f32]) {
    let gates = update.iter_mut().zip(candidate);
    for ((update, candidate), (&before, gradient)) in gates.zip(before.iter().zip(gradient)) {
        let (z, n, g) = (*update, *candidate, *gradient);
        *update = g * (before - n) * (z * (1.0 - z));
        *candidate = g * (1.0 - z) * (1.0 - n * n);
        *gradient = g * z;
    }
}

/// From the candidate's gradient to the reset gate's and that of the hidden state's part of the candidate.
#[inline(always)]
fn through_candidate(reset: &mut [f32], candidate: &[f32], inner: &[f32], own: &mut [f32]) {
    let values = candidate.iter().zip(inner);
    for ((reset, own), (&g, &inner)) in reset.iter_mut().zip(own).zip(values) {
        let r = *reset;
        *own = g * r;
        *reset = g * inner * (r * (1.0 - r));
    }
}
