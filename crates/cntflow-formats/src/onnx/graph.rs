//! What an ONNX file says of its model: the whole graph.

use super::proto::Model;

/// A model's graph with the file that its messages lie in.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The model: nodes, inputs, outputs and tensors.
    pub model: Model<'a>,
    /// The bytes of the whole file.
    pub file: &'a [u8],
}
