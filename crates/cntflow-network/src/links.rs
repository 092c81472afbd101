//! Layers of links: which neurons they join, and with which weights.

use crate::norm::Norm;
use crate::{TakenStep, Window};

/// Links that lead from one layer of neurons to another, or back to the same one in a recurrent
/// layer. Several layers of links may lead to one layer of neurons: those of gates and of residual
/// additions.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkLayer {
    /// `l` of the layer of neurons they lead to.
    pub to: usize,
    /// `l` of the layer of neurons they come from. For `Constants`, which come from no layer, the
    /// same as `to`.
    pub from: usize,
    /// First channel that they lead to, and first channel that they come from; a unit is a channel.
    /// Other values than 0 have the second direction of a bidirectional layer, and layers that
    /// stand beside others.
    pub first_neurons: [usize; 2],
    /// Name of the layer, with the name of the gate if it has several, or of the residual addition.
    pub name: String,
    /// Which neurons they join.
    pub links: Links,
    /// How they see the neurons that they come from.
    pub view: View,
    /// The kernel among the network's tensors; `None` for poolings and residual additions.
    pub kernel: Option<TensorSlice>,
    /// The bias among the network's tensors, if there is one.
    pub bias: Option<TensorSlice>,
    /// The norm that is folded into the weights, or whose scale and shift are the weights.
    pub(crate) norm: Option<Norm>,
}

impl LinkLayer {
    /// Whether a norm is folded into the weights, or the weights are those of a norm.
    pub fn has_norm(&self) -> bool {
        self.norm.is_some()
    }
}

/// Contiguous rows of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSlice {
    /// Index of the tensor in [`Graph::tensors`](crate::Graph::tensors).
    pub tensor: usize,
    /// Index of the first value in the tensor.
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
    /// A kernel `[filters, channels / groups, rows, columns]` applied at every output of the
    /// window.
    Conv2d {
        /// Channels before.
        channels: usize,
        /// Channels after.
        filters: usize,
        /// Number of groups that channels and filters are divided into. A filter sees only the
        /// channels of its group.
        groups: usize,
        /// Where the kernel is applied.
        window: Window,
    },
    /// The transpose of a convolution, with a kernel `[channels, filters / groups, rows, columns]`.
    /// Each input is sent to the outputs from which the convolution that this one transposes would
    /// take it.
    ConvTranspose2d {
        /// Channels before.
        channels: usize,
        /// Channels after.
        filters: usize,
        /// Number of groups that channels and filters are divided into. A filter sees only the
        /// channels of its group.
        groups: usize,
        /// The window of the convolution that this one transposes. That convolution's output is
        /// this layer's input, and its input is this layer's output.
        window: Window,
    },
    /// Largest value of each window, channel by channel.
    MaxPool2d {
        /// Channels before and after.
        channels: usize,
        /// The windows.
        window: Window,
    },
    /// Mean of each window, channel by channel.
    AveragePool2d {
        /// Channels before and after.
        channels: usize,
        /// The windows.
        window: Window,
        /// The same windows, for the divisor of the mean: taps that see an input in this window are
        /// counted. With `count_padding`, its inputs include the padding.
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
    /// Every neuron to the one at the same position, with the weight of its channel: the scale of a
    /// norm.
    Diagonal {
        /// Channels, each with a weight of its own.
        channels: usize,
        /// Neurons of each channel.
        positions: usize,
    },
    /// Every token to every unit; kernel `[tokens, units]`.
    Embedding {
        /// Tokens.
        tokens: usize,
        /// Units.
        units: usize,
    },
    /// Every neuron to the one at the same position, with weight 1: a residual addition.
    Identity {
        /// Neurons.
        n: usize,
    },
    /// Every neuron to the one of its channel and position in a layer that has several layers side
    /// by side, with weight 1.
    Beside {
        /// Channels.
        channels: usize,
        /// Neurons of each.
        positions: usize,
    },
    /// Links from `n` constant-one neurons, which are not in the graph, to every unit: a class
    /// token, or position embeddings. As with a bias, the weights `[n, units]` are in `bias`, and
    /// `from` is the same layer as `to`.
    Constants {
        /// Constant neurons.
        n: usize,
        /// Units.
        units: usize,
    },
}

/// How links see the values of the layer that they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// As they are.
    #[default]
    Same,
    /// As one vector.
    Flat,
    /// Rows of channels as steps: `[channels, rows, columns]` as `[rows, channels * columns]`.
    Rows,
    /// Positions as steps: `[channels, rows, columns]` as `[rows * columns, channels]`.
    Positions,
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

/// The inputs of output `o` of an adaptive pooling, along one axis.
///
/// ```
/// assert_eq!(cntflow_network::adaptive_window(7, 3, 1), 2..5);
/// ```
pub fn adaptive_window(input: usize, output: usize, o: usize) -> std::ops::Range<usize> {
    o * input / output..((o + 1) * input).div_ceil(output)
}
