//! Architectures that a file carries: its format's description, translated.

use std::collections::BTreeMap;

use cntflow_formats::{Description, OpenCheckpoint};
use cntflow_network::Architecture;

use crate::{TensorRecipe, keras, onnx, snapshots, torch_module, zoo_matrix};

/// An architecture that a file carries or that its tensors tell, and what recipes it.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedArchitecture {
    /// The architecture, or why the one carried cannot be expressed.
    pub architecture: Result<Architecture, String>,
    /// For tensors that the architecture expects, by their names there, what they are made of. A tensor that is not listed is the
    /// file's tensor of the same name.
    pub recipes: BTreeMap<String, TensorRecipe>,
    /// What is not certain about it.
    pub assumptions: Vec<String>,
}

/// The architecture that the file itself describes; `None` where it describes none.
pub(crate) fn embedded(checkpoint: &OpenCheckpoint) -> Option<EmbeddedArchitecture> {
    let tensors = checkpoint.tensors();
    match checkpoint.description()? {
        Description::Keras(model) => keras::embedded(&model, tensors),
        Description::Onnx(graph) => Some(onnx::follow(&graph.model, graph.file)),
        Description::TorchSequential(pickle) => torch_module::embedded(pickle),
        Description::Snapshot => snapshots::embedded(tensors),
        Description::ZooRow(variables) => Some(zoo_matrix::embedded(
            variables,
            &zoo_matrix::ZooHints::default(),
        )),
    }
}
