//! What a classifier is fitted to.

use ndarray::Array2;

/// Prepared features, classes and groups of the training rows.
#[derive(Clone, Debug)]
pub(crate) struct TrainingRows {
    /// `[rows, features]`, prepared and finite.
    pub(crate) records: Array2<f64>,
    /// For each row, whether it is high.
    pub(crate) classes: Vec<bool>,
    /// For each row, the index of its group.
    pub(crate) groups: Vec<usize>,
}

impl TrainingRows {
    /// Whether all rows are high, or all are low.
    pub(crate) fn is_one_class(&self) -> bool {
        self.classes.iter().all(|class| *class == self.classes[0])
    }
}
