//! Architectures that a file embeds: which translator reads the description of which format.

use cntflow_formats::{Description, OpenCheckpoint};

use crate::error::Translated;
use crate::resolved::ResolvedArchitecture;
use crate::{keras, onnx, snapshots, torch_module, zoo_matrix};

/// The architecture that the file itself describes, or why it cannot be expressed; `None` where the
/// file describes none.
pub(crate) fn embedded(checkpoint: &OpenCheckpoint) -> Option<Translated<ResolvedArchitecture>> {
    let tensors = checkpoint.tensors();
    let translated = match checkpoint.description()? {
        Description::Keras(model) => keras::translate(&model, tensors)?,
        Description::Onnx(graph) => onnx::translate(&graph.model, graph.file),
        Description::TorchSequential(pickle) => torch_module::translate(pickle)?,
        Description::Snapshot => snapshots::translate(tensors)?,
        Description::ZooRow(variables) => {
            zoo_matrix::translate(variables, &zoo_matrix::ZooHints::default())
        }
    };
    // Each translator names a source of its own; for a file the name of its format is shown
    // instead.
    Some(translated.map(|resolved| ResolvedArchitecture {
        source: checkpoint.format(),
        ..resolved
    }))
}

/// Whether the file describes its network as a graph of operators: which tensor is a kernel, and in
/// which layout, is then told by the operators alone.
pub(crate) fn tells_operators(checkpoint: &OpenCheckpoint) -> bool {
    // Its description is not asked for: it is read anew on each call.
    checkpoint.format() == "ONNX"
}
