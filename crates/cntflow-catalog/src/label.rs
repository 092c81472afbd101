//! Labels: what is known about a checkpoint beside its weights, such as accuracy, data set and
//! hyperparameters.

use arcstr::ArcStr;
use serde::{Deserialize, Serialize};

/// The value of a label. It is sent between processes and written to files, so it is serialised
/// with the name of its variant: `{"Real": 0.5}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Label {
    /// A flag.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A real number, which may be NaN or infinite.
    Real(f64),
    /// Any text.
    Text(ArcStr),
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
        Self::Text(value.into())
    }
}

impl From<String> for Label {
    fn from(value: String) -> Self {
        Self::Text(value.into())
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

impl Label {
    /// The label that a text represents: a flag, a whole number, a real number, or else the text.
    pub fn parse(text: &str) -> Self {
        if let Ok(flag) = text.parse() {
            return Self::Flag(flag);
        }
        if let Ok(whole) = text.parse() {
            return Self::Integer(whole);
        }
        text.parse()
            .map_or_else(|_| Self::Text(text.into()), Self::Real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_label_that_they_represent() {
        let check = |text: &str, label: Label| assert_eq!(Label::parse(text), label, "{text}");
        check("true", Label::Flag(true));
        check("-3", Label::Integer(-3));
        check("0.5", Label::Real(0.5));
        check("1e-3", Label::Real(0.001));
        check("relu", Label::Text("relu".into()));
        check("", Label::Text("".into()));
    }
}
