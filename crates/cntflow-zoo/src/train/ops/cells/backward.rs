//! The backward pass of a recurrent layer, through time.

use pulp::Arch;

use super::columns::Block;
use super::step::BackwardStep;
use super::{Cell, RecurrentLayer, Trace, elman, gru, lstm};
use crate::train::ops::matrix::{add, add_column_sums, matrix, multiply_add};
use crate::train::ops::tape::{WeightGradients, Weights};

impl RecurrentLayer {
    /// Adds to the `gradients` of the input kernel and of the recurrent kernel. Returns the
    /// gradient of `x`; an empty vector if it is not needed, as for the bottom layer, which reads
    /// the images.
    ///
    /// `state_gradients`, `[n_last_steps, n_images, units]`, come from outside the layer: from the
    /// layer above, for all steps, or from the loss, for the last step alone.
    pub(crate) fn backward(
        &self,
        weights: &[Weights],
        x: &[f32],
        mut trace: Trace,
        state_gradients: &[f32],
        gradients: &mut [WeightGradients],
        needs_x_gradient: bool,
    ) -> Vec<f32> {
        let sums = self.through_time(&weights[1].kernel, &mut trace, state_gradients);
        let Trace { gates, hidden, .. } = trace;
        for block in self.input_blocks() {
            self.add_kernel_gradient(&mut gradients[0], block, &gates, x);
            add(
                block.rows_mut(&mut gradients[0].biases, 1),
                block.columns(&sums),
            );
        }
        let block = self.recurrent_block();
        // The hidden state before the first step is zero.
        let gates_after_first = &gates[self.n_images * self.n_columns()..];
        let hidden_before = &hidden[self.state_size()..self.n_steps * self.state_size()];
        self.add_kernel_gradient(&mut gradients[1], block, gates_after_first, hidden_before);
        add(
            block.rows_mut(&mut gradients[1].biases, 1),
            block.columns(&sums),
        );
        if needs_x_gradient {
            self.x_gradient(&weights[0].kernel, &gates)
        } else {
            Vec::new()
        }
    }

    /// Goes back through the steps. On return the gates of `trace` are the gradients of their
    /// pre-activations, and the result is the sum of these over steps and images, by column.
    fn through_time(
        &self,
        recurrent_kernel: &[f32],
        trace: &mut Trace,
        state_gradients: &[f32],
    ) -> Vec<f32> {
        let (state_size, cells_size) = (self.state_size(), self.cells_size());
        let kernel = matrix(recurrent_kernel, self.n_out(), self.units);
        let first_with_gradient = self.n_steps - state_gradients.len() / state_size;
        let mut sums = vec![0.0; self.n_columns()];
        let mut hidden_gradient = vec![0.0; state_size];
        let mut cell_gradient = vec![0.0; cells_size];
        let steps = trace
            .gates
            .chunks_exact_mut(self.n_images * self.n_columns());
        for (step, gates) in steps.enumerate().rev() {
            // The state of this step has two users: the next step and what is outside the layer.
            if step >= first_with_gradient {
                let outside = &state_gradients[(step - first_with_gradient) * state_size..];
                add(&mut hidden_gradient, &outside[..state_size]);
            }
            self.cell.backward(BackwardStep {
                units: self.units,
                gates,
                hidden_before: &trace.hidden[step * state_size..][..state_size],
                hidden: &trace.hidden[(step + 1) * state_size..][..state_size],
                cells_before: &trace.cells[step * cells_size..][..cells_size],
                cells: &trace.cells[(step + 1) * cells_size..][..cells_size],
                hidden_gradient: &mut hidden_gradient,
                cell_gradient: &mut cell_gradient,
            });
            Arch::new().dispatch(
                #[inline(always)]
                || add_column_sums(gates, &mut sums),
            );
            if step > 0 {
                let g = self.columns(gates, self.recurrent_block());
                multiply_add(&mut hidden_gradient, g, kernel);
            }
        }
        sums
    }

    /// Adds to the gradient of a kernel's rows: `gates` are gradients, of what the rows of `block`
    /// made from `x`.
    fn add_kernel_gradient(
        &self,
        gradients: &mut WeightGradients,
        block: Block,
        gates: &[f32],
        x: &[f32],
    ) {
        let n_in = gradients.kernel.len() / self.n_out();
        let g = self.columns(gates, block);
        let x = matrix(x, g.nrows(), n_in);
        multiply_add(
            block.rows_mut(&mut gradients.kernel, n_in),
            g.transpose(),
            x,
        );
    }

    /// The gradient of `x`, `[n_steps, n_images, n_in]`, from the gradients of the gates.
    fn x_gradient(&self, input_kernel: &[f32], gates: &[f32]) -> Vec<f32> {
        let mut x_gradient = vec![0.0; self.n_steps * self.n_images * self.n_in];
        for block in self.input_blocks() {
            let rows = matrix(block.rows(input_kernel, self.n_in), block.size, self.n_in);
            multiply_add(&mut x_gradient, self.columns(gates, block), rows);
        }
        x_gradient
    }
}

impl Cell {
    fn backward(self, step: BackwardStep) {
        Arch::new().dispatch(
            #[inline(always)]
            || match self {
                Self::Elman(activation) => elman::backward(activation, step),
                Self::Lstm => lstm::backward(step),
                Self::Gru => gru::backward(step),
            },
        );
    }
}
