//! Low or high: the rules that turn an accuracy into a class, and the thresholds they learn from training rows.

use serde::{Deserialize, Serialize};

/// How networks are told apart into low and high performers.
///
/// In a study file: `"median"`, `{ quantiles = [0.25, 0.75] }` or `{ absolute = [0.3, 0.9] }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// High is above the training rows' median, low is at or below it. Ties at the median are all low, so a
    /// population of which half stayed at chance has fewer high networks than low ones; the prevalence says so.
    Median,
    /// Low is at or below the first quantile, high at or above the second (and above the first, if the two
    /// coincide); what lies between is left out and counted.
    Quantiles([f64; 2]),
    /// Low is at or below the first value, high at or above the second; what lies between is left out.
    Absolute([f64; 2]),
}

impl Rule {
    /// The rule in words, as it stands in the table: `median`, `quantiles 0.25 0.75`, `absolute 0.3 0.9`.
    pub fn name(&self) -> String {
        match self {
            Self::Median => "median".to_owned(),
            Self::Quantiles([low, high]) => format!("quantiles {low} {high}"),
            Self::Absolute([low, high]) => format!("absolute {low} {high}"),
        }
    }

    /// What is wrong with the rule's numbers, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match *self {
            Self::Quantiles([low, high]) if !(0.0 <= low && low <= high && high <= 1.0) => {
                Some(format!(
                    "quantiles must be two numbers in [0, 1], the lower one first; found [{low}, {high}]"
                ))
            }
            Self::Absolute([low, high])
                if !(low <= high && low.is_finite() && high.is_finite()) =>
            {
                Some(format!(
                    "absolute must be two finite numbers, the lower one first; found [{low}, {high}]"
                ))
            }
            _ => None,
        }
    }

    /// The thresholds that the rule learns from the accuracies of training rows.
    ///
    /// # Panics
    /// If there are no accuracies and the rule needs some.
    pub(crate) fn learn(&self, accuracies: &[f64]) -> Thresholds {
        match *self {
            Self::Median => {
                let median = quantile(accuracies, 0.5);
                Thresholds {
                    low: median,
                    high: median,
                }
            }
            Self::Quantiles([low, high]) => Thresholds {
                low: quantile(accuracies, low),
                high: quantile(accuracies, high),
            },
            Self::Absolute([low, high]) => Thresholds { low, high },
        }
    }
}

/// The two accuracies that a rule came to: at or below `low` is low; otherwise at or above `high` is high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The highest accuracy of a low network.
    pub low: f64,
    /// The lowest accuracy of a high network; where it equals `low`, high means above it.
    pub high: f64,
}

impl Thresholds {
    /// `Some(true)` for high, `Some(false)` for low, `None` for the middle and for NaN.
    ///
    /// ```
    /// let thresholds = cntflow_discriminate::Thresholds { low: 0.5, high: 0.5 };
    /// assert_eq!(thresholds.is_high(0.5), Some(false));
    /// assert_eq!(thresholds.is_high(0.6), Some(true));
    /// ```
    pub fn is_high(&self, accuracy: f64) -> Option<bool> {
        if accuracy <= self.low {
            Some(false)
        } else if accuracy >= self.high {
            Some(true)
        } else {
            None
        }
    }
}

/// The q-quantile with linear interpolation between order statistics (numpy's default).
///
/// # Panics
/// If `values` is empty.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// [`quantile`] of values that are already sorted upwards.
///
/// # Panics
/// If `sorted` is empty.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Rule, accuracies: &[f64], expected: &[Option<bool>]) {
        let thresholds = rule.learn(accuracies);
        let classes: Vec<_> = accuracies
            .iter()
            .map(|&accuracy| thresholds.is_high(accuracy))
            .collect();
        assert_eq!(classes, expected, "{}", rule.name());
    }

    #[test]
    fn median_splits_in_half() {
        let (low, high) = (Some(false), Some(true));
        check(Rule::Median, &[0.1, 0.9, 0.5, 0.7], &[low, high, low, high]);
    }

    #[test]
    fn ties_at_the_median_are_low() {
        let (low, high) = (Some(false), Some(true));
        check(
            Rule::Median,
            &[0.1, 0.1, 0.1, 0.1, 0.9],
            &[low, low, low, low, high],
        );
        check(Rule::Median, &[0.1, 0.9, 0.9, 0.9], &[low, low, low, low]);
    }

    #[test]
    fn quantiles_leave_the_middle_out() {
        let (low, high) = (Some(false), Some(true));
        let rule = Rule::Quantiles([0.25, 0.75]);
        check(
            rule,
            &[0.0, 1.0, 2.0, 3.0, 4.0],
            &[low, low, None, high, high],
        );
    }

    #[test]
    fn quantiles_that_coincide_keep_their_ties_low() {
        let (low, high) = (Some(false), Some(true));
        let rule = Rule::Quantiles([0.25, 0.75]);
        check(
            rule,
            &[0.1, 0.1, 0.1, 0.1, 0.9],
            &[low, low, low, low, high],
        );
    }

    #[test]
    fn absolute_ignores_the_accuracies() {
        check(
            Rule::Absolute([0.3, 0.9]),
            &[0.3, 0.5, 0.9],
            &[Some(false), None, Some(true)],
        );
    }

    #[test]
    fn quantile_is_numpys() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.25), 1.75);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
    }

    #[test]
    fn numbers_out_of_order_are_a_problem() {
        assert!(Rule::Quantiles([0.75, 0.25]).problem().is_some());
        assert!(Rule::Quantiles([0.25, 1.5]).problem().is_some());
        assert!(Rule::Absolute([f64::NAN, 0.5]).problem().is_some());
        assert!(Rule::Median.problem().is_none());
    }
}
