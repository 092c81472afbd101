//! The forward pass of a recurrent layer.

use pulp::Arch;

use super::step::ForwardStep;
use super::{Cell, RecurrentLayer, Trace, elman, gru, lstm};
use crate::train::ops::matrix::{add_biases, matrix, multiply};
use crate::train::ops::tape::Weights;

impl RecurrentLayer {
    /// Takes the sequences `x`, `[n_steps, n_images, n_in]`, through the layer, from a hidden state
    /// of zeros. `weights` are the input kernel's and the recurrent kernel's.
    pub(crate) fn forward(&self, weights: &[Weights], x: &[f32]) -> Trace {
        let state_size = self.state_size();
        let gates_size = self.n_images * self.n_out();
        let mut trace = Trace {
            gates: vec![0.0; self.n_steps * gates_size],
            hidden: vec![0.0; (1 + self.n_steps) * state_size],
            inner: vec![0.0; (1 + self.n_steps) * state_size],
        };
        linear(&mut trace.gates, x, &weights[0]);
        let mut recurrent = vec![0.0; gates_size];
        for (step, gates) in trace.gates.chunks_exact_mut(gates_size).enumerate() {
            let (hidden_before, hidden) = around(&mut trace.hidden, step, state_size);
            let (inner_before, inner) = around(&mut trace.inner, step, state_size);
            linear(&mut recurrent, hidden_before, &weights[1]);
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
fn around(states: &mut [f32], step: usize, size: usize) -> (&[f32], &mut [f32]) {
    let (before, after) = states.split_at_mut((step + 1) * size);
    (&before[step * size..], &mut after[..size])
}

/// `target = x W^T + b`, with `target` `[n_rows, n_out]` and `x` `[n_rows, n_in]`; there is one
/// bias for each output.
fn linear(target: &mut [f32], x: &[f32], Weights { kernel, biases }: &Weights) {
    let n_out = biases.len();
    let (n_rows, n_in) = (target.len() / n_out, kernel.len() / n_out);
    let transposed = matrix(kernel, n_out, n_in).transpose();
    multiply(target, matrix(x, n_rows, n_in), transposed);
    add_biases(target, biases);
}
