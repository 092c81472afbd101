//! One recurrent layer over a batch of sequences, forward and backward through time.
//!
//! Values are stored by time step, then by image. So the values of one step lie together, and one
//! matrix product over all steps is enough for the input kernel, and one for the gradients of each
//! kernel. Only the product of the hidden state with the recurrent kernel is made step by step.

mod backward;
mod columns;
mod elman;
mod forward;
mod gru;
mod lstm;
mod step;

use cntflow_network::Activation;

/// How a hidden state is made of the input and the previous hidden state. Gates stand in PyTorch's
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// `h' = phi(W_ih x + b_ih + W_hh h + b_hh)`; the result of phi must determine its derivative.
    Elman(Activation),
    /// Gates i (input), f (forget), g (candidate), o (output); `c' = f c + i g`, `h' = o tanh(c')`.
    Lstm,
    /// Gates r (reset), z (update), n (candidate) with `n = tanh(W_in x + b_in + r (W_hn h +
    /// b_hn))`; `h' = (1 - z) n + z h`.
    Gru,
}

/// The sizes of one layer over one batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecurrentLayer {
    pub(crate) cell: Cell,
    pub(crate) n_steps: usize,
    pub(crate) n_images: usize,
    pub(crate) n_in: usize,
    pub(crate) units: usize,
}

/// What a forward pass keeps for the backward pass.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Gates after their activations, `[n_steps, n_images, n_columns]`. A GRU has a fourth column
    /// block (see [`columns`]); an Elman cell, whose hidden state is its gate, only uses them in
    /// the backward pass.
    gates: Vec<f32>,
    /// Hidden states, `[1 + n_steps, n_images, units]`, the first one zero.
    hidden: Vec<f32>,
    /// Cell states of an LSTM, `[1 + n_steps, n_images, units]`, the first one zero. Empty for
    /// other cells.
    cells: Vec<f32>,
}

impl Cell {
    /// Number of gates.
    pub(crate) fn n_gates(self) -> usize {
        match self {
            Self::Elman(_) => 1,
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

impl RecurrentLayer {
    /// Number of values in one step's hidden states.
    fn state_size(&self) -> usize {
        self.n_images * self.units
    }

    /// Number of values in one step's cell states; 0 if the cell has none.
    fn cells_size(&self) -> usize {
        if self.cell == Cell::Lstm {
            self.state_size()
        } else {
            0
        }
    }

    /// Rows of the kernels.
    fn n_out(&self) -> usize {
        self.cell.n_gates() * self.units
    }
}

impl Trace {
    /// Hidden states after each step, `[n_steps, n_images, units]`.
    pub(crate) fn states(&self, layer: &RecurrentLayer) -> &[f32] {
        &self.hidden[layer.state_size()..]
    }

    /// The hidden state after the last step, `[n_images, units]`.
    pub(crate) fn last_state(&self, layer: &RecurrentLayer) -> &[f32] {
        &self.hidden[layer.n_steps * layer.state_size()..]
    }
}
