//! The graph an architecture resolves to: layers of neurons `l = 0..=L` and the link layers
//! `l = 1..=L` between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::program::{Cell, Stage};
use crate::{Activation, Architecture, LinkLayer, NetworkError, Shape, plan};

/// A checked architecture: every shape known, every size within bounds.
///
/// Reshapes, dropout and activations add no layer. A pooling adds a layer of neurons and one of
/// links. A norm is folded into the links before it if that is possible ([`Norms::Folded`]), and
/// else is a layer of its own. A residual addition adds links to the layer that it is added to.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Layers of neurons, layer `l` at index `l`; at least two.
    pub neurons: Vec<NeuronLayer>,
    /// Layers of links, ordered by the layer of neurons that they lead to. At least one leads to
    /// every layer of neurons but inputs and beginnings of parts.
    pub links: Vec<LinkLayer>,
    pub(crate) tensors: Vec<TensorSpec>,
    /// How the values of layer `l` are computed, at index `l - 1`.
    pub(crate) program: Vec<Vec<Stage>>,
}

/// How a graph treats norms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Norms {
    /// Scale and shift are folded into the weights of the linear dense or convolutional layer
    /// directly before the norm, if there is one.
    #[default]
    Folded,
    /// Each norm is a layer of neurons with diagonal links.
    Separate,
}

/// A layer of neurons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeuronLayer {
    /// `l`, from 0 (the first inputs) to L (the last outputs).
    pub index: usize,
    /// Name of the module, `input` for the only inputs, `layer<i>` for modules without a name.
    pub name: String,
    /// Kind of the layer in the architecture.
    pub kind: LayerKind,
    /// Position in the network.
    pub role: Role,
    /// Shape of the neurons.
    pub shape: Shape,
    /// The activation; `None` if it is unknown. Inputs and poolings are linear.
    pub activation: Option<Activation>,
    /// On which sides it is not known what it is linked to.
    pub open: OpenSides,
}

/// Sides of a layer of neurons on which it is not known what it is linked to: where a part of a
/// network begins or ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenSides {
    /// Whether it is unknown what leads to it.
    pub into: bool,
    /// Whether it is unknown what it leads to.
    pub from: bool,
}

impl OpenSides {
    /// Whether any side is open.
    pub fn any(self) -> bool {
        self.into || self.from
    }
}

/// A tensor that an architecture expects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorSpec {
    /// The name in PyTorch: `<layer>.weight`, `<layer>.bias` and the like.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its use in the layer: `kernel of <layer>` and the like.
    pub used_as: String,
    /// Whether it is a buffer, as PyTorch calls a running mean or variance: updated in training,
    /// but no parameter.
    pub buffer: bool,
    /// Whether the tensor in the file may have more or fewer dimensions of size 1 than `shape`: a
    /// class token may be stored as `[1, 1, units]`.
    pub ignore_dimensions_of_1: bool,
}

