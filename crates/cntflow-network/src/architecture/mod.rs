//! The architecture of a network as a plain, serialisable value: what a study file, a catalog
//! column or checkpoint metadata holds. It knows shapes and geometry, no weights.

mod convolution;
mod ends;
mod norm;
mod padding;
mod pool;
mod sequence;

use serde::{Deserialize, Serialize};

pub use convolution::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d};
pub use ends::{Input, Output};
pub use norm::{BatchNorm, GroupNorm, LayerNorm};
pub use padding::{Padding1d, Padding2d};
pub use pool::{AdaptivePool1d, AdaptivePool2d, GlobalPool, Pool1d, Pool2d};
pub use sequence::{
    Attention, ClassToken, Embedding, PositionEmbedding, Projections, Recurrent, Steps, StepsOf,
    TakeStep, TakenStep, TransformerEncoder,
};

use crate::Activation;

/// What a network is built of: the shape it takes and its layers in order.
///
/// As JSON:
///
/// ```json
/// {"input": [1, 28, 28], "layers": [
///     {"kind": "conv2d", "filters": 8, "kernel": [3, 3]},
///     {"kind": "flatten"},
///     {"kind": "dense", "units": 10, "activation": "softmax"}]}
/// ```
///
/// Every layer takes the output of the one before it. [`Add`] and [`Branch`] refer to an earlier
/// layer by its name; `input` is the name of the inputs. [`Input`] and [`Output`] make networks of
/// several inputs and outputs, and networks that are known in parts. Tensors are named and laid out
/// as PyTorch does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Shape of one input: `[units]` or `[channels, rows, columns]`. Two sizes are
    /// `[channels, columns]` if the first layer is a one-dimensional convolution or pooling, a
    /// global pooling, a batch norm or a group norm; else they are `[steps, units]`. One size is
    /// `[steps]` (token numbers) if the first layer is an embedding. Empty if the first layer is an
    /// [`Input`].
    pub input: Vec<usize>,
    /// The layers, from the input to the output.
    pub layers: Vec<Layer>,
}

/// One layer of an [`Architecture`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Links every unit to every node before; kernel `[units, n_in]`. An image is flattened in the
    /// order channel, row, column. For a sequence, the same kernel applies to every step.
    Dense(Dense),
    /// One-dimensional cross-correlation; kernel `[filters, channels / groups, kernel]`.
    Conv1d(Conv1d),
    /// Two-dimensional cross-correlation; kernel
    /// `[filters, channels / groups, kernel_rows, kernel_columns]`.
    Conv2d(Conv2d),
    /// Transposed one-dimensional cross-correlation; kernel `[channels, filters / groups, kernel]`.
    ConvTranspose1d(ConvTranspose1d),
    /// Transposed two-dimensional cross-correlation; kernel
    /// `[channels, filters / groups, kernel_rows, kernel_columns]`.
    ConvTranspose2d(ConvTranspose2d),
    /// Largest value of each window.
    MaxPool1d(Pool1d),
    /// Largest value of each window.
    MaxPool2d(Pool2d),
    /// Mean of each window (padding counts as zeros unless `count_padding` is false).
    AveragePool1d(Pool1d),
    /// Mean of each window (padding counts as zeros unless `count_padding` is false).
    AveragePool2d(Pool2d),
    /// Largest value of each of a given number of windows.
    AdaptiveMaxPool1d(AdaptivePool1d),
    /// Largest value of each of a given number of windows.
    AdaptiveMaxPool2d(AdaptivePool2d),
    /// Mean of each of a given number of windows.
    AdaptiveAveragePool1d(AdaptivePool1d),
    /// Mean of each of a given number of windows.
    AdaptiveAveragePool2d(AdaptivePool2d),
    /// Largest value of each channel.
    GlobalMaxPool(GlobalPool),
    /// Mean of each channel.
    GlobalAveragePool(GlobalPool),
    /// Inference-time scale and shift of each channel by its running mean and variance.
    BatchNorm(BatchNorm),
    /// Brings each input (for a sequence, each step) to mean 0 and variance 1 over its values, then
    /// scales and shifts it.
    LayerNorm(LayerNorm),
    /// The same over groups of channels.
    GroupNorm(GroupNorm),
    /// Elman's recurrent layer: `h_t = phi(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)`.
    Elman(Recurrent),
    /// Long short-term memory; gates i, f, g, o.
    Lstm(Recurrent),
    /// Gated recurrent unit; gates r, z, n.
    Gru(Recurrent),
    /// A vector for every token; kernel `[tokens, units]`.
    Embedding(Embedding),
    /// Multi-head self-attention.
    Attention(Attention),
    /// Attention and a feed-forward network with their residual additions and layer norms, as
    /// `nn.TransformerEncoderLayer`.
    TransformerEncoder(TransformerEncoder),
    /// A learned vector put before the steps of a sequence.
    ClassToken(ClassToken),
    /// Learned vectors, one for each step of a sequence, added to it.
    PositionEmbedding(PositionEmbedding),
    /// Rows or positions of an image become the steps of a sequence.
    Steps(Steps),
    /// One step of a sequence, or the mean over all steps.
    TakeStep(TakeStep),
    /// The output of an earlier layer added to that of the last.
    Add(Add),
    /// The outputs of earlier layers side by side.
    Concat(Concat),
    /// The layers that follow take the output of an earlier one.
    Branch(Branch),
    /// An activation as a layer of its own, applied to the layer before.
    Activation(Activate),
    /// Another layer of inputs, or the beginning of a part of the network.
    Input(Input),
    /// The layer before is an output, or the end of a part of the network.
    Output(Output),
    /// All of one input as a vector: `[channels, rows, columns]` to `[channels * rows * columns]`,
    /// `[steps, units]` to `[steps * units]`; adds no links.
    Flatten,
}

