//! Padding of convolutions and poolings. The two sides of an axis may differ.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Padding before and after the inputs along one axis. As JSON a number for both sides, or
/// `[[before, after]]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Form1d", into = "Form1d")]
pub struct Padding1d {
    /// Before the first input: left, or above.
    pub before: usize,
    /// After the last input: right, or below.
    pub after: usize,
}

/// Padding around rows and columns. As JSON `[rows, columns]`, each for both sides, or
/// `[[above, below], [left, right]]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Form2d", into = "Form2d")]
pub struct Padding2d {
    /// Above and below.
    pub rows: Padding1d,
    /// Left and right.
    pub columns: Padding1d,
}

impl Padding1d {
    /// The padding of either side, if both are the same.
    pub fn both_sides(self) -> Option<usize> {
        (self.before == self.after).then_some(self.before)
    }
}

impl Padding2d {
    /// The padding of rows and columns, if both sides of each are the same.
    ///
    /// ```
    /// use cntflow_network::Padding2d;
    ///
    /// assert_eq!(Padding2d::from([1, 2]).both_sides(), Some([1, 2]));
    /// assert_eq!(Padding2d::from([[0, 1], [0, 1]]).both_sides(), None);
    /// ```
    pub fn both_sides(self) -> Option<[usize; 2]> {
        Some([self.rows.both_sides()?, self.columns.both_sides()?])
    }

    /// Padding along the rows, and along the columns.
    pub fn axes(self) -> [Padding1d; 2] {
        [self.rows, self.columns]
    }
}

impl From<usize> for Padding1d {
    fn from(both: usize) -> Self {
        Self::from([both, both])
    }
}

impl From<[usize; 2]> for Padding1d {
    fn from([before, after]: [usize; 2]) -> Self {
        Self { before, after }
    }
}

impl From<[usize; 2]> for Padding2d {
    fn from([rows, columns]: [usize; 2]) -> Self {
        Self {
            rows: rows.into(),
            columns: columns.into(),
        }
    }
}

impl From<[[usize; 2]; 2]> for Padding2d {
    fn from([rows, columns]: [[usize; 2]; 2]) -> Self {
        Self {
            rows: rows.into(),
            columns: columns.into(),
        }
    }
}

/// A one-dimensional layer is the two-dimensional one over a single row.
impl From<Padding1d> for Padding2d {
    fn from(columns: Padding1d) -> Self {
        Self {
            rows: Padding1d::default(),
            columns,
        }
    }
}

/// The text in messages.
impl fmt::Display for Padding2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.both_sides() {
            Some(both) => write!(f, "{both:?}"),
            None => write!(f, "{:?}", self.axes().map(|side| [side.before, side.after])),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a padding is a number for both sides or [[before, after]]"
)]
enum Form1d {
    Both(usize),
    Sides([[usize; 2]; 1]),
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a padding is [rows, columns] or [[above, below], [left, right]]"
)]
enum Form2d {
    Both([usize; 2]),
    Sides([[usize; 2]; 2]),
}

impl From<Form1d> for Padding1d {
    fn from(form: Form1d) -> Self {
        match form {
            Form1d::Both(both) => both.into(),
            Form1d::Sides([sides]) => sides.into(),
        }
    }
}

impl From<Padding1d> for Form1d {
    fn from(padding: Padding1d) -> Self {
        match padding.both_sides() {
            Some(both) => Self::Both(both),
            None => Self::Sides([[padding.before, padding.after]]),
        }
    }
}

impl From<Form2d> for Padding2d {
    fn from(form: Form2d) -> Self {
        match form {
            Form2d::Both(both) => both.into(),
            Form2d::Sides(sides) => sides.into(),
        }
    }
}

impl From<Padding2d> for Form2d {
    fn from(padding: Padding2d) -> Self {
        match padding.both_sides() {
            Some(both) => Self::Both(both),
            None => Self::Sides(padding.axes().map(|side| [side.before, side.after])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_the_shorter_one_is_written() {
        for (text, written) in [
            ("[1,2]", "[1,2]"),
            ("[[0,1],[2,3]]", "[[0,1],[2,3]]"),
            ("[[1,1],[2,2]]", "[1,2]"),
        ] {
            let padding: Padding2d = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&padding).unwrap(), written);
        }
        for (text, written) in [("3", "3"), ("[[0,1]]", "[[0,1]]"), ("[[2,2]]", "2")] {
            let padding: Padding1d = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&padding).unwrap(), written);
        }
        for text in ["1", "[1]", "[[1,2]]", "[-1,0]", "\"same\""] {
            let error = serde_json::from_str::<Padding2d>(text).unwrap_err();
            assert!(error.to_string().contains("[rows, columns]"), "{error}");
        }
    }
}
