//! How the values of a layer of neurons are made, stage by stage, in a forward pass.

use crate::norm::Norm;
use crate::{Activation, View};

/// One stage. Each works on what the stages before it made, the first of a layer on nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Adds what the links at this place bring of the layer they come from, and their bias.
    Links(usize),
    /// Adds another layer's values.
    Values(Source),
    /// Normalises, scales and shifts.
    Norm(Norm),
    /// Puts a tensor before the steps.
    Prepend(usize),
    /// Adds a tensor to every input's values.
    Constants(usize),
    /// Goes through the steps of a sequence.
    Recurrent(Recurrence),
}

/// The values of a layer as they are seen.
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

/// Places of one direction's tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectionTensors {
    /// Kernels from the input and from the hidden units.
    pub(crate) kernels: [usize; 2],
    /// Their biases.
    pub(crate) biases: Option<[usize; 2]>,
}

/// What a recurrent layer's units are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Elman(Activation),
    Lstm,
    Gru,
}

impl Cell {
    /// Names of the gates in the order of the kernels' rows; an Elman unit has one without a name.
    pub(crate) fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Elman(_) => &[""],
            Self::Lstm => &["i", "f", "g", "o"],
            Self::Gru => &["r", "z", "n"],
        }
    }
}
