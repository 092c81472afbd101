//! Logistic regression: fitted by linfa-logistic, kept as a plain list of parameters.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::fit_failure::FitFailure;
use super::training_rows::TrainingRows;
use crate::exact_floats;

/// L2 penalty of the logistic regression: 1. It multiplies half the squared norm of the
/// coefficients, and is added to the sum of the log losses.
pub const LOGISTIC_RIDGE: f64 = 1.0;
/// Largest number of L-BFGS iterations of the logistic regression: 100.
pub const LOGISTIC_MAX_ITERATIONS: u64 = 100;
/// Norm of the gradient below which L-BFGS stops in the logistic regression: 1e-2. The loss is a
/// sum over rows, not a mean.
pub const LOGISTIC_GRADIENT_TOLERANCE: f64 = 1e-2;

/// Largest magnitude that is accepted. Prepared features are always below. With far larger
/// values (1e13 and more) linfa's line search was seen to run for ever, and a thread cannot
/// be stopped from outside.
const MAX_VALUE: f64 = 1_000.0;

/// `P(high | x) = 1 / (1 + exp(-(intercept + weights . x)))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogisticModel {
    /// The intercept, then one weight per feature.
    #[serde(with = "exact_floats")]
    parameters: Vec<f64>,
}

impl LogisticModel {
    /// The probability that a row is high.
    pub(super) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let weighted = self.parameters[1..]
            .iter()
            .zip(row)
            .map(|(weight, value)| weight * value)
            .sum::<f64>();
        1.0 / (1.0 + (-(self.parameters[0] + weighted)).exp())
    }

    pub(super) fn is_consistent(&self, n_features: usize) -> bool {
        self.parameters.len() == n_features + 1
    }
}

pub(super) fn fit(training: &TrainingRows) -> Result<LogisticModel, FitFailure> {
    if training.records.iter().any(|value| value.abs() > MAX_VALUE) {
        return Err(FitFailure::ValuesTooLarge { limit: MAX_VALUE });
    }
    let classes = Array1::from(training.classes.clone());
    let dataset = DatasetBase::new(training.records.view(), classes);
    let settings = LogisticRegression::default()
        .alpha(LOGISTIC_RIDGE)
        .max_iterations(LOGISTIC_MAX_ITERATIONS)
        .gradient_tolerance(LOGISTIC_GRADIENT_TOLERANCE);
    let fitted = settings.fit(&dataset)?;
    // linfa calls the more frequent class positive, whether that is low or high.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let parameters: Vec<f64> = std::iter::once(&fitted.intercept())
        .chain(fitted.params())
        .map(|parameter| sign * parameter)
        .collect();
    if parameters.iter().any(|parameter| !parameter.is_finite()) {
        return Err(FitFailure::CoefficientsNotFinite);
    }
    // If the line search stops at once because numbers overflow, linfa returns its start, all
    // zeros, as if it were a fit.
    if parameters.iter().all(|parameter| *parameter == 0.0)
        && largest_slope_at_start(training) > LOGISTIC_GRADIENT_TOLERANCE
    {
        return Err(FitFailure::LineSearchStuck);
    }
    Ok(LogisticModel { parameters })
}

/// The largest magnitude in the gradient of the log loss where all parameters are 0.
///
/// There every probability is 0.5, so a row's residual is 0.5 minus its class. The gradient is the
/// sum of the residuals for the intercept, and `records^T residuals` for the weights.
fn largest_slope_at_start(training: &TrainingRows) -> f64 {
    let residuals: Array1<f64> = training
        .classes
        .iter()
        .map(|class| 0.5 - f64::from(*class))
        .collect();
    training
        .records
        .t()
        .dot(&residuals)
        .iter()
        .fold(residuals.sum().abs(), |largest, slope| {
            largest.max(slope.abs())
        })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_score_is_the_probability_of_high_whichever_class_is_larger() {
        for share in [3, 7] {
            let records = Array2::from_shape_fn((10, 1), |(row, _)| row as f64 - share as f64);
            let classes = (0..10).map(|row| row >= share).collect();
            let model = fit(&TrainingRows {
                records: records.clone(),
                classes,
                groups: (0..10).collect(),
            })
            .unwrap();
            assert!(model.score(records.row(0)) < 0.5 && model.score(records.row(9)) > 0.5);
        }
    }

    #[test]
    fn values_too_large_for_the_line_search_are_a_failed_fit() {
        let records = Array2::from_shape_fn(
            (8, 2),
            |(row, column)| if row % 2 == column { 1e14 } else { -1e14 },
        );
        let classes = (0..8).map(|row| row % 2 == 0).collect();
        let training = TrainingRows {
            records,
            classes,
            groups: (0..8).collect(),
        };
        assert!(matches!(
            fit(&training),
            Err(FitFailure::ValuesTooLarge { .. })
        ));
    }
}
