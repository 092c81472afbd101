//! The description of the model that a file contains beside its tensors, in the terms of its
//! format.

use crate::{keras::Model as KerasModel, onnx::Graph, pickle::Pickle, zoo_matrix::Variable};

/// What a checkpoint says of its model beside the tensors. The crate `cntflow-architecture` turns
/// it into a network.
#[derive(Debug)]
pub enum Description<'a> {
    /// A Keras model: its layers and, unless the file has only weights, its configuration.
    Keras(KerasModel<'a>),
    /// An ONNX graph.
    Onnx(Graph<'a>),
    /// A pickled `torch.nn.Sequential`.
    TorchSequential(&'a Pickle),
    /// Kernels `[n_in, n_out]` in the order of the layers, as MLP-CN stacks them.
    Snapshot,
    /// A row of the Small CNN Zoo's matrix.
    ZooRow(&'a [Variable]),
}
