//! How much a figure would differ if a model had been fitted to other training rows.
//!
//! The interval of a figure on a test set (DeLong's, a bootstrap's) takes the model as given. Other
//! training rows would have given another model. The delete-group jackknife estimates the variance
//! that comes from that: k models, each fitted without one of k folds of the training groups, are
//! judged on the same test set. The variance is `(k - 1) / k sum (figure_i - mean)^2` (Kott 2001),
//! averaged over repeats of the folds.
//!
//! The two variances are not added. A figure varies with the test rows (T), with the training rows
//! (R), and with both together (TR): two models that are equally good on all networks differ on the
//! few of a test set. The interval on the test set has T + TR, the jackknife R + TR. Their sum
//! counts TR twice, and TR is most of the jackknife: R is of second order, because a fit near its
//! optimum loses little by small errors of its coefficients. So the larger of the two is taken. It
//! falls short of R + T + TR by the smaller of R and T.
//!
//! Simulated in numpy: two families of metrics that are equally good, logistic regression of one
//! setting, 30% of the groups in the test set, 3 x 5 folds, 400 populations. The four columns after
//! `signal` are variances of the difference times 10,000: the true one, DeLong's, the jackknife's,
//! and TR as estimated by DeLong's variance of the differences between the models of the folds. The
//! last three are the coverage of 95% intervals by DeLong's variance, the larger of the two, and
//! their sum. It has a standard error of 1 percent.
//!
//! | groups | columns | signal | true | DeLong | jackknife | TR | DeLong | larger | sum |
//! |---|---|---|---|---|---|---|---|---|---|
//! | 150 | 7 | none | 158 | 161 | 154 | 170 | 93.2% | 96.0% | 99.0% |
//! | 150 | 7 | equal | 69 | 77 | 30 | 26 | 95.3% | 95.3% | 98.5% |
//! | 150 | 30 | none | 141 | 162 | 180 | 195 | 95.5% | 97.0% | 99.8% |
//! | 150 | 30 | equal | 103 | 93 | 103 | 88 | 94.3% | 96.3% | 99.0% |
//! | 450 | 7 | none | 52 | 51 | 49 | 48 | 94.0% | 95.0% | 98.0% |
//! | 450 | 7 | equal | 23 | 21 | 3 | 2 | 94.5% | 94.5% | 95.8% |
//! | 450 | 30 | none | 51 | 51 | 50 | 49 | 95.8% | 97.0% | 98.8% |
//! | 450 | 30 | equal | 22 | 22 | 12 | 9 | 96.0% | 96.5% | 98.5% |
//!
//! Nadeau and Bengio's interval of the difference over the folds held 0 in 89% of the populations
//! of 7 columns without signal, so it does not replace the test set where groups are few.

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

    /// Standard error and degrees of freedom of the larger of the two variances. What the jackknife
    /// has beyond the variance of the test rows is a variance of its own. The degrees of freedom
    /// are Satterthwaite's; those of the test rows are taken as many.
    /// `None` if it is that of the test rows.
    fn wider_than(&self, standard_error: f64) -> Option<(f64, f64)> {
        let excess = self.variance - standard_error.powi(2);
        let degrees_of_freedom = self.degrees_of_freedom * (self.variance / excess).powi(2);
        (excess > 0.0).then(|| (self.variance.sqrt(), degrees_of_freedom))
    }
}

/// An estimate whose interval is at least as wide as the variance of the fit asks.
///
/// The distances of both ends from the value grow in the same proportion, those of DeLong's
/// interval on the logit scale. An estimate without a standard error, such as of an AUC of 1, stays
/// as it is.
pub fn widen_estimate(estimate: Estimate, fit: &Jackknife, confidence: Confidence) -> Estimate {
    let method = with_jackknife(estimate.method);
    let is_judged = estimate.standard_error > 0.0 && fit.variance > 0.0;
    if !is_judged {
        return estimate;
    }
    let Some((standard_error, degrees_of_freedom)) = fit.wider_than(estimate.standard_error) else {
        return Estimate { method, ..estimate };
    };
    let factor = standard_error / estimate.standard_error
        * (half_width(confidence, Some(degrees_of_freedom)) / half_width(confidence, None));
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
        method,
        ..estimate
    }
}

/// A comparison whose interval and p-value are at least as cautious as the variance of the fit
/// asks: `difference ± t SE`, with the larger standard error. `fit` is the jackknife of the
/// differences.
///
/// A comparison without a standard error stays as it is.
pub fn widen_comparison(
    comparison: Comparison,
    fit: &Jackknife,
    confidence: Confidence,
) -> Comparison {
    let method = with_jackknife(comparison.method);
    let is_judged = comparison.standard_error >= 0.0 && fit.variance > 0.0;
    if !is_judged {
        return comparison;
    }
    let Some((standard_error, freedom)) = fit.wider_than(comparison.standard_error) else {
        return Comparison {
            method,
            ..comparison
        };
    };
    let degrees_of_freedom = Some(freedom);
    let half = half_width(confidence, degrees_of_freedom) * standard_error;
    let statistic = comparison.difference / standard_error;
    Comparison {
        low: comparison.difference - half,
        high: comparison.difference + half,
        standard_error,
        statistic,
        degrees_of_freedom,
        p: two_sided_p(statistic, degrees_of_freedom),
        method,
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
    fn the_larger_of_the_two_variances_counts() {
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
        let of = |variance| Jackknife {
            variance,
            degrees_of_freedom: 12.0,
        };
        // Less than that of the test rows: nothing is added.
        let same = widen_comparison(comparison, &of(0.0020), confidence);
        assert_eq!((same.standard_error, same.degrees_of_freedom), (0.05, None));
        let widened = widen_comparison(comparison, &of(0.0050), confidence);
        assert!((widened.standard_error - 0.005_f64.sqrt()).abs() < 1e-12);
        assert!((widened.degrees_of_freedom.unwrap() - 48.0).abs() < 1e-9);
        assert!(widened.p > comparison.p && widened.low < comparison.low);
        assert_eq!(widened.method, Method::DelongJackknife);
    }
}
