//! What `[populations]` may say of checkpoints, values and shapes.

use serde::{Deserialize, Serialize};

/// Which checkpoints of a run belong to populations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ComparedCheckpoints {
    /// The one of the highest step. If it was not measured, no earlier one takes its place.
    #[default]
    Last,
    /// All.
    All,
}

/// How the values of the label make populations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PopulationsBy {
    /// Each range of numbers is a population.
    Bins,
    /// Each value is a population.
    Value,
}

/// Which networks are compared with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ComparedShapes {
    /// Those of equal shape, layer by layer.
    #[default]
    Equal,
    /// All, role by role.
    Any,
}
