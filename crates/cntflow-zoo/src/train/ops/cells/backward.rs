//! The backward pass of a recurrent layer, through time.

use pulp::Arch;

use super::step::BackwardStep;
use super::{Cell, RecurrentLayer, Trace, elman, gru, lstm};
use crate::train::ops::matrix::{add, add_column_sums, matrix, multiply, multiply_add};
use crate::train::ops::tape::{WeightGradients, Weights};

impl RecurrentLayer {
    /// Adds to the `gradients` of the input kernel and of the recurrent kernel. Returns the
    /// gradient of `x`; an empty vector if it is not needed, as for the bottom layer, which reads
    /// the images.
    ///
    /// `state_gradients`, `[n_steps, n_images, units]`, come from outside the layer: from the layer
    /// above or the loss.
    pub(crate) fn backward(
        &self,
        weights: &[Weights],
        x: &[f32],
        trace: Trace,
        state_gradients: &[f32],
        gradients: &mut [WeightGradients],
        needs_x_gradient: bool,
    ) -> Vec<f32> {
        let Trace {
            mut gates,
            hidden,
            inner,
        } = trace;
        let kernel = &weights[1].kernel;
        let recurrent_gradients =
            self.through_time(kernel, &mut gates, [&hidden, &inner], state_gradients);
        let for_recurrent_kernel = if recurrent_gradients.is_empty() {
            &gates
        } else {
            &recurrent_gradients
        };
        let hidden_before = &hidden[..self.n_steps * self.state_size()];
        add_gradients(&mut gradients[0], &gates, x);
        add_gradients(&mut gradients[1], for_recurrent_kernel, hidden_before);
        if !needs_x_gradient {
            return Vec::new();
        }
        let mut x_gradient = vec![0.0; x.len()];
        let g = matrix(&gates, self.n_steps * self.n_images, self.n_out());
        let kernel = matrix(&weights[0].kernel, self.n_out(), self.n_in);
        multiply(&mut x_gradient, g, kernel);
        x_gradient
    }

    /// Goes back through the steps. On return `gates` holds the gradients of the input's part of
    /// the pre-activations, `W_ih x + b_ih`. Only in a GRU do the gradients of the hidden state's
    /// part, `W_hh h + b_hh`, differ from these: they are returned. For other cells the returned
    /// vector is empty.
    fn through_time(
        &self,
        recurrent_kernel: &[f32],
        gates: &mut [f32],
        [hidden, inner]: [&[f32]; 2],
        state_gradients: &[f32],
    ) -> Vec<f32> {
        let (state_size, gates_size) = (self.state_size(), self.n_images * self.n_out());
        let kernel = matrix(recurrent_kernel, self.n_out(), self.units);
        let part_size = if self.cell == Cell::Gru {
            gates_size
        } else {
            0
        };
        let mut recurrent_gradients = vec![0.0; self.n_steps * part_size];
        let mut hidden_gradient = vec![0.0; state_size];
        let mut inner_gradient = vec![0.0; state_size];
        for step in (0..self.n_steps).rev() {
            let gates = &mut gates[step * gates_size..][..gates_size];
            let recurrent_gradients = &mut recurrent_gradients[step * part_size..][..part_size];
            // The state of this step has two users: the next step and what is outside the layer.
            add(
                &mut hidden_gradient,
                &state_gradients[step * state_size..][..state_size],
            );
            self.cell.backward(BackwardStep {
                units: self.units,
                gates,
                recurrent: recurrent_gradients,
                hidden_before: &hidden[step * state_size..][..state_size],
                hidden: &hidden[(step + 1) * state_size..][..state_size],
                inner_before: &inner[step * state_size..][..state_size],
                inner: &inner[(step + 1) * state_size..][..state_size],
                hidden_gradient: &mut hidden_gradient,
                inner_gradient: &mut inner_gradient,
            });
            let for_recurrent_kernel = if part_size == 0 {
                &*gates
            } else {
                &*recurrent_gradients
            };
            let g = matrix(for_recurrent_kernel, self.n_images, self.n_out());
            multiply_add(&mut hidden_gradient, g, kernel);
        }
        recurrent_gradients
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

/// Adds to the gradients of a kernel `[n_out, n_in]` and its biases: `g`, `[n_rows, n_out]`, is the
/// gradient of what they made from `x`, `[n_rows, n_in]`.
fn add_gradients(gradients: &mut WeightGradients, g: &[f32], x: &[f32]) {
    let n_out = gradients.biases.len();
    let n_rows = g.len() / n_out;
    let transposed = matrix(g, n_rows, n_out).transpose();
    let x = matrix(x, n_rows, gradients.kernel.len() / n_out);
    multiply_add(&mut gradients.kernel, transposed, x);
    add_column_sums(g, &mut gradients.biases);
}
