//! What every interval and every comparison has, whatever made it.

use serde::Serialize;

use crate::distribution::quantile_of_t;
use crate::error::{Result, check_parameter};

/// The share of repetitions of a study whose interval holds the truth, in (0, 1).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Confidence(f64);

impl Confidence {
    /// 95%.
    pub const NINETY_FIVE: Self = Self(0.95);

    /// A confidence between 0 and 1.
    ///
    /// # Errors
    /// If it is not strictly between 0 and 1.
    pub fn new(confidence: f64) -> Result<Self> {
        let is_inside = confidence > 0.0 && confidence < 1.0;
        check_parameter("confidence", confidence, "between 0 and 1", is_inside)?;
        Ok(Self(confidence))
    }

    /// The share itself.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The share outside the interval on each of its sides: `(1 - confidence) / 2`.
    pub(crate) fn tail(self) -> f64 {
        (1.0 - self.0) / 2.0
    }
}

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// DeLong's variance; the interval of one AUC on the logit scale, of a difference as it is.
    Delong,
    /// The larger of DeLong's variance and the jackknife's over training rows.
    DelongJackknife,
    /// A bound from disjoint pairs, where the ranking leaves no variance to estimate.
    DisjointPairs,
    /// Quantiles of resampled figures.
    BootstrapPercentile,
    /// Quantiles of resampled figures, mirrored at the observed one.
    BootstrapBasic,
    /// A bootstrap's interval, or one of the jackknife's variance over training rows if that is
    /// larger.
    BootstrapJackknife,
    /// Nadeau and Bengio's corrected variance of folds, with a t distribution.
    CorrectedResampled,
    /// Quantiles of simulated test sets.
    BinomialSimulation,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 8] = [
        Self::Delong,
        Self::DelongJackknife,
        Self::DisjointPairs,
        Self::BootstrapPercentile,
        Self::BootstrapBasic,
        Self::BootstrapJackknife,
        Self::CorrectedResampled,
        Self::BinomialSimulation,
    ];

    /// The name in tables, such as `bootstrap_percentile`. It is the name in JSON too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delong => "delong",
            Self::DelongJackknife => "delong_jackknife",
            Self::DisjointPairs => "disjoint_pairs",
            Self::BootstrapPercentile => "bootstrap_percentile",
            Self::BootstrapBasic => "bootstrap_basic",
            Self::BootstrapJackknife => "bootstrap_jackknife",
            Self::CorrectedResampled => "corrected_resampled",
            Self::BinomialSimulation => "binomial_simulation",
        }
    }
}

/// A figure and its interval, in the figure's unit. NaN stands for what is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure on the rows as they are.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Standard error of the value.
    pub standard_error: f64,
    /// How the interval was made.
    pub method: Method,
}

impl Estimate {
    /// A value without an interval.
    pub(crate) fn without_interval(value: f64, method: Method) -> Self {
        Self {
            value,
            low: f64::NAN,
            high: f64::NAN,
            standard_error: f64::NAN,
            method,
        }
    }

    /// Whether the interval contains a value; `false` where there is no interval.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// A difference of two figures over the same rows, with its interval and the test that it is 0.
/// NaN stands for what is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first figure minus the second.
    pub difference: f64,
    /// Lower end of the interval of the difference.
    pub low: f64,
    /// Upper end of the interval of the difference.
    pub high: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// The difference in standard errors, z or t; NaN if the test does not use it.
    pub statistic: f64,
    /// Degrees of freedom of t; `None` for z and for tests without a statistic.
    pub degrees_of_freedom: Option<f64>,
    /// Two-sided p-value of a difference of 0, in [0, 1].
    pub p: f64,
    /// How the interval was made.
    pub method: Method,
}

impl Comparison {
    /// A difference without an interval or a test.
    pub(crate) fn without_interval(difference: f64, method: Method) -> Self {
        Self {
            difference,
            low: f64::NAN,
            high: f64::NAN,
            standard_error: f64::NAN,
            statistic: f64::NAN,
            degrees_of_freedom: None,
            p: f64::NAN,
            method,
        }
    }

    /// A difference of exactly 0 in every resample, as of a model and itself.
    pub(crate) fn of_equals(method: Method) -> Self {
        Self {
            difference: 0.0,
            low: 0.0,
            high: 0.0,
            standard_error: 0.0,
            statistic: 0.0,
            degrees_of_freedom: None,
            p: 1.0,
            method,
        }
    }

    /// Whether the interval contains a value; `false` where there is no interval.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Half the width of an interval in standard errors: the upper quantile of t, or of the normal
/// distribution without degrees of freedom.
pub(crate) fn half_width(confidence: Confidence, degrees_of_freedom: Option<f64>) -> f64 {
    -quantile_of_t(confidence.tail(), degrees_of_freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_of_one_is_refused() {
        let message = Confidence::new(1.0).unwrap_err().to_string();
        assert_eq!(message, "`confidence` is 1, it must be between 0 and 1");
        assert!(Confidence::new(f64::NAN).is_err());
        assert_eq!(Confidence::new(0.95), Ok(Confidence::NINETY_FIVE));
    }

    #[test]
    fn names_of_methods_differ() {
        let mut names = Method::ALL.map(Method::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Method::ALL.len());
    }
}
