//! What a Keras file says of its model: the configuration, and the tensors of each layer.

use std::collections::HashMap;

/// The names of each layer's tensors, in the order in which Keras lists a layer's weights.
#[derive(Debug, Default)]
pub struct Layers {
    /// By the layer's own name.
    pub named: HashMap<String, Vec<String>>,
    /// By the name of the layer's group: its class, with `_1`, `_2`, ... from the second layer of
    /// the class on.
    pub counted: HashMap<String, Vec<String>>,
    /// Names and tensors in the order of the layers; empty if the file does not show the order.
    pub in_order: Vec<(String, Vec<String>)>,
}

/// What a file says of its model.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The configuration as JSON; `None` in files of weights alone.
    pub config: Option<&'a str>,
    /// The tensors of each layer.
    pub layers: &'a Layers,
    /// The backend that Keras 3 ran on, if the file has it: `torch`, `jax`, ...
    pub backend: Option<&'a str>,
}
