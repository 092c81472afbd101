//! Layers of links: which neurons they join, by which weights.

use crate::norm::Norm;
use crate::{TakenStep, Window};

/// Links that lead from one layer of neurons to another, or back to the same one in a recurrent layer. Several may lead to one
/// layer: those of gates and of residual additions.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkLayer {
    /// `l` of the layer of neurons they lead to.
    pub index: usize,
    /// `l` of the layer of neurons they come from.
    pub from: usize,
    /// First of the neurons they lead to, and first of those they come from; not 0 in the second direction of a bidirectional
    /// layer only.
    pub first: [usize; 2],
    /// Name of the layer, with that of the gate where there are several, or of the residual addition.
    pub name: String,
    /// Which neurons they join.
    pub links: Links,
    /// How the neurons they come from are seen.
    pub view: View,
    /// Where the kernel lies among the network's tensors; poolings and residual additions have none.
    pub kernel: Option<TensorSlice>,
    /// Where the bias lies, if there is one.
    pub bias: Option<TensorSlice>,
    /// The norm folded into the weights, or the one these links are the scale and shift of.
    pub(crate) norm: Option<Norm>,
}

impl LinkLayer {
    /// Whether a norm is folded into the weights, or they are those of a norm.
    pub fn has_norm(&self) -> bool {
        self.norm.is_some()
    }
}

/// Rows of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSlice {
    /// Place of the tensor in [`Graph::tensors`](crate::Graph::tensors).
    pub tensor: usize,
    /// Place of the first value.
    pub first: usize,
    /// Shape of the rows.
    pub shape: Vec<usize>,
}

impl TensorSlice {
    /// Number of values.
    pub fn n_values(&self) -> usize {
        self.shape.iter().product()
    }
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
    /// The transpose of a convolution: a kernel `[channels, filters / groups, rows, columns]`, each input sent to the places of
    /// the output that a convolution would gather it from.
    ConvTranspose2d {
        /// Channels before.
        channels: usize,
        /// Channels after.
        filters: usize,
        /// Groups of channels that do not see each other.
        groups: usize,
        /// The window of the convolution the other way: its input is this layer's output.
        window: Window,
    },
    /// Largest value of each window, channel by channel.
    MaxPool2d {
        /// Channels before and after.
        channels: usize,
        /// Where the windows lie.
        window: Window,
    },
    /// Mean of each window, channel by channel.
    AveragePool2d {
        /// Channels before and after.
        channels: usize,
        /// Where the windows lie.
        window: Window,
        /// The same windows over the places that the mean counts: where padding counts, that is an input like any other here.
        counted: Window,
    },
    /// Largest value or mean of each of a given number of windows, channel by channel.
    AdaptivePool {
        /// Whether it is the largest value.
        max: bool,
        /// Channels before and after.
        channels: usize,
        /// Rows and columns before.
        input: [usize; 2],
        /// Rows and columns after.
        output: [usize; 2],
    },
    /// Every neuron to the one at its place, by the weight of its channel: the scale of a norm.
    Diagonal {
        /// Channels, each with a weight of its own.
        channels: usize,
        /// Neurons of each channel.
        places: usize,
    },
    /// Every token to every unit; kernel `[tokens, units]`.
    Embedding {
        /// Tokens.
        tokens: usize,
        /// Units.
        units: usize,
    },
    /// Every neuron to the one at its place, by weight 1: a residual addition.
    Identity {
        /// Neurons.
        n: usize,
    },
    /// Constant-one neurons to every unit, as biases do: a class token, embeddings of positions. Their weights are in the bias,
    /// `[n, units]`.
    Constants {
        /// Constant neurons.
        n: usize,
        /// Units.
        units: usize,
    },
}

impl Links {
    /// Whether they carry no weights of their own: those of a maximum and of a residual addition.
    pub fn is_routing(&self) -> bool {
        matches!(
            self,
            Self::MaxPool2d { .. } | Self::AdaptivePool { max: true, .. } | Self::Identity { .. }
        )
    }
}

/// How the values of a layer are seen by links that come from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// As they are.
    #[default]
    Same,
    /// As one vector.
    Flat,
    /// Rows of channels as steps: `[channels, rows, columns]` as `[rows, channels columns]`.
    Rows,
    /// Places as steps: `[channels, rows, columns]` as `[rows columns, channels]`.
    Places,
    /// One step of a sequence.
    Step(TakenStep),
    /// The values of an attention, mixed over steps by its queries and keys.
    Attended {
        /// `l` of the queries.
        query: usize,
        /// `l` of the keys.
        key: usize,
        /// Number of heads.
        heads: usize,
    },
}

/// The places that output `o` of an adaptive pooling takes.
///
/// ```
/// assert_eq!(cntflow_network::adaptive_window(7, 3, 1), 2..5);
/// ```
pub fn adaptive_window(input: usize, output: usize, o: usize) -> std::ops::Range<usize> {
    o * input / output..((o + 1) * input).div_ceil(output)
}
