//! What a model says of rows.

use ndarray::Array2;

/// Predictions for the rows of a feature matrix, in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// Two classes: one score per row, larger for class 1. Scores of one model are comparable by
    /// rank.
    Scores(Vec<f64>),
    /// More classes: `[rows, classes]`, the largest of a row for its most likely class. A class
    /// without training rows has the lowest scores.
    ClassScores(Array2<f64>),
    /// Regressions: one value per row.
    Values(Vec<f64>),
}

impl Predictions {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Scores(scores) => scores.len(),
            Self::ClassScores(scores) => scores.nrows(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The predicted class of each row: class 1 for scores at or above `boundary`, or the first
    /// class of the largest score. `None` for values.
    pub fn classes(&self, boundary: f64) -> Option<Vec<u32>> {
        match self {
            Self::Scores(scores) => Some(
                scores
                    .iter()
                    .map(|score| u32::from(*score >= boundary))
                    .collect(),
            ),
            Self::ClassScores(scores) => {
                let first_largest = |row: ndarray::ArrayView1<'_, f64>| {
                    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    row.iter().position(|score| *score == largest).unwrap_or(0) as u32
                };
                Some(scores.rows().into_iter().map(first_largest).collect())
            }
            Self::Values(_) => None,
        }
    }
}
