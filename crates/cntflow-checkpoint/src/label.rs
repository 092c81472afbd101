//! What is known about a checkpoint from outside its weights: accuracy, data set, hyperparameters, ...

use serde::{Deserialize, Serialize};

/// One label's value. It crosses wires and files, so its encoding tells its type (no untagged form).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Label {
    /// A flag.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A real number; NaN where it is known to be none.
    Real(f64),
    /// Any text.
    Text(String),
}

impl From<bool> for Label {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<i64> for Label {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Label {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Label {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Label {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}