impl TensorSpec {
    /// Number of values.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Kind of a layer of neurons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum LayerKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl LayerKind {
            /// The name in tables: that of the architecture's JSON, or `input`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

kinds! {
    /// A tensor of a network whose architecture is unknown. No layer of a graph has this kind.
    Tensor = "tensor",
    /// A whole network. No layer of a graph has this kind.
    Network = "network",
    /// The network's inputs.
    Input = "input",
    /// A dense layer.
    Dense = "dense",
    /// A one-dimensional convolution.
    Conv1d = "conv1d",
    /// A two-dimensional convolution.
    Conv2d = "conv2d",
    /// A transposed one-dimensional convolution.
    ConvTranspose1d = "conv_transpose1d",
    /// A transposed two-dimensional convolution.
    ConvTranspose2d = "conv_transpose2d",
    /// A maximum over windows of one dimension.
    MaxPool1d = "max_pool1d",
    /// A maximum over windows.
    MaxPool2d = "max_pool2d",
    /// A mean over windows of one dimension.
    AveragePool1d = "average_pool1d",
    /// A mean over windows.
    AveragePool2d = "average_pool2d",
    /// A maximum over a given number of windows of one dimension.
    AdaptiveMaxPool1d = "adaptive_max_pool1d",
    /// A maximum over a given number of windows.
    AdaptiveMaxPool2d = "adaptive_max_pool2d",
    /// A mean over a given number of windows of one dimension.
    AdaptiveAveragePool1d = "adaptive_average_pool1d",
    /// A mean over a given number of windows.
    AdaptiveAveragePool2d = "adaptive_average_pool2d",
    /// A maximum over all positions.
    GlobalMaxPool = "global_max_pool",
    /// A mean over all positions.
    GlobalAveragePool = "global_average_pool",
    /// A batch norm that is not folded.
    BatchNorm = "batch_norm",
    /// A layer norm that is not folded.
    LayerNorm = "layer_norm",
    /// A group norm that is not folded.
    GroupNorm = "group_norm",
    /// Elman's recurrent layer.
    Elman = "elman",
    /// A long short-term memory.
    Lstm = "lstm",
    /// A gated recurrent unit.
    Gru = "gru",
    /// A vector for every token.
    Embedding = "embedding",
    /// Queries, keys, values or outputs of an attention.
    Attention = "attention",
    /// A class token that makes a layer of neurons of its own, because the layer before it cannot
    /// take it.
    ClassToken = "class_token",
    /// Position embeddings that make a layer of neurons of their own, because the layer before them
    /// cannot take them.
    PositionEmbedding = "position_embedding",
    /// A residual addition that makes a layer of neurons of its own, because the layer before it
    /// cannot take it.
    Add = "add",
    /// Several layers side by side.
    Concat = "concat",
}

impl LayerKind {
    /// Names of the gates of an LSTM or a GRU; empty for all others.
    pub fn gates(self) -> &'static [&'static str] {
        match self {
            Self::Lstm => Cell::Lstm.gates(),
            Self::Gru => Cell::Gru.gates(),
            _ => &[],
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Position of a layer of neurons in the network. Layer 0 is the input, layer L the output, all
/// between are hidden, unless the architecture says that there are several inputs, outputs or
/// parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Inputs.
    Input,
    /// Layers between inputs and outputs, or inside a part.
    Hidden,
    /// Outputs.
    Output,
    /// The position is unknown: that of a layer with an open side, and of a tensor of no known
    /// layer.
    Unknown,
    /// That of a row about the whole network. No layer of a graph has this role.
    Network,
}

impl Role {
    /// The name in tables: `input`, `hidden`, `output`, `unknown` or `network`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Hidden => "hidden",
            Self::Output => "output",
            Self::Unknown => "unknown",
            Self::Network => "network",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Graph {
    /// Checks and resolves an architecture.
    ///
    /// # Errors
    /// A shape, kernel, padding or number of groups does not fit; two layers share a name; a layer
    /// refers to a name that no layer before it has; no layer has neurons; there are more neurons
    /// or parameters than [`MAX_NEURONS`](crate::MAX_NEURONS) and
    /// [`MAX_PARAMETERS`](crate::MAX_PARAMETERS).
    pub fn new(architecture: &Architecture, norms: Norms) -> Result<Self, NetworkError> {
        plan::resolve(architecture, norms)
    }

    /// Shape of the first input.
    pub fn input_shape(&self) -> Shape {
        self.neurons[0].shape
    }

    /// Number of neurons over all layers, inputs and outputs included. Each position of each
    /// channel is a neuron.
    pub fn n_neurons(&self) -> usize {
        let sizes = self.neurons.iter().map(|layer| layer.shape.n_neurons());
        sizes.sum()
    }

    /// The tensors of the network, in the order of the layers, a kernel before its bias.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }

    /// The links that lead to layer `l`, with their indices in [`Graph::links`].
    pub fn links_into(&self, layer: usize) -> impl Iterator<Item = (usize, &LinkLayer)> {
        let first = self.links.partition_point(|links| links.to < layer);
        let links = self.links.iter().enumerate().skip(first);
        links.take_while(move |(_, links)| links.to == layer)
    }
}

impl Architecture {
    /// The checked graph, with norms folded: [`Graph::new`].
    ///
    /// # Errors
    /// As [`Graph::new`].
    pub fn plan(&self) -> Result<Graph, NetworkError> {
        Graph::new(self, Norms::Folded)
    }

    /// The tensors of the network, in the order of the layers, a kernel before its bias.
    ///
    /// # Errors
    /// As [`Graph::new`].
    ///
    /// ```
    /// let json = r#"{"input": [1, 5, 5], "layers": [
    ///     {"kind": "conv2d", "filters": 2, "kernel": [3, 3], "bias": false},
    ///     {"kind": "flatten"}, {"kind": "dense", "name": "head", "units": 10}]}"#;
    /// let architecture: cntflow_network::Architecture = serde_json::from_str(json)?;
    /// let tensors = architecture.tensors()?;
    /// let named = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()));
    /// let listed: Vec<_> = named.collect();
    /// assert_eq!(listed[0], ("layer0.weight", &[2, 1, 3, 3][..]));
    /// assert_eq!(listed[1..], [("head.weight", &[10, 18][..]), ("head.bias", &[10])]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tensors(&self) -> Result<Vec<TensorSpec>, NetworkError> {
        Ok(self.plan()?.tensors)
    }
}
