//! Gaussian naive Bayes of our own.
//!
//! linfa-bayes 0.8.1 computes the same, but keeps its parameters private, and in a hash map whose
//! order changes from run to run: a saved model could not be checked, nor written to the same
//! bytes.

use std::f64::consts::TAU;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::exact_floats;

/// In each class, every feature has a normal distribution, independent of the other features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NaiveBayesModel {
    /// For each class, the logarithm of its share of the training rows.
    #[serde(with = "exact_floats")]
    log_priors: Vec<f64>,
    /// `[classes, features]`.
    #[serde(with = "exact_floats")]
    means: Vec<f64>,
    /// `[classes, features]`, each above 0.
    #[serde(with = "exact_floats")]
    variances: Vec<f64>,
}

impl NaiveBayesModel {
    /// Fits prepared features. Every class below `n_classes` has at least one row. `smoothing`
    /// times the largest variance of a feature is added to all variances, as in scikit-learn.
    pub(crate) fn fit(
        features: &Array2<f64>,
        classes: &[u32],
        n_classes: usize,
        smoothing: f64,
    ) -> Self {
        let n_features = features.ncols();
        let variance = |values: &[f64]| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            (
                mean,
                values
                    .iter()
                    .map(|value| (value - mean).powi(2))
                    .sum::<f64>()
                    / n,
            )
        };
        let largest = (0..n_features)
            .map(|column| variance(&features.column(column).to_vec()).1)
            .fold(0.0, f64::max);
        // At least the smallest normal number: a class of one row has no variance of its own.
        let added = (smoothing * largest).max(f64::MIN_POSITIVE);
        let mut model = Self {
            log_priors: vec![],
            means: vec![],
            variances: vec![],
        };
        for class in 0..n_classes as u32 {
            let rows: Vec<usize> = (0..classes.len())
                .filter(|&row| classes[row] == class)
                .collect();
            model
                .log_priors
                .push((rows.len() as f64 / classes.len() as f64).ln());
            for column in features.columns() {
                let values: Vec<f64> = rows.iter().map(|&row| column[row]).collect();
                let (mean, variance) = variance(&values);
                model.means.push(mean);
                model.variances.push(variance + added);
            }
        }
        model
    }

    /// For two classes the log odds of class 1, else the log of `P(class) p(x | class)` of each:
    /// `[rows, 1 or classes]`.
    pub(crate) fn outputs(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        let n_classes = self.log_priors.len();
        let joint = Array2::from_shape_fn((features.nrows(), n_classes), |(row, class)| {
            let from = class * features.ncols();
            let parameters = self.means[from..].iter().zip(&self.variances[from..]);
            let logs = features.row(row).into_iter().zip(parameters);
            let density = logs.map(|(x, (mean, variance))| {
                -0.5 * ((TAU * variance).ln() + (x - mean) * (x - mean) / variance)
            });
            self.log_priors[class] + density.sum::<f64>()
        });
        if n_classes > 2 {
            return joint;
        }
        Array2::from_shape_fn((features.nrows(), 1), |(row, _)| {
            joint[(row, 1)] - joint[(row, 0)]
        })
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        let n_classes = if n_outputs == 1 { 2 } else { n_outputs };
        let size = n_classes * n_features;
        self.log_priors.len() == n_classes
            && self.means.len() == size
            && self.variances.len() == size
            && self
                .log_priors
                .iter()
                .chain(&self.means)
                .all(|number| number.is_finite())
            && self
                .variances
                .iter()
                .all(|number| *number > 0.0 && number.is_finite())
    }
}
