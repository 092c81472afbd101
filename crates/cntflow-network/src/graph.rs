//! The graph an architecture resolves to: layers of neurons `l = 0..=L` and the link layers `l = 1..=L` between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Activation, Architecture, NetworkError, Shape, Window, plan};

/// A checked architecture: every shape known, every size within bounds.
///
/// Flattening adds no layer; a pooling is a layer of neurons and of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Layers of neurons, layer `l` at place `l`; at least two.
    pub neurons: Vec<NeuronLayer>,
    /// Link layer `l`, which leads from neuron layer `l - 1` to `l`, at place `l - 1`.
    pub links: Vec<LinkLayer>,
}

/// A layer of neurons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeuronLayer {
    /// `l`, from 0 (the inputs) to L (the outputs).
    pub index: usize,
    /// Name of the module, `input` for the inputs, `layer<i>` for those without one.
    pub name: String,
    /// What kind of layer made it.
    pub kind: LayerKind,
    /// Where it stands.
    pub role: Role,
    /// Its neurons.
    pub shape: Shape,
    /// What is applied to its pre-activations; `None` where nobody knows. Inputs and poolings are linear.
    pub activation: Option<Activation>,
}

/// The links that lead to one layer of neurons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLayer {
    /// `l` of the neuron layer they lead to.
    pub index: usize,
    /// Name of that layer.
    pub name: String,
    /// Which neurons they join.
    pub links: Links,
    /// The kernel's tensor; poolings have none.
    pub kernel: Option<TensorSpec>,
    /// The bias's tensor, where there is one.
    pub bias: Option<TensorSpec>,
}

/// Which neurons a layer of links joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Every neuron before to every unit; kernel `[n_out, n_in]`.
    Dense {
        /// Neurons before.
        n_in: usize,
        /// Units.
        n_out: usize,
    },
    /// A kernel `[filters, channels / groups, rows, columns]` applied at every output of the window.
    Conv2d {
        /// Channels before.
        channels: usize,
        /// Channels after.
        filters: usize,
        /// Groups of channels that do not see each other.
        groups: usize,
        /// Where the kernel is applied.
        window: Window,
    },
    /// Largest value of each window, channel by channel.
    MaxPool2d {
        /// Channels before and after.
        channels: usize,
        /// Where the windows lie.
        window: Window,
    },
    /// Mean of each window, channel by channel, padding counted as zeros.
    AveragePool2d {
        /// Channels before and after.
        channels: usize,
        /// Where the windows lie.
        window: Window,
    },
}

/// A tensor an architecture expects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorSpec {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Number of values.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What made a layer of neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// The network's inputs.
    Input,
    /// A dense layer.
    Dense,
    /// A two-dimensional convolution.
    Conv2d,
    /// A maximum over windows.
    MaxPool2d,
    /// A mean over windows.
    AveragePool2d,
}

impl LayerKind {
    /// The name tables carry: that of the architecture's JSON, or `input`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Dense => "dense",
            Self::Conv2d => "conv2d",
            Self::MaxPool2d => "max_pool2d",
            Self::AveragePool2d => "average_pool2d",
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a layer of neurons stands: 0 is the input, L the output, all between are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Layer 0.
    Input,
    /// Layers 1 to L - 1.
    Hidden,
    /// Layer L.
    Output,
}

impl Role {
    /// The name tables carry: `input`, `hidden` or `output`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Hidden => "hidden",
            Self::Output => "output",
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
    /// A shape, a kernel, groups or padding that do not fit, two layers of one name, no layer at all, or more neurons or
    /// parameters than [`MAX_NEURONS`](crate::MAX_NEURONS) and [`MAX_PARAMETERS`](crate::MAX_PARAMETERS).
    pub fn new(architecture: &Architecture) -> Result<Self, NetworkError> {
        plan::resolve(architecture)
    }

    /// Shape of one input.
    pub fn input_shape(&self) -> Shape {
        self.neurons[0].shape
    }

    /// Number of neurons over all layers, inputs and outputs included, every place of a convolution one.
    pub fn n_neurons(&self) -> usize {
        let sizes = self.neurons.iter().map(|layer| layer.shape.n_neurons());
        sizes.sum()
    }

    /// The tensors it takes, link layer by link layer, the kernel before the bias.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorSpec> {
        self.links
            .iter()
            .flat_map(|layer| layer.kernel.iter().chain(&layer.bias))
    }
}

impl Architecture {
    /// The checked graph: [`Graph::new`].
    ///
    /// # Errors
    /// As [`Graph::new`].
    pub fn plan(&self) -> Result<Graph, NetworkError> {
        Graph::new(self)
    }

    /// The tensors it takes, in the order of the layers, the kernel before the bias.
    ///
    /// # Errors
    /// As [`Graph::new`].
    ///
    /// ```
    /// let json = r#"{"input": [1, 5, 5], "layers": [{"kind": "conv2d", "filters": 2, "kernel": [3, 3], "bias": false},
    ///     {"kind": "flatten"}, {"kind": "dense", "name": "head", "units": 10}]}"#;
    /// let architecture: cntflow_network::Architecture = serde_json::from_str(json)?;
    /// let tensors = architecture.tensors()?;
    /// let listed: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.shape.as_slice())).collect();
    /// assert_eq!(listed[0], ("layer0.weight", &[2, 1, 3, 3][..]));
    /// assert_eq!(listed[1..], [("head.weight", &[10, 18][..]), ("head.bias", &[10])]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tensors(&self) -> Result<Vec<TensorSpec>, NetworkError> {
        Ok(Graph::new(self)?.tensors().cloned().collect())
    }
}
