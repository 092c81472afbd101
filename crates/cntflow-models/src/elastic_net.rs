//! Linear regression with L1 and L2 penalties: fitted by linfa-elasticnet, kept as plain numbers.
//!
//! linfa's coefficients are right, but a fit of 350 rows and 480 columns takes twice as long as
//! scikit-learn's. With more rows than columns it also inverts a matrix that nothing here needs.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_elasticnet::ElasticNet;
use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder as _};
use serde::{Deserialize, Serialize};

use crate::catch_panics::catch_panics;
use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::scale::target_scale;

/// Largest number of passes over all features.
const MAX_PASSES: u32 = 5_000;
/// The fit ends where the duality gap is this share of the targets' sum of squares.
const TOLERANCE: f64 = 1e-5;
/// A fit that ends at its last pass is refused if its duality gap is a larger share than this.
const MAX_GAP: f64 = 1e-3;

/// `intercept + weights . x`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinearModel {
    /// The intercept, then one weight per feature.
    #[serde(with = "exact_floats")]
    parameters: Vec<f64>,
}

impl LinearModel {
    /// Fits prepared features to values.
    pub(crate) fn fit(
        features: &Array2<f64>,
        values: &[f64],
        penalty: f64,
        l1_ratio: f64,
    ) -> Result<Self, FitFailure> {
        let (mean, deviation) = target_scale(values)?;
        let targets: Array1<f64> = values
            .iter()
            .map(|value| (value - mean) / deviation)
            .collect();
        // linfa centres the targets, but not the features.
        let n = features.nrows() as f64;
        let centres: Vec<f64> = features
            .axis_iter(Axis(1))
            .map(|column| column.sum() / n)
            .collect();
        // Column by column, because linfa goes through one column after the other.
        let centred = Array2::from_shape_fn(features.dim().f(), |(row, column)| {
            features[(row, column)] - centres[column]
        });
        let fitted = catch_panics(|| {
            let settings = ElasticNet::params()
                .penalty(penalty)
                .l1_ratio(l1_ratio)
                .tolerance(TOLERANCE)
                .max_iterations(MAX_PASSES);
            let dataset = DatasetBase::new(centred.view(), targets);
            settings.fit(&dataset).map_err(|source| FitFailure::Linfa {
                message: source.to_string(),
            })
        })?;
        if fitted.duality_gap() > MAX_GAP * n {
            return Err(FitFailure::NoConvergence {
                iterations: MAX_PASSES as usize,
            });
        }
        let weights: Vec<f64> = fitted
            .hyperplane()
            .iter()
            .map(|weight| weight * deviation)
            .collect();
        let shift: f64 = weights
            .iter()
            .zip(&centres)
            .map(|(weight, centre)| weight * centre)
            .sum();
        let intercept = mean + deviation * fitted.intercept() - shift;
        let parameters: Vec<f64> = std::iter::once(intercept).chain(weights).collect();
        if parameters.iter().all(|parameter| parameter.is_finite()) {
            Ok(Self { parameters })
        } else {
            Err(FitFailure::CoefficientsNotFinite)
        }
    }

    /// The predicted values, `[rows, 1]`.
    pub(crate) fn outputs(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        Array2::from_shape_fn((features.nrows(), 1), |(row, _)| {
            let products = self.parameters[1..]
                .iter()
                .zip(features.row(row))
                .map(|(w, x)| w * x);
            self.parameters[0] + products.sum::<f64>()
        })
    }

    /// The magnitude of each weight.
    pub(crate) fn importance(&self) -> Vec<f64> {
        self.parameters[1..]
            .iter()
            .map(|weight| weight.abs())
            .collect()
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        n_outputs == 1
            && self.parameters.len() == n_features + 1
            && self
                .parameters
                .iter()
                .all(|parameter| parameter.is_finite())
    }
}
