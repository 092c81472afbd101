//! Rules that call a network low or high by its accuracy, and the thresholds that they
//! learn from training rows.

use serde::{Deserialize, Serialize};

use crate::spec::SpecProblem;
use cntflow_statistics::quantile::quantile;

/// How networks are divided into low and high performers.
///
/// In a study file it is written as `"median"`, `{ quantiles = [0.25, 0.75] }` or
/// `{ absolute = [0.3, 0.9] }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Low is at or below the median of the training rows, high is above it. All ties at the median
    /// are low. In a population of which half stayed at chance, fewer than half are therefore high;
    /// the table's `prevalence` shows it.
    Median,
    /// Low is at or below the first quantile, high at or above the second. If the two coincide,
    /// high is above them. Networks in between are left out and counted.
    Quantiles([f64; 2]),
    /// Low is at or below the first value, high at or above the second. Networks in between
    /// are left out and counted.
    Absolute([f64; 2]),
}

/// Whether a higher or a lower value of the label column is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// An accuracy: the higher, the better.
    #[default]
    Higher,
    /// A loss: the lower, the better. Low performers have a high loss.
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

    /// Converts a label to a performance, which is better the higher it is, or a
    /// performance back to a label.
    fn to_performance(self, label: f64) -> f64 {
        match self {
            Self::Higher => label,
            Self::Lower => -label,
        }
    }
}

impl Rule {
    /// The rule's text in tables: `median`, `quantiles 0.25 0.75`, `absolute 0.3 0.9`.
    pub fn name(&self) -> String {
        match self {
            Self::Median => "median".to_owned(),
            Self::Quantiles([low, high]) => format!("quantiles {low} {high}"),
            Self::Absolute([low, high]) => format!("absolute {low} {high}"),
        }
    }

    /// Checks the rule's numbers.
    ///
    /// # Errors
    /// Numbers out of range or in the wrong order.
    pub(crate) fn check(&self) -> Result<(), SpecProblem> {
        match *self {
            Self::Quantiles([low, high]) if !(0.0 <= low && low <= high && high <= 1.0) => {
                Err(SpecProblem::Quantiles { low, high })
            }
            Self::Absolute([low, high])
                if !(low <= high && low.is_finite() && high.is_finite()) =>
            {
                Err(SpecProblem::Absolute { low, high })
            }
            _ => Ok(()),
        }
    }

    /// Learns thresholds from the labels of training rows. Quantiles are quantiles of performance:
    /// if lower is better, `[0.25, 0.75]` calls the quarter with the highest labels low.
    ///
    /// # Panics
    /// There are no labels, and the rule is not [`Rule::Absolute`].
    pub(crate) fn learn(&self, labels: &[f64], better: Better) -> Thresholds {
        let performances =
            || -> Vec<f64> { labels.iter().map(|&x| better.to_performance(x)).collect() };
        let [low, high] = match (*self, better) {
            (Self::Median, _) => {
                [quantile(&performances(), 0.5); 2].map(|x| better.to_performance(x))
            }
            (Self::Quantiles(shares), _) => {
                let performances = performances();
                shares.map(|share| better.to_performance(quantile(&performances, share)))
            }
            (Self::Absolute([low, high]), Better::Higher) => [low, high],
            (Self::Absolute([low, high]), Better::Lower) => [high, low],
        };
        Thresholds { low, high, better }
    }
}

/// The limits of the classes, as values of the label column. At or below `low` is low; of the
/// others, at or above `high` is high. If lower is better, above and below are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The best label of a low network.
    pub low: f64,
    /// The worst label of a high network. If it equals `low`, high networks are better than both.
    pub high: f64,
    /// Whether a higher or a lower label is better. Classifiers saved before this field
    /// existed have higher labels.
    #[serde(default)]
    pub better: Better,
}

impl Thresholds {
    /// Whether a label is high (`Some(true)`) or low (`Some(false)`); `None` in
    /// the middle, and for NaN.
    ///
    /// ```
    /// use cntflow_experiments::target::{Better, Thresholds};
    ///
    /// let thresholds = Thresholds { low: 0.5, high: 0.5, better: Better::Higher };
    /// assert_eq!(thresholds.is_high(0.5), Some(false));
    /// assert_eq!(thresholds.is_high(0.6), Some(true));
    /// ```
    pub fn is_high(&self, label: f64) -> Option<bool> {
        let performance = self.better.to_performance(label);
        // Low is asked first: if the two thresholds coincide, a tie is low.
        if performance <= self.better.to_performance(self.low) {
            Some(false)
        } else if performance >= self.better.to_performance(self.high) {
            Some(true)
        } else {
            None
        }
    }

    /// The classes low and high as texts, such as `at or below 0.3100` and `at or above 0.9300`. If
    /// the thresholds coincide, the second is such as `above 0.3100`.
    pub fn describe(&self) -> [String; 2] {
        let [beyond_low, beyond_high, strictly] = match self.better {
            Better::Higher => ["below", "above", "above"],
            Better::Lower => ["above", "below", "below"],
        };
        let high = if self.low == self.high {
            format!("{strictly} {:.4}", self.high)
        } else {
            format!("at or {beyond_high} {:.4}", self.high)
        };
        [format!("at or {beyond_low} {:.4}", self.low), high]
    }
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
        // The negative labels make the same classes if lower is better.
        let losses: Vec<f64> = accuracies.iter().map(|accuracy| -accuracy).collect();
        let negative = match rule {
            Rule::Absolute([low, high]) => Rule::Absolute([-high, -low]),
            rule => rule,
        };
        check_thresholds(
            negative.learn(&losses, Better::Lower),
            negative,
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
    fn the_median_splits_in_half() {
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
    fn absolute_thresholds_ignore_the_accuracies() {
        check(
            Rule::Absolute([0.3, 0.9]),
            &[0.3, 0.5, 0.9],
            &[Some(false), None, Some(true)],
        );
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
        assert_eq!(absolute.describe(), words);
        let median = Rule::Median.learn(&losses, Better::Lower);
        assert_eq!(median.describe(), ["at or above 0.0300", "below 0.0300"]);
        assert_eq!(median.is_high(f64::NAN), None);
    }

    #[test]
    fn numbers_out_of_order_are_refused() {
        assert!(Rule::Quantiles([0.75, 0.25]).check().is_err());
        assert!(Rule::Quantiles([0.25, 1.5]).check().is_err());
        assert!(Rule::Absolute([f64::NAN, 0.5]).check().is_err());
        assert!(Rule::Median.check().is_ok());
    }
}
