//! Layers of an architecture over the steps of a sequence.

use serde::{Deserialize, Serialize};

use super::norm::epsilon;
use super::{one, yes};
use crate::Activation;

/// A recurrent layer over the steps of a sequence: Elman, LSTM or GRU; stacked and bidirectional
/// ones too.
///
/// With n = gates * units, its tensors are `<name>.weight_ih_l<k>` `[n, n_in]`,
/// `<name>.weight_hh_l<k>` `[n, units]`, `<name>.bias_ih_l<k>` and `<name>.bias_hh_l<k>` `[n]`, k
/// from 0, with the suffix `_reverse` for the other direction. Gates are in PyTorch's order: i, f,
/// g, o of an LSTM; r, z, n of a GRU. The output is `[steps, units]`, or `[steps, 2 * units]` of
/// both directions, the forward one first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Hidden units of each direction.
    pub units: usize,
    /// Number of stacked layers. Several make neurons `<name>.l0`, `<name>.l1`, ...
    #[serde(default = "one")]
    pub layers: usize,
    /// Whether there is a second direction, from the last step to the first.
    #[serde(default)]
    pub bidirectional: bool,
    /// Whether biases are added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation of an Elman layer, tanh by default. Those of gated layers are fixed, and none may
    /// be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A vector for every token. The input is token numbers `[steps]`, and layer 0 has a node per
/// token. Only the first layer may be an embedding. Its tensor is `<name>.weight`
/// `[tokens, units]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of tokens.
    pub tokens: usize,
    /// Length of the vectors.
    pub units: usize,
}

/// Multi-head self-attention over the steps of a sequence:
/// `softmax(q k^T / sqrt(units / heads)) v`, head by head, then a projection. It has as many units
/// as its input. Neurons `<name>.q`, `<name>.k`, `<name>.v` and `<name>.out`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of heads, which divides the units.
    pub heads: usize,
    /// Whether biases are added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// How the projections' tensors are named.
    #[serde(default)]
    pub projections: Projections,
}

/// How the projections of an attention are named and laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Projections {
    /// As `nn.MultiheadAttention`: `<name>.in_proj_weight` `[3 * units, units]` (q, k, v),
    /// `<name>.in_proj_bias`, `<name>.out_proj.weight`, `<name>.out_proj.bias`.
    #[default]
    Torch,
    /// `<name>.qkv.weight` `[3 * units, units]`, `<name>.proj.weight` and their biases, as timm's
    /// vision transformers.
    Qkv,
    /// Four modules below `<name>`, named here, each with its weight `[units, units]` and bias.
    Separate {
        /// Name of the query's module, `q_proj` say.
        query: String,
        /// Name of the key's module.
        key: String,
        /// Name of the value's module.
        value: String,
        /// Name of the output projection's module.
        output: String,
    },
}

/// A transformer's encoder block, as `nn.TransformerEncoderLayer`: attention, an addition, a layer
/// norm; two dense layers, an addition, a layer norm. It stands for the layers `<name>.self_attn`
/// (attention), `<name>.linear1` and `<name>.linear2` (dense), `<name>.norm1` and `<name>.norm2`
/// (layer norms), and two additions `<name>.sum1` and `<name>.sum2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerEncoder {
    /// Name of the module. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of heads.
    pub heads: usize,
    /// Units of the first dense layer.
    pub feed_forward: usize,
    /// Activation of the first dense layer.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Whether norms come before attention and dense layers, instead of after the additions.
    #[serde(default)]
    pub norm_first: bool,
    /// Whether biases are added, those of the norms among them.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Added to the norms' variance.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// How the attention's tensors are named.
    #[serde(default)]
    pub projections: Projections,
}

/// A learned vector before the steps of a sequence. Its tensor `<name>` has the shape `[units]`.
/// Dimensions of size 1 in the file are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassToken {
    /// Name of the tensor.
    pub name: String,
}

/// Learned vectors, one for each step of a sequence, added to it. Their tensor `<name>` has the
/// shape `[steps, units]`. Dimensions of size 1 in the file are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionEmbedding {
    /// Name of the tensor.
    pub name: String,
}

/// Makes the steps of a sequence out of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Rows or positions.
    pub of: StepsOf,
}

/// What becomes the steps of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepsOf {
    /// `[channels, rows, columns]` to `[rows, channels * columns]`: an image row by row.
    Rows,
    /// `[channels, rows, columns]` to `[rows * columns, channels]`: a token per position.
    Places,
}

/// One step of a sequence: `[steps, units]` to `[units]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeStep {
    /// Which step.
    pub which: TakenStep,
}

/// Which step of a sequence is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenStep {
    /// The first step, which may be that of a class token.
    First,
    /// The last step.
    Last,
    /// The step at which each direction of a bidirectional layer ends: the last for the first half
    /// of the units, the first for the second half. For other layers the last step.
    Final,
    /// The mean over all steps.
    Mean,
}

fn relu() -> Activation {
    Activation::Relu
}
