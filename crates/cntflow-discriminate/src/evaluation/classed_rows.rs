//! Rows with the class that thresholds give them.

use crate::rule::Thresholds;

/// Rows that are low or high by some thresholds, without those in the middle.
pub(super) struct ClassedRows {
    pub(super) rows: Vec<usize>,
    /// For each row, whether it is high.
    pub(super) classes: Vec<bool>,
}

impl ClassedRows {
    /// Those of the given rows that are low or high. `accuracies` has one number per row of the
    /// population.
    pub(super) fn of(rows: &[usize], accuracies: &[f64], thresholds: Thresholds) -> Self {
        let class = |&row: &usize| Some((row, thresholds.is_high(accuracies[row])?));
        let (rows, classes) = rows.iter().filter_map(class).unzip();
        Self { rows, classes }
    }

    pub(super) fn n_high(&self) -> usize {
        self.classes.iter().filter(|class| **class).count()
    }

    /// Each row with whether it is high.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, bool)> {
        self.rows.iter().copied().zip(self.classes.iter().copied())
    }
}