/// A dense layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>`, by
    /// its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of units.
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` if it is unknown, as in some foreign checkpoints. Before a norm, an
    /// addition or an activation layer none means linear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A residual addition: the output of an earlier layer is added to that of the last, which has the
/// same shape.
///
/// If the layer before is a linear dense layer or convolution, with or without a norm, its
/// pre-activations are added to. Otherwise the sum is a layer of neurons of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Name by which other layers refer to the sum. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name of the earlier layer; `input` for the inputs.
    pub from: String,
    /// Activation of the sum; linear by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// The outputs of earlier layers side by side: units behind units, channels behind channels. Images
/// have the same rows and columns, sequences the same number of steps.
///
/// They make a layer of neurons of its own, to which each neuron leads by a link of weight 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concat {
    /// Name by which other layers refer to it. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Names of the earlier layers, in their order; `input` for the inputs.
    pub from: Vec<String>,
}

/// The next layer takes the output of an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Name of the earlier layer; `input` for the inputs.
    pub from: String,
}

/// An activation as a layer of its own, as in PyTorch modules. It becomes the activation of the
/// layer before, which must not have one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The activation.
    pub activation: Activation,
}

impl Layer {
    /// Whether it is of a kind that has no name.
    pub(crate) fn is_nameless(&self) -> bool {
        matches!(
            self,
            Self::Steps(_) | Self::TakeStep(_) | Self::Branch(_) | Self::Output(_) | Self::Flatten
        )
    }

    /// Its own name; empty if it has none.
    pub fn name(&self) -> &str {
        match self {
            Self::Dense(layer) => &layer.name,
            Self::Conv1d(layer) => &layer.name,
            Self::Conv2d(layer) => &layer.name,
            Self::ConvTranspose1d(layer) => &layer.name,
            Self::ConvTranspose2d(layer) => &layer.name,
            Self::MaxPool1d(layer) | Self::AveragePool1d(layer) => &layer.name,
            Self::MaxPool2d(layer) | Self::AveragePool2d(layer) => &layer.name,
            Self::AdaptiveMaxPool1d(layer) | Self::AdaptiveAveragePool1d(layer) => &layer.name,
            Self::AdaptiveMaxPool2d(layer) | Self::AdaptiveAveragePool2d(layer) => &layer.name,
            Self::GlobalMaxPool(layer) | Self::GlobalAveragePool(layer) => &layer.name,
            Self::BatchNorm(layer) => &layer.name,
            Self::LayerNorm(layer) => &layer.name,
            Self::GroupNorm(layer) => &layer.name,
            Self::Elman(layer) | Self::Lstm(layer) | Self::Gru(layer) => &layer.name,
            Self::Embedding(layer) => &layer.name,
            Self::Attention(layer) => &layer.name,
            Self::TransformerEncoder(layer) => &layer.name,
            Self::ClassToken(layer) => &layer.name,
            Self::PositionEmbedding(layer) => &layer.name,
            Self::Add(layer) => &layer.name,
            Self::Activation(layer) => &layer.name,
            Self::Concat(layer) => &layer.name,
            Self::Input(layer) => &layer.name,
            Self::Steps(_)
            | Self::TakeStep(_)
            | Self::Branch(_)
            | Self::Output(_)
            | Self::Flatten => "",
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn ones() -> [usize; 2] {
    [1, 1]
}
