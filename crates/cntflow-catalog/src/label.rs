//! What is known about a checkpoint from outside its weights: accuracy, data set, hyperparameters, ...

use serde::{Deserialize, Serialize};

use crate::SharedText;

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
    Text(SharedText),
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

/// The label that a text stands for: a flag, a whole number, a real number, or the text.
pub fn typed(text: &str) -> Label {
    if let Ok(flag) = text.parse() {
        return Label::Flag(flag);
    }
    if let Ok(whole) = text.parse() {
        return Label::Integer(whole);
    }
    text.parse()
        .map_or_else(|_| Label::Text(text.into()), Label::Real)
}

/// Columns of a catalog that are no labels.
pub(crate) const OWN_COLUMNS: [&str; 8] = [
    "checkpoint",
    "path",
    "member",
    "row",
    "run",
    "step",
    "architecture",
    "absent",
];

/// The name that a label of a foreign file has in a catalog: its own, unless that is a column of the catalog's.
pub fn label_name(name: &str) -> String {
    match OWN_COLUMNS.contains(&name) {
        true => format!("label_{name}"),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_label_they_stand_for() {
        let check = |text: &str, label: Label| assert_eq!(typed(text), label, "{text}");
        check("true", Label::Flag(true));
        check("-3", Label::Integer(-3));
        check("0.5", Label::Real(0.5));
        check("1e-3", Label::Real(0.001));
        check("relu", Label::Text("relu".into()));
        check("", Label::Text("".into()));
    }
}
