//! Boosted trees of one level (SAMME), on the bins of our forests.
//!
//! linfa-ensemble 0.8.1 is not used: it draws rows instead of weighting them, predicts classes
//! without scores, and breaks ties by the order of a hash map. Its base learners are linfa-trees,
//! whose impurity of three classes and more differs from run to run.
//!
//! Source: Zhu, Zou, Rosset and Hastie, Multi-class AdaBoost, 2009, algorithm 2.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::forest::binned::{BinnedColumns, MAX_BINS};
use crate::preparation::Preparation;

/// A weighted error counts as at least this, so that the weight of a perfect tree is finite.
const MIN_ERROR: f64 = 1e-10;

/// The trees as lists with one entry per tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdaBoostModel {
    n_classes: u32,
    features: Vec<u32>,
    /// Rows at or below have the tree's lower class, others its upper class.
    #[serde(with = "exact_floats")]
    thresholds: Vec<f64>,
    lower_classes: Vec<u32>,
    upper_classes: Vec<u32>,
    /// Above 0.
    #[serde(with = "exact_floats")]
    weights: Vec<f64>,
}

/// A tree of one level on bins.
#[derive(Clone, Copy, Debug)]
struct Stump {
    rating: f64,
    column: usize,
    lower: u8,
    upper: u8,
    lower_class: u32,
    upper_class: u32,
}

impl AdaBoostModel {
    /// Fits binned columns. Every class below `n_classes` has at least one row.
    pub(crate) fn fit(
        columns: &BinnedColumns,
        classes: &[u32],
        n_classes: usize,
        (rounds, rate): (u32, f64),
    ) -> Result<Self, FitFailure> {
        let n_rows = columns.n_rows();
        let mut model = Self {
            n_classes: n_classes as u32,
            ..Self::default()
        };
        let mut row_weights = vec![1.0 / n_rows as f64; n_rows];
        let chance = 1.0 - 1.0 / n_classes as f64;
        for _ in 0..rounds {
            let Some(stump) = best_stump(columns, classes, n_classes, &row_weights) else {
                break;
            };
            let codes = columns.codes(stump.column);
            let is_wrong = |row: usize| {
                let is_lower = codes[row] <= stump.lower;
                classes[row]
                    != if is_lower {
                        stump.lower_class
                    } else {
                        stump.upper_class
                    }
            };
            let error: f64 = (0..n_rows)
                .filter(|&row| is_wrong(row))
                .map(|row| row_weights[row])
                .sum();
            if error >= chance * (1.0 - 1e-12) {
                break;
            }
            let odds = (1.0 - error).max(MIN_ERROR) / error.max(MIN_ERROR);
            let weight = rate * (odds.ln() + (n_classes as f64 - 1.0).ln());
            let threshold = columns.threshold(stump.column, stump.lower, stump.upper);
            model.features.push(stump.column as u32);
            model.thresholds.push(threshold);
            model.lower_classes.push(stump.lower_class);
            model.upper_classes.push(stump.upper_class);
            model.weights.push(weight);
            if error <= MIN_ERROR {
                break;
            }
            for (row, row_weight) in row_weights.iter_mut().enumerate() {
                if is_wrong(row) {
                    *row_weight *= weight.exp();
                }
            }
            let sum: f64 = row_weights.iter().sum();
            for row_weight in &mut row_weights {
                *row_weight /= sum;
            }
        }
        if model.weights.is_empty() {
            return Err(FitFailure::NoUsefulSplit);
        }
        Ok(model)
    }

    /// The weighted mean of the trees' votes. For two classes a tree votes -1 or 1; for more it
    /// votes 1 for its class and 0 for the others. `[rows, 1 or classes]`.
    pub(crate) fn outputs(
        &self,
        preparation: &Preparation,
        features: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let prepared = preparation.apply(features);
        let n_classes = self.n_classes as usize;
        let n_outputs = if n_classes == 2 { 1 } else { n_classes };
        let mut outputs = Array2::zeros((prepared.nrows(), n_outputs));
        let sum: f64 = self.weights.iter().sum();
        for (row, mut output) in prepared.rows().into_iter().zip(outputs.rows_mut()) {
            for tree in 0..self.weights.len() {
                let is_lower = row[self.features[tree] as usize] <= self.thresholds[tree];
                let class = if is_lower {
                    self.lower_classes[tree]
                } else {
                    self.upper_classes[tree]
                };
                let share = self.weights[tree] / sum;
                if n_classes == 2 {
                    output[0] += if class == 1 { share } else { -share };
                } else {
                    output[class as usize] += share;
                }
            }
        }
        outputs
    }

