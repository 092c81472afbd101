//! The architecture of a network as a plain, serialisable value: what a study file, a catalog column or
//! checkpoint metadata holds. It knows shapes and geometry, no weights.

use serde::{Deserialize, Serialize};

use crate::Activation;

/// What a network is built of: the shape it takes and its layers in order.
///
/// As JSON: `{"input": [1, 28, 28], "layers": [{"kind": "conv2d", "filters": 8, "kernel": [3, 3]}, {"kind": "flatten"},
/// {"kind": "dense", "units": 10, "activation": "softmax"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Shape of one input: `[units]`, or `[channels, rows, columns]`.
    pub input: Vec<usize>,
    /// The layers, from the input to the output.
    pub layers: Vec<Layer>,
}

/// One layer of an [`Architecture`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// Every unit linked to every node before; kernel `[units, n_in]`. A convolutional layer before it is flattened in
    /// the order channel, row, column.
    Dense(Dense),
    /// Two-dimensional cross-correlation; kernel `[filters, channels / groups, kernel_rows, kernel_columns]`.
    Conv2d(Conv2d),
    /// Largest value of each window.
    MaxPool2d(Pool2d),
    /// Mean of each window (padded places count as zeros).
    AveragePool2d(Pool2d),
    /// `[channels, rows, columns]` to `[channels * rows * columns]`; adds no links.
    Flatten,
}

/// A dense layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of units.
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` where a foreign checkpoint does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A two-dimensional convolution. Pairs are `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Name of the module; its tensors are `<name>.weight` and `<name>.bias`. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Number of output channels.
    pub filters: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step between the places where the kernel is applied.
    #[serde(default = "ones")]
    pub stride: [usize; 2],
    /// Zeros added on both sides of the rows and of the columns.
    #[serde(default)]
    pub padding: [usize; 2],
    /// Distance between the kernel's taps.
    #[serde(default = "ones")]
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    #[serde(default = "one")]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation; `None` where a foreign checkpoint does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A two-dimensional pooling. Pairs are `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool2d {
    /// Size of the window.
    pub window: [usize; 2],
    /// Step between windows; the window's size where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<[usize; 2]>,
    /// Zeros (average) or nothing (max) added on both sides.
    #[serde(default)]
    pub padding: [usize; 2],
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
