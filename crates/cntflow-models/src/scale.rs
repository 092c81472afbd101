//! Means, deviations and magnitudes.

use crate::fit_failure::FitFailure;

/// Mean and standard deviation, the latter with n in the denominator.
pub(crate) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, variance.sqrt())
}

/// For each feature, the largest magnitude among the functions whose weights lie one after the
/// other.
pub(crate) fn largest_magnitudes(weights: &[f64], n_features: usize) -> Vec<f64> {
    let mut largest = vec![0.0_f64; n_features];
    for function in weights.chunks_exact(n_features) {
        for (largest, weight) in largest.iter_mut().zip(function) {
            *largest = largest.max(weight.abs());
        }
    }
    largest
}

/// Mean and standard deviation of targets that vary.
pub(crate) fn target_scale(values: &[f64]) -> Result<(f64, f64), FitFailure> {
    let (mean, deviation) = mean_and_deviation(values);
    if values.iter().all(|value| *value == values[0]) {
        return Err(FitFailure::OneValue);
    }
    if deviation.is_finite() && mean.is_finite() && deviation > 0.0 {
        Ok((mean, deviation))
    } else {
        Err(FitFailure::TargetNotFinite)
    }
}
