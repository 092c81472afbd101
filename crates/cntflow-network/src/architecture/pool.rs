//! Poolings of an architecture.

use serde::{Deserialize, Serialize};

/// A two-dimensional pooling. Pairs are `[rows, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool2d {
    /// Name to refer to its output by. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Size of the window.
    pub window: [usize; 2],
    /// Step between windows; the window's size where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<[usize; 2]>,
    /// Zeros (average) or nothing (max) added on both sides.
    #[serde(default)]
    pub padding: [usize; 2],
}

/// A one-dimensional pooling along the columns of `[channels, columns]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool1d {
    /// Name to refer to its output by. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Size of the window.
    pub window: usize,
    /// Step between windows; the window's size where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Zeros (average) or nothing (max) added on both sides.
    #[serde(default)]
    pub padding: usize,
}

/// A pooling to a given number of places: output `o` of `n` takes the places from `floor(o input / n)` up to
/// `ceil((o + 1) input / n)`, as PyTorch does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool2d {
    /// Name to refer to its output by. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Rows and columns of the output.
    pub output: [usize; 2],
}

/// A one-dimensional pooling to a given number of places; see [`AdaptivePool2d`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptivePool1d {
    /// Name to refer to its output by. Empty: `layer<i>` by place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Columns of the output.
    pub output: usize,
}

/// A pooling over all places of each channel, which leaves a vector `[channels]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalPool {
    /// Name to refer to its output by. Empty: `layer<i>` by place.
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
            padding: [0, pool.padding],
        }
    }
}
