//! How much a figure would differ if a model had been fitted to other training rows.
//!
//! The interval of a figure on a test set (DeLong's, a bootstrap's) takes the model as given: it
//! leaves out that other training rows would have given another model, and is too narrow as a
//! statement about a way to fit models. The delete-group jackknife estimates that part: k models,
//! each fitted without one of k folds of the training groups, are judged on the same test set, and
//! `(k - 1) / k sum (figure_i - mean)^2` estimates the variance that the choice of training rows
//! adds (Kott 2001). It is averaged over repeats of the folds.

use crate::distribution::two_sided_p;
use crate::interval::{Comparison, Confidence, Estimate, Method, half_width};
use crate::quantile::mean;

/// The variance that comes from the training rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jackknife {
    /// Variance of the figure over training sets; 0 where it cannot be estimated.
    pub variance: f64,
    /// Degrees of freedom of the variance: `k - 1` per repeat, added up.
    pub degrees_of_freedom: f64,
}

impl Jackknife {
    /// Takes the figure on the test set of every model that was fitted without one fold:
    /// `[repeats][folds]`. A repeat in which a figure is NaN does not count.
    pub fn new(figures: &[Vec<f64>]) -> Self {
        let (mut variances, mut degrees_of_freedom) = (Vec::new(), 0.0);
        for folds in figures {
            if folds.len() < 2 || folds.iter().any(|figure| !figure.is_finite()) {
                continue;
            }
            let k = folds.len() as f64;
            let middle = mean(folds);
            let squares: f64 = folds.iter().map(|figure| (figure - middle).powi(2)).sum();
            variances.push((k - 1.0) / k * squares);
            degrees_of_freedom += k - 1.0;
        }
        Self {
            variance: if variances.is_empty() {
                0.0
            } else {
                mean(&variances)
            },
            degrees_of_freedom,
        }
    }

    /// Standard error and degrees of freedom of a figure with both variances. The degrees of freedom
    /// are Satterthwaite's; those of the test rows are taken as many.
    fn with(&self, standard_error: f64) -> (f64, Option<f64>) {
        let total = standard_error.powi(2) + self.variance;
        if self.variance == 0.0 {
            return (standard_error, None);
        }
        let degrees_of_freedom = self.degrees_of_freedom * (total / self.variance).powi(2);
        (total.sqrt(), Some(degrees_of_freedom))
    }
}

/// An estimate whose interval has the variance of the training rows as well.
///
/// The distances of both ends from the value grow in the same proportion, those of DeLong's interval
/// on the logit scale. An estimate without a standard error, such as of an AUC of 1, stays as it is.
pub fn widen_estimate(estimate: Estimate, fit: &Jackknife, confidence: Confidence) -> Estimate {
    let is_widened = estimate.standard_error > 0.0 && fit.variance > 0.0;
    if !is_widened {
        return estimate;
    }
    let (standard_error, degrees_of_freedom) = fit.with(estimate.standard_error);
    let factor = standard_error / estimate.standard_error
        * (half_width(confidence, degrees_of_freedom) / half_width(confidence, None));
    let end = |end: f64| match estimate.method {
        Method::Delong => {
            let logit = |p: f64| (p / (1.0 - p)).ln();
            let middle = logit(estimate.value);
            let moved = middle + factor * (logit(end) - middle);
            1.0 / (1.0 + (-moved).exp())
        }
        _ => estimate.value + factor * (end - estimate.value),
    };
    Estimate {
        low: end(estimate.low),
        high: end(estimate.high),
        standard_error,
        method: with_jackknife(estimate.method),
        ..estimate
    }
}

/// A comparison whose interval and p-value have the variance of the training rows as well: `difference
/// ± t SE`, with the standard error of both sources. `fit` is the jackknife of the differences.
///
/// A comparison without a standard error stays as it is.
pub fn widen_comparison(
    comparison: Comparison,
    fit: &Jackknife,
    confidence: Confidence,
) -> Comparison {
    let is_widened = comparison.standard_error >= 0.0 && fit.variance > 0.0;
    if !is_widened {
        return comparison;
    }
    let (standard_error, degrees_of_freedom) = fit.with(comparison.standard_error);
    let half = half_width(confidence, degrees_of_freedom) * standard_error;
    let statistic = comparison.difference / standard_error;
    Comparison {
        low: comparison.difference - half,
        high: comparison.difference + half,
        standard_error,
        statistic,
        degrees_of_freedom,
        p: two_sided_p(statistic, degrees_of_freedom),
        method: with_jackknife(comparison.method),
        ..comparison
    }
}

fn with_jackknife(method: Method) -> Method {
    match method {
        Method::Delong => Method::DelongJackknife,
        Method::BootstrapPercentile | Method::BootstrapBasic => Method::BootstrapJackknife,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For a mean, the delete-group jackknife has the known variance: `s^2 / n` in expectation.
    #[test]
    fn the_variance_of_a_mean_is_that_of_its_groups() {
        // Five groups with means 1 to 5; without group i the mean is (15 - i) / 4.
        let without: Vec<f64> = (1..=5).map(|i| (15.0 - f64::from(i)) / 4.0).collect();
        let jackknife = Jackknife::new(&[without]);
        // The variance of the five means is 2.5, of their mean 0.5.
        assert!((jackknife.variance - 0.5).abs() < 1e-12);
        assert_eq!(jackknife.degrees_of_freedom, 4.0);
    }

    #[test]
    fn repeats_are_averaged_and_those_with_nan_left_out() {
        let figures = [vec![1.0, 2.0], vec![f64::NAN, 1.0], vec![1.0, 4.0]];
        let jackknife = Jackknife::new(&figures);
        assert_eq!(jackknife.variance, (0.25 + 2.25) / 2.0);
        assert_eq!(jackknife.degrees_of_freedom, 2.0);
    }

    #[test]
    fn without_variance_of_the_fit_nothing_changes() {
        let comparison = Comparison {
            difference: 0.1,
            low: 0.0,
            high: 0.2,
            standard_error: 0.05,
            statistic: 2.0,
            degrees_of_freedom: None,
            p: 0.0455,
            method: Method::Delong,
        };
        let none = Jackknife::new(&[]);
        let confidence = Confidence::NINETY_FIVE;
        assert_eq!(widen_comparison(comparison, &none, confidence), comparison);
        let some = Jackknife {
            variance: 0.0025,
            degrees_of_freedom: 12.0,
        };
        let widened = widen_comparison(comparison, &some, confidence);
        assert!((widened.standard_error - 0.005_f64.sqrt()).abs() < 1e-12);
        assert!((widened.degrees_of_freedom.unwrap() - 48.0).abs() < 1e-9);
        assert!(widened.p > comparison.p && widened.low < comparison.low);
        assert_eq!(widened.method, Method::DelongJackknife);
    }
}
