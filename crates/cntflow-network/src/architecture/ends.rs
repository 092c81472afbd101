//! Where a network, or a part of one, begins and ends.

use serde::{Deserialize, Serialize};

/// A layer of inputs. The layers that follow take it, up to the next `input` or `branch`.
///
/// An architecture whose `input` is empty begins with such a layer. It may have more of them: a
/// network has several inputs, and a network that is known in parts has one where each part begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the layer of neurons. Empty: `layer<i>`, by its index.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its shape, as [`Architecture::input`](crate::Architecture::input) has it. The layer behind
    /// it decides what two sizes are.
    pub shape: Vec<usize>,
    /// Whether it is no input of the network: it is the beginning of a part, and what leads to it
    /// is not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

/// The end of a network or of a part: the layer before it is an output. The last layer of an
/// architecture is an output of the network without it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Whether it is no output of the network: it is the end of a part, and what it leads to is not
    /// known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

fn is_false(value: &bool) -> bool {
    !*value
}
