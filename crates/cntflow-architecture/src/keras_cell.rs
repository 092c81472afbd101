//! The tensors of Keras' recurrent layers, laid out as PyTorch's.

use crate::recipe::{TensorRecipe, TensorSlice};

/// Kinds of recurrent layers that Keras has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Elman,
    Lstm,
    Gru,
}

impl Cell {
    /// The cell whose kernels have so many gates.
    pub(crate) fn of_gates(n_gates: usize) -> Option<Self> {
        match n_gates {
            1 => Some(Self::Elman),
            3 => Some(Self::Gru),
            4 => Some(Self::Lstm),
            _ => None,
        }
    }

    pub(crate) fn of_class(class: &str) -> Option<Self> {
        match class {
            "SimpleRNN" => Some(Self::Elman),
            "LSTM" => Some(Self::Lstm),
            "GRU" => Some(Self::Gru),
            _ => None,
        }
    }

    /// A kernel `[n_in, gates * units]` as `[gates * units, n_in]`.
    pub(crate) fn kernel(self, tensor: &str, units: usize) -> TensorRecipe {
        let transposed = || TensorSlice::permuted(tensor, &[1, 0]);
        match self {
            Self::Gru => gru_gates(|gate| transposed().keep(1, gate * units, (gate + 1) * units)),
            // An LSTM has i, f, c, o, which is PyTorch's order.
            Self::Elman | Self::Lstm => TensorRecipe::Slice(transposed()),
        }
    }

    /// The bias `[gates * units]` of the inputs or of the state, which begins at `first` in a
    /// tensor of one dimension.
    pub(crate) fn bias_from(self, tensor: &str, first: usize, units: usize) -> TensorRecipe {
        let part = |start: usize, gates: usize| {
            let start = first + start * units;
            TensorSlice::whole(tensor).keep(0, start, start + gates * units)
        };
        match self {
            Self::Gru => gru_gates(|gate| part(gate, 1)),
            Self::Elman => TensorRecipe::Slice(part(0, 1)),
            Self::Lstm => TensorRecipe::Slice(part(0, 4)),
        }
    }

    /// Biases of the inputs and of the state. A GRU has both as rows of one tensor, others have
    /// that of the inputs alone.
    pub(crate) fn biases(self, tensor: &str, units: usize) -> [TensorRecipe; 2] {
        match self {
            Self::Gru => [0, 1].map(|row| {
                gru_gates(|gate| {
                    TensorSlice::whole(tensor)
                        .keep(0, row, row + 1)
                        .keep(1, gate * units, (gate + 1) * units)
                        .shaped(&[units])
                })
            }),
            Self::Elman | Self::Lstm => [
                TensorRecipe::Slice(TensorSlice::whole(tensor)),
                TensorRecipe::Zeros,
            ],
        }
    }
}

/// The gates of a GRU in PyTorch's order r, z, n; Keras has z, r, h.
fn gru_gates(gate: impl Fn(usize) -> TensorSlice) -> TensorRecipe {
    TensorRecipe::Concat([1, 0, 2].map(gate).to_vec())
}