    /// For each feature, the sum of the weights of its trees, as a share of all.
    pub(crate) fn importance(&self, n_features: usize) -> Vec<f64> {
        let sum: f64 = self.weights.iter().sum();
        let mut importance = vec![0.0; n_features];
        for (&feature, weight) in self.features.iter().zip(&self.weights) {
            importance[feature as usize] += weight / sum;
        }
        importance
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        let n_trees = self.weights.len();
        let n_classes = if n_outputs == 1 { 2 } else { n_outputs };
        let classes = self.lower_classes.iter().chain(&self.upper_classes);
        self.n_classes as usize == n_classes
            && n_trees > 0
            && self.features.len() == n_trees
            && self.thresholds.len() == n_trees
            && self.lower_classes.len() == n_trees
            && self.upper_classes.len() == n_trees
            && self
                .features
                .iter()
                .all(|feature| (*feature as usize) < n_features)
            && classes.clone().all(|class| *class < self.n_classes)
            && self.thresholds.iter().all(|number| number.is_finite())
            && self
                .weights
                .iter()
                .all(|number| number.is_finite() && *number > 0.0)
    }
}

/// The split with the least Gini impurity of the weighted rows; the first of equal ones. `None` if
/// no column varies.
fn best_stump(
    columns: &BinnedColumns,
    classes: &[u32],
    n_classes: usize,
    row_weights: &[f64],
) -> Option<Stump> {
    let mut total = vec![0.0; n_classes];
    for (&class, weight) in classes.iter().zip(row_weights) {
        total[class as usize] += weight;
    }
    let mut bins = vec![0.0; MAX_BINS * n_classes];
    let mut best: Option<Stump> = None;
    for column in 0..columns.n_columns() {
        let n_bins = columns.n_bins(column);
        bins[..n_bins * n_classes].fill(0.0);
        for ((&code, &class), weight) in columns.codes(column).iter().zip(classes).zip(row_weights)
        {
            bins[usize::from(code) * n_classes + class as usize] += weight;
        }
        let mut below = vec![0.0; n_classes];
        // Every bin has rows, so each is next to the one above.
        for bin in 0..n_bins - 1 {
            for (below, weight) in below.iter_mut().zip(&bins[bin * n_classes..]) {
                *below += weight;
            }
            let rating = rate_split(&below, &total);
            if best.is_none_or(|best| rating > best.rating) {
                let above = below.iter().zip(&total).map(|(below, total)| total - below);
                best = Some(Stump {
                    rating,
                    column,
                    lower: bin as u8,
                    upper: bin as u8 + 1,
                    lower_class: heaviest(below.iter().copied()),
                    upper_class: heaviest(above),
                });
            }
        }
    }
    best
}

/// `sum_k L_k^2 / L + sum_k R_k^2 / R`, as the forests' histograms rate splits.
fn rate_split(below: &[f64], total: &[f64]) -> f64 {
    let (mut squares, mut weights) = ((0.0, 0.0), (0.0, 0.0));
    for (below, total) in below.iter().zip(total) {
        let above = (total - below).max(0.0);
        squares = (squares.0 + below * below, squares.1 + above * above);
        weights = (weights.0 + below, weights.1 + above);
    }
    let share = |square: f64, weight: f64| if weight > 0.0 { square / weight } else { 0.0 };
    share(squares.0, weights.0) + share(squares.1, weights.1)
}

/// The class of the largest weight; the first of equal ones.
fn heaviest(weights: impl Iterator<Item = f64>) -> u32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, weight) in weights.enumerate() {
        if weight > best.1 {
            best = (class as u32, weight);
        }
    }
    best.0
}
