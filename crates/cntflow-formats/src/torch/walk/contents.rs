//! What a walk over a PyTorch pickle finds.

use std::collections::BTreeMap;

use crate::{TensorEntry, numpy::array::StoredArray, torch::view::View};

/// What a pickle holds.
#[derive(Debug, Default)]
pub(crate) struct PickleContents {
    pub(crate) tensors: Vec<PickledTensor>,
    /// Numbers and texts beside the tensors, by their paths.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A tensor as the pickle describes it.
#[derive(Debug)]
pub(crate) struct PickledTensor {
    pub(crate) entry: TensorEntry,
    pub(crate) elements: ElementLocation,
}

/// Where the elements of a tensor are.
#[derive(Debug)]
pub(crate) enum ElementLocation {
    /// In the storage with this key, seen through a view.
    InStorage(String, View),
    /// In the pickle: a NumPy array.
    InPickle(StoredArray),
    /// Nowhere that can be read, for this reason.
    Unreadable(String),
}
