//! The backward pass of a recurrent layer, through time.

use pulp::Arch;

use super::{Cell, Kernels, Layer, Trace, elman, gru, lstm};
use crate::train::ops::{WeightGradients, matrix, multiply, multiply_add};

/// One step of a batch, the later steps done.
pub(super) struct BackwardStep<'a> {
    pub(super) units: usize,
    /// The gates; afterwards the gradients of the input's part of what they are activations of.
    pub(super) gates: &'a mut [f32],
    /// GRU: afterwards the gradients of the hidden state's part, which differ from the input's. Empty otherwise.
    pub(super) recurrent: &'a mut [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a [f32],
    pub(super) inner_before: &'a [f32],
    pub(super) inner: &'a [f32],
    /// The gradient of the hidden state; afterwards what goes from it to the state before past the recurrent kernel.
    pub(super) hidden_gradient: &'a mut [f32],
    /// LSTM: the gradient of the cell state that later steps leave; afterwards what this one leaves.
    pub(super) inner_gradient: &'a mut [f32],
}

impl Layer {
    /// Adds to the gradients of the input kernel and the recurrent one; returns that of `x`, empty where it is not asked
    /// for. `state_gradients`, `[n_steps, n_images, units]`, are those of the hidden states from outside the layer.
    pub(crate) fn backward(
        &self,
        kernels: Kernels,
        x: &[f32],
        trace: Trace,
        state_gradients: &[f32],
        [of_input, of_recurrent]: [&mut WeightGradients; 2],
        with_x: bool,
    ) -> Vec<f32> {
        let Trace {
            mut gates,
            hidden,
            inner,
        } = trace;
        let own = self.through_time(kernels, &mut gates, [&hidden, &inner], state_gradients);
        let recurrent = if own.is_empty() { &gates } else { &own };
        add_gradients(of_input, &gates, x);
        let before = &hidden[..self.n_steps * self.state_size()];
        add_gradients(of_recurrent, recurrent, before);
        let mut x_gradient = vec![0.0; if with_x { x.len() } else { 0 }];
        if with_x {
            let g = matrix(&gates, self.n_steps * self.n_images, self.n_out());
            let kernel = matrix(kernels.input[0], self.n_out(), self.n_in);
            multiply(&mut x_gradient, g, kernel);
        }
        x_gradient
    }

    /// Turns gates into the gradients of what they are activations of. Returns those of the hidden state's part where
    /// they are others, nothing where they are the same.
    fn through_time(
        &self,
        kernels: Kernels,
        gates: &mut [f32],
        [hidden, inner]: [&[f32]; 2],
        state_gradients: &[f32],
    ) -> Vec<f32> {
        let (state, size) = (self.state_size(), self.n_images * self.n_out());
        let kernel = matrix(kernels.recurrent[0], self.n_out(), self.units);
        let own_size = if self.cell == Cell::Gru { size } else { 0 };
        let mut own = vec![0.0; self.n_steps * own_size];
        let (mut hidden_gradient, mut inner_gradient) = (vec![0.0; state], vec![0.0; state]);
        for step in (0..self.n_steps).rev() {
            let gates = &mut gates[step * size..][..size];
            let own = &mut own[step * own_size..][..own_size];
            let from_outside = &state_gradients[step * state..][..state];
            let sums = hidden_gradient.iter_mut().zip(from_outside);
            sums.for_each(|(sum, g)| *sum += g);
            self.cell.backward(BackwardStep {
                units: self.units,
                gates,
                recurrent: own,
                hidden_before: &hidden[step * state..][..state],
                hidden: &hidden[(step + 1) * state..][..state],
                inner_before: &inner[step * state..][..state],
                inner: &inner[(step + 1) * state..][..state],
                hidden_gradient: &mut hidden_gradient,
                inner_gradient: &mut inner_gradient,
            });
            let recurrent = if own_size == 0 { &*gates } else { &*own };
            let g = matrix(recurrent, self.n_images, self.n_out());
            multiply_add(&mut hidden_gradient, g, kernel);
        }
        own
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

/// Adds the gradients of a kernel `[n_out, n_in]` and its biases: `g` are those of its results `[n_rows, n_out]` to
/// `x`, `[n_rows, n_in]`.
fn add_gradients(gradients: &mut WeightGradients, g: &[f32], x: &[f32]) {
    let n_out = gradients.biases.len();
    let n_rows = g.len() / n_out;
    let transposed = matrix(g, n_rows, n_out).transpose();
    let x = matrix(x, n_rows, gradients.kernel.len() / n_out);
    multiply_add(&mut gradients.kernel, transposed, x);
    for row in g.chunks_exact(n_out) {
        let sums = gradients.biases.iter_mut().zip(row);
        sums.for_each(|(sum, g)| *sum += g);
    }
}
