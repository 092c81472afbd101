//! The list of tensors that each layout of Keras is read into.

use super::Layers;

/// Why the state of an optimizer is no weight.
pub(super) const OPTIMIZER: &str = "optimizer state";

/// Tensors as a layout lists them.
#[derive(Default)]
pub(super) struct Listing {
    /// Name, index of the dataset, and why it is no weight.
    pub(super) tensors: Vec<(String, usize, Option<String>)>,
    /// Which layer has which of them.
    pub(super) layers: Layers,
}
