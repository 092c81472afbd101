//! Logistic regression of our own, binary and multinomial.
//!
//! linfa-logistic 0.8.1 is not used. It can panic in its line search. With values of 1e13 and more
//! that search was seen to run for ever. It was the slowest part of the program that used it.
//!
//! Here Newton's method takes its steps by conjugate gradients ([`newton`]). One of these costs two
//! products of the feature matrix with a vector, by faer. `benches/model_fits` compares with
//! scikit-learn.

mod newton;
mod objective;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::scale::largest_magnitudes;
use newton::minimise;
use objective::{Binary, Multinomial};

/// The linear function of each class: `intercept + weights . x`.
///
/// For two classes there is one function z, and `P(class 1 | x) = 1 / (1 + exp(-z))`. For more
/// there is one per class, and `P(class k | x) = exp(z_k) / sum_j exp(z_j)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogisticModel {
    /// One per function.
    #[serde(with = "exact_floats")]
    intercepts: Vec<f64>,
    /// The weights of one function after those of the other.
    #[serde(with = "exact_floats")]
    weights: Vec<f64>,
}

impl LogisticModel {
    /// Fits prepared features. Every class below `n_classes` has at least one row.
    pub(crate) fn fit(
        features: &Array2<f64>,
        classes: &[u32],
        n_classes: usize,
        ridge: f64,
    ) -> Result<Self, FitFailure> {
        let n_features = features.ncols();
        // Each function's parameters: the intercept, then its weights.
        let parameters = if n_classes == 2 {
            minimise(&mut Binary::new(features, classes, ridge))?
        } else {
            minimise(&mut Multinomial::new(features, classes, n_classes, ridge))?
        };
        if parameters.iter().any(|parameter| !parameter.is_finite()) {
            return Err(FitFailure::CoefficientsNotFinite);
        }
        let functions = parameters.chunks_exact(n_features + 1);
        Ok(Self {
            intercepts: functions.clone().map(|function| function[0]).collect(),
            weights: functions
                .flat_map(|function| &function[1..])
                .copied()
                .collect(),
        })
    }

    /// z of each function, `[rows, functions]`.
    pub(crate) fn outputs(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        let weights = self.weights.chunks_exact(features.ncols());
        let functions: Vec<(&f64, &[f64])> = self.intercepts.iter().zip(weights).collect();
        Array2::from_shape_fn((features.nrows(), functions.len()), |(row, function)| {
            let (intercept, weights) = functions[function];
            let products = weights.iter().zip(features.row(row)).map(|(w, x)| w * x);
            intercept + products.sum::<f64>()
        })
    }

    /// For each feature, the largest magnitude of its weights.
    pub(crate) fn importance(&self, n_features: usize) -> Vec<f64> {
        largest_magnitudes(&self.weights, n_features)
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        self.intercepts.len() == n_outputs
            && self.weights.len() == n_outputs * n_features
            && self
                .intercepts
                .iter()
                .chain(&self.weights)
                .all(|number| number.is_finite())
    }
}

#[cfg(test)]
mod tests;
