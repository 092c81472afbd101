//! Figures of predicted numbers. How well they rank:
//! [`rank_correlation`](crate::rank_correlation).

use crate::error::{Result, check_finite, check_lengths};
use crate::quantile::mean;

/// R2, the share of the variance that is predicted: `1 - sum((y - f)^2) / sum((y - mean(y))^2)`, at
/// most 1, and below 0 for predictions worse than the mean. NaN if all actual values are equal.
///
/// # Errors
/// If the lists differ in length or a value is not finite.
pub fn r_squared(predicted: &[f64], actual: &[f64]) -> Result<f64> {
    check(predicted, actual)?;
    if actual.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(f64::NAN);
    }
    let center = mean(actual);
    let total: f64 = actual.iter().map(|value| (value - center).powi(2)).sum();
    Ok(1.0 - squared_error(predicted, actual) / total)
}

/// Mean absolute error, in the unit of the values; NaN without rows.
///
/// # Errors
/// If the lists differ in length or a value is not finite.
pub fn mean_absolute_error(predicted: &[f64], actual: &[f64]) -> Result<f64> {
    check(predicted, actual)?;
    let errors = predicted.iter().zip(actual).map(|(f, y)| (y - f).abs());
    Ok(errors.sum::<f64>() / actual.len() as f64)
}

/// Root of the mean squared error, in the unit of the values; NaN without rows.
///
/// # Errors
/// If the lists differ in length or a value is not finite.
pub fn root_mean_squared_error(predicted: &[f64], actual: &[f64]) -> Result<f64> {
    check(predicted, actual)?;
    Ok((squared_error(predicted, actual) / actual.len() as f64).sqrt())
}

fn squared_error(predicted: &[f64], actual: &[f64]) -> f64 {
    let errors = predicted.iter().zip(actual).map(|(f, y)| (y - f).powi(2));
    errors.sum()
}

fn check(predicted: &[f64], actual: &[f64]) -> Result<()> {
    check_lengths(("predicted", predicted.len()), ("actual", actual.len()))?;
    check_finite("predicted", predicted)?;
    check_finite("actual", actual)
}
