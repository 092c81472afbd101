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

/// Which way the label column points that rules read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// An accuracy: the higher, the better.
    #[default]
    Higher,
    /// A loss: the lower, the better. Low performers are those of high loss.
    Lower,
}

impl Better {
    /// `higher` or `lower`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        }
    }

    /// The label as a performance, the higher the better, and back.
    fn turned(self, label: f64) -> f64 {
        match self {
            Self::Higher => label,
            Self::Lower => -label,
        }
    }
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

    /// The thresholds that the rule learns from the labels of training rows. Quantiles are those of performance: where
    /// lower is better, `[0.25, 0.75]` calls the quarter of the highest labels low.
    ///
    /// # Panics
    /// If there are no labels and the rule needs some.
    pub(crate) fn learn(&self, labels: &[f64], better: Better) -> Thresholds {
        let performances = || -> Vec<f64> { labels.iter().map(|&x| better.turned(x)).collect() };
        let [low, high] = match (*self, better) {
            (Self::Median, _) => [quantile(&performances(), 0.5); 2].map(|x| better.turned(x)),
            (Self::Quantiles(shares), _) => {
                let performances = performances();
                shares.map(|share| better.turned(quantile(&performances, share)))
            }
            (Self::Absolute([low, high]), Better::Higher) => [low, high],
            (Self::Absolute([low, high]), Better::Lower) => [high, low],
        };
        Thresholds { low, high, better }
    }
}

/// The two labels that a rule came to: at or below `low` is low; otherwise at or above `high` is high. Where lower is
/// better, the other way round: at or above `low` is low, otherwise at or below `high` is high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The best label of a low network.
    pub low: f64,
    /// The worst label of a high network; where it equals `low`, high means better than it.
    pub high: f64,
    /// Which way the label points.
    #[serde(default)]
    pub better: Better,
}

impl Thresholds {
    /// `Some(true)` for high, `Some(false)` for low, `None` for the middle and for NaN.
    ///
    /// ```
    /// use cntflow_discriminate::{Better, Thresholds};
    ///
    /// let thresholds = Thresholds { low: 0.5, high: 0.5, better: Better::Higher };
    /// assert_eq!(thresholds.is_high(0.5), Some(false));
    /// assert_eq!(thresholds.is_high(0.6), Some(true));
    /// ```
    pub fn is_high(&self, label: f64) -> Option<bool> {
        let [label, low, high] = [label, self.low, self.high].map(|x| self.better.turned(x));
        if label <= low {
            Some(false)
        } else if label >= high {
            Some(true)
        } else {
            None
        }
    }

    /// What low and high mean, in words: `at or below 0.3100` and `at or above 0.9300`; `above` where the two coincide.
    pub fn words(&self) -> [String; 2] {
        let [beyond_low, beyond_high, strictly] = match self.better {
            Better::Higher => ["below", "above", "above"],
            Better::Lower => ["above", "below", "below"],
        };
        let high = if self.low == self.high {
            strictly.to_owned()
        } else {
            format!("at or {beyond_high} {:.4}", self.high)
        };
        [format!("at or {beyond_low} {:.4}", self.low), high]
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
        check_thresholds(
            rule.learn(accuracies, Better::Higher),
            rule,
            accuracies,
            expected,
        );
        // The same labels turned round, told to be better the lower they are, make the same classes.
        let losses: Vec<f64> = accuracies.iter().map(|accuracy| -accuracy).collect();
        let turned = match rule {
            Rule::Absolute([low, high]) => Rule::Absolute([-high, -low]),
            rule => rule,
        };
        check_thresholds(
            turned.learn(&losses, Better::Lower),
            turned,
            &losses,
            expected,
        );
    }

    fn check_thresholds(
        thresholds: Thresholds,
        rule: Rule,
        accuracies: &[f64],
        expected: &[Option<bool>],
    ) {
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
    fn losses_are_better_the_lower_they_are() {
        let losses = [0.01, 0.02, 0.03, 0.04, 0.09];
        let absolute = Rule::Absolute([0.015, 0.035]).learn(&losses, Better::Lower);
        assert_eq!([absolute.low, absolute.high], [0.035, 0.015]);
        let classes = losses.map(|loss| absolute.is_high(loss));
        let (low, high) = (Some(false), Some(true));
        assert_eq!(classes, [high, None, None, low, low]);
        let words = ["at or above 0.0350", "at or below 0.0150"];
        assert_eq!(absolute.words(), words);
        let median = Rule::Median.learn(&losses, Better::Lower);
        assert_eq!(median.words(), ["at or above 0.0300", "below"]);
        assert_eq!(median.is_high(f64::NAN), None);
    }

    #[test]
    fn numbers_out_of_order_are_a_problem() {
        assert!(Rule::Quantiles([0.75, 0.25]).problem().is_some());
        assert!(Rule::Quantiles([0.25, 1.5]).problem().is_some());
        assert!(Rule::Absolute([f64::NAN, 0.5]).problem().is_some());
        assert!(Rule::Median.problem().is_none());
    }
}
