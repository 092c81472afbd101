//! How a forward pass computes the values of a layer of neurons, stage by stage.

use crate::norm::Norm;
use crate::{Activation, View};

/// One stage of the computation of a layer. Stages share one buffer: the first fills it, each later
/// one changes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Computes the pre-activations of the links with this index in `Graph::links`, with their
    /// bias.
    Links(usize),
    /// Adds another layer's values.
    Values(Source),
    /// Puts another layer's values beside those before, from the neuron `first` on.
    Beside { source: Source, first: usize },
    /// Normalises, scales and shifts.
    Norm(Norm),
    /// Prepends the tensor with this index in `Graph::tensors` to the steps of every input.
    Prepend(usize),
    /// Adds the tensor with this index in `Graph::tensors` to the values of every input.
    Constants(usize),
    /// Goes through the steps of a sequence.
    Recurrent(Recurrence),
}

/// The values of a layer as links see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) layer: usize,
    pub(crate) view: View,
}

/// A recurrent layer, one direction after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recurrence {
    pub(crate) source: Source,
    pub(crate) cell: Cell,
    pub(crate) n_in: usize,
    pub(crate) units: usize,
    pub(crate) directions: Vec<DirectionTensors>,
}

/// Indices of the tensors of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectionTensors {
    /// Kernels from the input and from the hidden units.
    pub(crate) kernels: [usize; 2],
    /// Their biases.
    pub(crate) biases: Option<[usize; 2]>,
}

/// The kind of a recurrent layer's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Elman(Activation),
    Lstm,
    Gru,
}

impl Cell {
    /// Names of the gates in the order of the kernels' rows. An Elman unit has one gate without a
    /// name.
    pub(crate) fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Elman(_) => &[""],
            Self::Lstm => &["i", "f", "g", "o"],
            Self::Gru => &["r", "z", "n"],
        }
    }
}
