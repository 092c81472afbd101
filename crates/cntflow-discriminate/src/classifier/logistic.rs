//! Logistic regression: linfa-logistic's fit, our plain parameters.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::{Fit, FitFailure, Model, TrainingRows};
use crate::exact;

/// Weight of half the squared norm of the coefficients beside the sum of the log losses, is 1.
pub const RIDGE: f64 = 1.0;
/// Most iterations of L-BFGS, is 100.
pub const MAX_ITERATIONS: u64 = 100;
/// L-BFGS stops where the gradient's norm falls below, is 1e-2 (of a sum over rows, not of a mean).
pub const GRADIENT_TOLERANCE: f64 = 1e-2;

/// Largest magnitude that is fitted, is 1,000; prepared features are below. On far larger ones (1e13 and more) linfa's line
/// search was seen to run without end, which no containment ends.
const LARGEST_VALUE: f64 = 1_000.0;

/// `P(high | x) = 1 / (1 + exp(-(intercept + weights . x)))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogisticModel {
    /// The intercept, then one weight per feature.
    #[serde(with = "exact")]
    parameters: Vec<f64>,
}

impl LogisticModel {
    /// The probability of high.
    pub(super) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let weighted = self.parameters[1..]
            .iter()
            .zip(row)
            .map(|(weight, value)| weight * value)
            .sum::<f64>();
        1.0 / (1.0 + (-(self.parameters[0] + weighted)).exp())
    }

    pub(super) fn fits(&self, features: usize) -> bool {
        self.parameters.len() == features + 1
    }
}

pub(super) fn fit(training: &TrainingRows) -> Result<Fit, FitFailure> {
    if training
        .records
        .iter()
        .any(|value| value.abs() > LARGEST_VALUE)
    {
        return Err(FitFailure(format!(
            "values beyond {LARGEST_VALUE} are too large for the line search"
        )));
    }
    let classes = Array1::from(training.classes.clone());
    let dataset = DatasetBase::new(training.records.view(), classes);
    let settings = LogisticRegression::default()
        .alpha(RIDGE)
        .max_iterations(MAX_ITERATIONS)
        .gradient_tolerance(GRADIENT_TOLERANCE);
    let fitted = settings
        .fit(&dataset)
        .map_err(|error| FitFailure(error.to_string()))?;
    // linfa calls the more frequent class positive, whichever it is.
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let parameters: Vec<f64> = std::iter::once(&fitted.intercept())
        .chain(fitted.params())
        .map(|p| sign * p)
        .collect();
    if parameters.iter().any(|parameter| !parameter.is_finite()) {
        return Err(FitFailure("the coefficients are not finite".to_owned()));
    }
    if parameters.iter().all(|parameter| *parameter == 0.0)
        && slope_at_start(training) > GRADIENT_TOLERANCE
    {
        return Err(FitFailure(
            "the line search did not leave its start".to_owned(),
        ));
    }
    Ok(Fit::plain(Model::LogisticRegression(LogisticModel {
        parameters,
    })))
}

/// The largest component of the log loss's gradient where all parameters are 0: linfa gives these back, as if they were
/// a fit, when its line search stops at once on numbers that overflow.
fn slope_at_start(training: &TrainingRows) -> f64 {
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
            let fit = fit(&TrainingRows {
                records: records.clone(),
                classes,
                groups: (0..10).collect(),
            })
            .unwrap();
            assert!(fit.model.score(records.row(0)) < 0.5 && fit.model.score(records.row(9)) > 0.5);
        }
    }

    #[test]
    fn values_that_the_line_search_does_not_bear_are_a_failed_fit() {
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
        assert!(fit(&training).unwrap_err().0.contains("too large"));
    }
}
