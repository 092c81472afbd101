//! Linear regression with L1 and L2 penalties, by coordinate descent of our own.
//!
//! linfa-elasticnet 0.8.1 finds the same coefficients, but a fit of 350 rows and 480 columns takes
//! twice as long as scikit-learn's. With more rows than columns it also inverts a matrix that
//! nothing here needs. `benches/model_fits` compares with scikit-learn.

mod descent;

use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder as _};
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::scale::target_scale;
use descent::{Penalties, minimise};

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
        // With centred targets and features the intercept is 0.
        let n = features.nrows() as f64;
        let centres: Vec<f64> = features
            .axis_iter(Axis(1))
            .map(|column| column.sum() / n)
            .collect();
        // Column by column, because the descent goes through one column after the other.
        let centred = Array2::from_shape_fn(features.dim().f(), |(row, column)| {
            features[(row, column)] - centres[column]
        });
        let penalties = Penalties {
            l1: penalty * l1_ratio,
            l2: penalty * (1.0 - l1_ratio),
        };
        let weights: Vec<f64> = minimise(&centred, &targets, penalties)?
            .iter()
            .map(|weight| weight * deviation)
            .collect();
        let shift: f64 = weights
            .iter()
            .zip(&centres)
            .map(|(weight, centre)| weight * centre)
            .sum();
        let parameters: Vec<f64> = std::iter::once(mean - shift).chain(weights).collect();
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
