//! The gated recurrent unit (Cho et al. 2014), as PyTorch has it: gates r, z, n, the reset gate
//! applied after the recurrent kernel.

use super::step::{BackwardStep, ForwardStep};
use crate::train::ops::activate::apply;
use crate::train::ops::matrix::add;
use crate::train::ops::vector_math::{sigmoid, tanh};

#[inline(always)]
pub(super) fn forward(step: ForwardStep) {
    let ForwardStep {
        units,
        gates,
        recurrent,
        hidden_before,
        hidden,
        inner,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(3 * units)
        .zip(recurrent.chunks_exact(3 * units))
        .zip(hidden_before.chunks_exact(units))
        .zip(hidden.chunks_exact_mut(units))
        .zip(inner.chunks_exact_mut(units));
    for ((((gates, recurrent), before), hidden), inner) in images {
        let (first_gates, candidate) = gates.split_at_mut(2 * units);
        add(first_gates, recurrent);
        apply(first_gates, sigmoid);
        let (reset, update) = first_gates.split_at(units);
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
    let BackwardStep {
        units,
        gates,
        recurrent,
        hidden_before,
        inner,
        hidden_gradient,
        ..
    } = step;
    let images = gates
        .chunks_exact_mut(3 * units)
        .zip(recurrent.chunks_exact_mut(3 * units))
        .zip(hidden_before.chunks_exact(units))
        .zip(inner.chunks_exact(units))
        .zip(hidden_gradient.chunks_exact_mut(units));
    for ((((gates, recurrent), before), inner), gradient) in images {
        let (reset, gates) = gates.split_at_mut(units);
        let (update, candidate) = gates.split_at_mut(units);
        through_state(update, candidate, before, gradient);
        // Input and hidden state are added up in the first two gates, so that both get the same
        // gradient there.
        let (first_gates, recurrent_candidate) = recurrent.split_at_mut(2 * units);
        through_candidate(reset, candidate, inner, recurrent_candidate);
        first_gates[..units].copy_from_slice(reset);
        first_gates[units..].copy_from_slice(update);
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

/// From the gradient of the candidate's pre-activation, `W_in x + b_in + r inner`, to those of the
/// reset gate's pre-activation and of `inner = W_hn h + b_hn`.
#[inline(always)]
fn through_candidate(
    reset: &mut [f32],
    candidate: &[f32],
    inner: &[f32],
    inner_gradient: &mut [f32],
) {
    let values = candidate.iter().zip(inner);
    for ((reset, inner_gradient), (&g, &inner)) in reset.iter_mut().zip(inner_gradient).zip(values)
    {
        let r = *reset;
        *inner_gradient = g * r;
        *reset = g * inner * (r * (1.0 - r));
    }
}
