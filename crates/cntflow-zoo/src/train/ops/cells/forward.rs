//! The forward pass of a recurrent layer.

use pulp::Arch;

use super::step::ForwardStep;
use super::{Cell, RecurrentLayer, Trace, elman, gru, lstm};
use crate::train::ops::matrix::add;
use crate::train::ops::tape::Weights;

impl RecurrentLayer {
    /// Takes the sequences `x`, `[n_steps, n_images, n_in]`, through the layer, from a hidden state
    /// of zeros. `weights` are the input kernel's and the recurrent kernel's.
    pub(crate) fn forward(&self, weights: &[Weights], x: &[f32]) -> Trace {
        let (state_size, cells_size) = (self.state_size(), self.cells_size());
        let mut trace = Trace {
            gates: self.biases(weights).repeat(self.n_steps * self.n_images),
            hidden: vec![0.0; (1 + self.n_steps) * state_size],
            cells: vec![0.0; (1 + self.n_steps) * cells_size],
        };
        for block in self.input_blocks() {
            self.add_product(&mut trace.gates, block, x, &weights[0].kernel);
        }
        let gates_size = self.n_images * self.n_columns();
        for (step, gates) in trace.gates.chunks_exact_mut(gates_size).enumerate() {
            let (hidden_before, hidden) = around(&mut trace.hidden, step, state_size);
            let (cells_before, cells) = around(&mut trace.cells, step, cells_size);
            // The first hidden state is zero.
            if step > 0 {
                let block = self.recurrent_block();
                self.add_product(gates, block, hidden_before, &weights[1].kernel);
            }
            self.cell.forward(ForwardStep {
                units: self.units,
                gates,
                hidden_before,
                hidden,
                cells_before,
                cells,
            });
        }
        trace
    }

    /// The biases of both kernels, added up by column of the gates.
    fn biases(&self, weights: &[Weights]) -> Vec<f32> {
        let mut biases = vec![0.0; self.n_columns()];
        for block in self.input_blocks() {
            add(
                block.columns_mut(&mut biases),
                block.rows(&weights[0].biases, 1),
            );
        }
        let block = self.recurrent_block();
        add(
            block.columns_mut(&mut biases),
            block.rows(&weights[1].biases, 1),
        );
        biases
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
