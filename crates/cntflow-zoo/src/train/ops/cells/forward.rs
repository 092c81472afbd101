//! The forward pass of a recurrent layer.

use pulp::Arch;

use super::{Cell, Kernels, Layer, Trace, elman, gru, lstm};
use crate::train::ops::{matrix, multiply};

/// One step of a batch.
pub(super) struct ForwardStep<'a> {
    pub(super) units: usize,
    /// The input's part of what the gates are activations of; the gates afterwards.
    pub(super) gates: &'a mut [f32],
    /// The part of the hidden state before.
    pub(super) recurrent: &'a [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a mut [f32],
    pub(super) inner_before: &'a [f32],
    pub(super) inner: &'a mut [f32],
}

impl Layer {
    /// Takes the sequences `x`, `[n_steps, n_images, n_in]`, through the layer, from a hidden state of zeros.
    pub(crate) fn forward(&self, kernels: Kernels, x: &[f32]) -> Trace {
        let state = self.state_size();
        let size = self.n_images * self.n_out();
        let mut trace = Trace {
            gates: vec![0.0; self.n_steps * size],
            hidden: vec![0.0; (1 + self.n_steps) * state],
            inner: vec![0.0; (1 + self.n_steps) * state],
        };
        linear(&mut trace.gates, x, kernels.input);
        let mut recurrent = vec![0.0; size];
        for (step, gates) in trace.gates.chunks_exact_mut(size).enumerate() {
            let (hidden_before, hidden) = neighbours(&mut trace.hidden, step, state);
            let (inner_before, inner) = neighbours(&mut trace.inner, step, state);
            linear(&mut recurrent, hidden_before, kernels.recurrent);
            self.cell.forward(ForwardStep {
                units: self.units,
                gates,
                recurrent: &recurrent,
                hidden_before,
                hidden,
                inner_before,
                inner,
            });
        }
        trace
    }
}

impl Cell {
    fn forward(self, step: ForwardStep) {
        Arch::new().dispatch(
            #[inline(always)]
            || match self {
                Self::Elman(activation) => elman::forward(activation, step),
                Self::Lstm => lstm::forward(step),
                Self::Gru => gru::forward(step),
            },
        );
    }
}

/// The states before and after `step`, of `size` values each.
fn neighbours(states: &mut [f32], step: usize, size: usize) -> (&[f32], &mut [f32]) {
    let (before, after) = states.split_at_mut((step + 1) * size);
    (&before[step * size..], &mut after[..size])
}

/// `target = x W^T + b`, the sizes by those of the biases and of the kernel.
fn linear(target: &mut [f32], x: &[f32], [kernel, biases]: [&[f32]; 2]) {
    let n_out = biases.len();
    let (n_rows, n_in) = (target.len() / n_out, kernel.len() / n_out);
    multiply(
        target,
        matrix(x, n_rows, n_in),
        matrix(kernel, n_out, n_in).transpose(),
    );
    for row in target.chunks_exact_mut(n_out) {
        row.iter_mut().zip(biases).for_each(|(s, b)| *s += b);
    }
}

/// `target += values`
#[inline(always)]
pub(super) fn add(target: &mut [f32], values: &[f32]) {
    target.iter_mut().zip(values).for_each(
        #[inline(always)]
        |(target, value)| *target += value,
    );
}

/// `values = function(values)`
#[inline(always)]
pub(super) fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(
        #[inline(always)]
        |value| *value = function(*value),
    );
}
