//! Poolings of an architecture.

use serde::{Deserialize, Serialize};

use super::{Padding1d, Padding2d, yes};

/// A two-dimensional pooling. Pairs are `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool2d {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Size of the window.
    pub window: [usize; 2],
    /// Step between windows; the window's size by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<[usize; 2]>,
    /// Padding around the rows and the columns. A mean takes it as zeros (see `count_padding`), a
    /// maximum ignores it.
    #[serde(default)]
    pub padding: Padding2d,
    /// Whether a mean counts padding as zeros (PyTorch's default), or is only over the real inputs
    /// of a window (Keras). Nothing else depends on it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub count_padding: bool,
    /// Whether a last window that reaches beyond the padded input makes an output too (PyTorch's
    /// `ceil_mode`). It must begin before the padding at the end. A mean never counts what is
    /// beyond.
    #[serde(default, skip_serializing_if = "is_no")]
    pub ceil_mode: bool,
}

/// A one-dimensional pooling along the columns of `[channels, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool1d {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Size of the window.
    pub window: usize,
    /// Step between windows; the window's size by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Padding before and after. A mean takes it as zeros (see `count_padding`), a maximum ignores
    /// it.
    #[serde(default)]
    pub padding: Padding1d,
    /// Whether a mean counts padding as zeros (PyTorch's default), or is only over the real inputs
    /// of a window (Keras). Nothing else depends on it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub count_padding: bool,
    /// Whether a last window that reaches beyond the padded input makes an output too (PyTorch's
    /// `ceil_mode`). It must begin before the padding at the end. A mean never counts what is
    /// beyond.
    #[serde(default, skip_serializing_if = "is_no")]
    pub ceil_mode: bool,
}

/// A pooling to a given number of outputs. Output `o` of `n` takes the inputs from
/// `floor(o input / n)` up to `ceil((o + 1) input / n)`, as in PyTorch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool2d {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Rows and columns of the output.
    pub output: [usize; 2],
}

/// A one-dimensional pooling to a given number of outputs; see [`AdaptivePool2d`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool1d {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Columns of the output.
    pub output: usize,
}

/// A pooling over all positions of each channel, which gives a vector `[channels]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalPool {
    /// Name by which other layers refer to its output. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A one-dimensional layer is the two-dimensional one over a single row.
impl From<&Pool1d> for Pool2d {
    fn from(pool: &Pool1d) -> Self {
        Self {
            name: pool.name.clone(),
            window: [1, pool.window],
            stride: pool.stride.map(|stride| [1, stride]),
            padding: pool.padding.into(),
            count_padding: pool.count_padding,
            ceil_mode: pool.ceil_mode,
        }
    }
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_no(value: &bool) -> bool {
    !*value
}
