//! Convolutions of an architecture, and their transposes.

use serde::{Deserialize, Serialize};

use super::{Padding1d, Padding2d, one, ones, yes};
use crate::Activation;

/// A two-dimensional convolution. Pairs are `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>`, by
    /// its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of output channels.
    pub filters: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step from one position of the kernel to the next.
    #[serde(default = "ones")]
    pub stride: [usize; 2],
    /// Zeros added around the rows and the columns.
    #[serde(default)]
    pub padding: Padding2d,
    /// Distance between the kernel's taps.
    #[serde(default = "ones")]
    pub dilation: [usize; 2],
    /// Number of groups that channels and filters are divided into. A filter sees only the channels
    /// of its group. As many groups as channels make it depthwise.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` if it is unknown, as in some foreign checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A one-dimensional convolution along the columns of `[channels, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>`, by
    /// its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of output channels.
    pub filters: usize,
    /// Size of the kernel.
    pub kernel: usize,
    /// Step from one position of the kernel to the next.
    #[serde(default = "one")]
    pub stride: usize,
    /// Zeros added before and after.
    #[serde(default)]
    pub padding: Padding1d,
    /// Distance between the kernel's taps.
    #[serde(default = "one")]
    pub dilation: usize,
    /// Number of groups that channels and filters are divided into. A filter sees only the channels
    /// of its group.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` if it is unknown, as in some foreign checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A transposed two-dimensional convolution, as in decoders of autoencoders. Pairs are
/// `[rows, columns]`.
///
/// The output has `(n - 1) stride - padding + dilation (kernel - 1) + output_padding + 1` rows for
/// n input rows, and likewise columns; `padding` is the sum of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>`, by
    /// its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of output channels.
    pub filters: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step between the outputs of neighbouring inputs.
    #[serde(default = "ones")]
    pub stride: [usize; 2],
    /// Taken from the sides of the output's rows and columns.
    #[serde(default)]
    pub padding: Padding2d,
    /// Added at the end of the output's rows and columns; less than the stride.
    #[serde(default)]
    pub output_padding: [usize; 2],
    /// Distance between the kernel's taps.
    #[serde(default = "ones")]
    pub dilation: [usize; 2],
    /// Number of groups that channels and filters are divided into. A filter sees only the channels
    /// of its group.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` if it is unknown, as in some foreign checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A transposed one-dimensional convolution; see [`ConvTranspose2d`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose1d {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>`, by
    /// its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of output channels.
    pub filters: usize,
    /// Size of the kernel.
    pub kernel: usize,
    /// Step between the outputs of neighbouring inputs.
    #[serde(default = "one")]
    pub stride: usize,
    /// Taken from the sides of the output.
    #[serde(default)]
    pub padding: Padding1d,
    /// Added at the end of the output; less than the stride.
    #[serde(default)]
    pub output_padding: usize,
    /// Distance between the kernel's taps.
    #[serde(default = "one")]
    pub dilation: usize,
    /// Number of groups that channels and filters are divided into. A filter sees only the channels
    /// of its group.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` if it is unknown, as in some foreign checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A one-dimensional layer is the two-dimensional one over a single row.
impl From<&Conv1d> for Conv2d {
    fn from(layer: &Conv1d) -> Self {
        Self {
            name: layer.name.clone(),
            filters: layer.filters,
            kernel: [1, layer.kernel],
            stride: [1, layer.stride],
            padding: layer.padding.into(),
            dilation: [1, layer.dilation],
            groups: layer.groups,
            bias: layer.bias,
            activation: layer.activation,
        }
    }
}

/// A one-dimensional layer is the two-dimensional one over a single row.
impl From<&ConvTranspose1d> for ConvTranspose2d {
    fn from(layer: &ConvTranspose1d) -> Self {
        Self {
            name: layer.name.clone(),
            filters: layer.filters,
            kernel: [1, layer.kernel],
            stride: [1, layer.stride],
            padding: layer.padding.into(),
            output_padding: [0, layer.output_padding],
            dilation: [1, layer.dilation],
            groups: layer.groups,
            bias: layer.bias,
            activation: layer.activation,
        }
    }
}
