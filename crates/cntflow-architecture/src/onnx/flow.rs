//! Data on its way through a graph.

use super::axes::Axis;

/// Data on its way from the input to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    /// Number of layers when the last of them made it; 0 for the input.
    pub(super) n_layers: usize,
    /// What each of its axes is.
    pub(super) axes: Vec<Axis>,
}
