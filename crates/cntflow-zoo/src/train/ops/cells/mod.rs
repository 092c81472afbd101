//! One recurrent layer over a batch of sequences, forward and backward through time.
//!
//! Everything is kept by step, then by image: what a step needs lies together, the product with the input kernel is one
//! for all steps, and so are those that give the kernels' gradients.

mod backward;
mod elman;
mod forward;
mod gru;
mod lstm;

use cntflow_network::Activation;

/// How a hidden state is made of the input and the hidden state before. Gates stand in PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// `h' = phi(W_ih x + b_ih + W_hh h + b_hh)`; phi is one whose result tells its derivative.
    Elman(Activation),
    /// Gates i, f, g, o; `c' = f c + i g`, `h' = o tanh(c')`.
    Lstm,
    /// Gates r, z, n, of which `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`; `h' = (1 - z) n + z h`.
    Gru,
}

/// A layer over a batch, with all sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) cell: Cell,
    pub(crate) n_steps: usize,
    pub(crate) n_images: usize,
    pub(crate) n_in: usize,
    pub(crate) units: usize,
}

/// A layer's input kernel `[n_gates * units, n_in]` and recurrent kernel `[n_gates * units, units]`, each with its
/// biases.
#[derive(Clone, Copy)]
pub(crate) struct Kernels<'a> {
    pub(crate) input: [&'a [f32]; 2],
    pub(crate) recurrent: [&'a [f32]; 2],
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Gates after their activations, `[n_steps, n_images, n_gates * units]`.
    gates: Vec<f32>,
    /// Hidden states, `[1 + n_steps, n_images, units]`, the first one zero.
    hidden: Vec<f32>,
    /// LSTM: cell states; GRU: `W_hn h + b_hn`. `[1 + n_steps, n_images, units]`, the first one zero.
    inner: Vec<f32>,
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

impl Layer {
    /// Values of one step's hidden states.
    fn state_size(&self) -> usize {
        self.n_images * self.units
    }

    /// Rows of the recurrent kernel.
    fn n_out(&self) -> usize {
        self.cell.n_gates() * self.units
    }
}

impl Trace {
    /// Hidden states of all steps, `[n_steps, n_images, units]`.
    pub(crate) fn states(&self, layer: &Layer) -> &[f32] {
        &self.hidden[layer.state_size()..]
    }

    /// The hidden state after the last step, `[n_images, units]`.
    pub(crate) fn last_state(&self, layer: &Layer) -> &[f32] {
        &self.hidden[layer.n_steps * layer.state_size()..]
    }
}
