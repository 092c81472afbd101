//! A target as it is learned from the training rows of one split.

use std::collections::BTreeSet;

use super::thresholds::Thresholds;
use crate::spec::{ClassRule, Target, Transform};
use cntflow_statistics::quantile::quantile;

/// The values of the label, one per row.
#[derive(Clone, Debug, PartialEq)]
pub enum RawTarget {
    /// Finite numbers.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

/// Accuracies are kept this far from 0 and 1 before their logit is taken: half an image of 1,000.
const LOGIT_MARGIN: f64 = 0.0005;

/// A target whose thresholds, classes or ranks were learned from training rows.
#[derive(Clone, Debug, PartialEq)]
pub enum LearnedTarget {
    /// Low and high performers.
    LowHigh(Thresholds),
    /// The values that are classes, sorted.
    Values(Vec<String>),
    /// Class k holds the labels above cut k - 1 and at most cut k.
    Cuts(Vec<f64>),
    /// Numbers, transformed.
    Numbers(Transform),
    /// The share of the training labels below a label, ties counting half. Holds these, sorted.
    Ranks(Vec<f64>),
}

impl RawTarget {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the label is a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Numbers(_))
    }

    /// A number by which splits are balanced: the value, or the index of the text among all.
    pub(crate) fn order_values(&self) -> Vec<f64> {
        match self {
            Self::Numbers(values) => values.clone(),
            Self::Texts(values) => {
                let distinct: Vec<&String> =
                    values.iter().collect::<BTreeSet<_>>().into_iter().collect();
                values
                    .iter()
                    .map(|value| distinct.partition_point(|other| *other < value) as f64)
                    .collect()
            }
        }
    }

    fn number(&self, row: usize) -> f64 {
        match self {
            Self::Numbers(values) => values[row],
            Self::Texts(_) => f64::NAN,
        }
    }

    fn text(&self, row: usize) -> String {
        match self {
            Self::Numbers(values) => values[row].to_string(),
            Self::Texts(values) => values[row].clone(),
        }
    }

    fn numbers(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|&row| self.number(row)).collect()
    }
}

impl LearnedTarget {
    /// Learns the target from the training rows.
    ///
    /// # Panics
    /// There are no training rows.
    pub fn learn(target: &Target, raw: &RawTarget, training: &[usize]) -> Self {
        match target {
            Target::LowHigh { rule, better, .. } => {
                Self::LowHigh(rule.learn(&raw.numbers(training), *better))
            }
            Target::Classes { rule, .. } => match rule {
                ClassRule::Values => {
                    let values: BTreeSet<String> =
                        training.iter().map(|&row| raw.text(row)).collect();
                    Self::Values(values.into_iter().collect())
                }
                ClassRule::Quantiles(n) => {
                    let numbers = raw.numbers(training);
                    let cut = |k: usize| quantile(&numbers, k as f64 / *n as f64);
                    Self::Cuts((1..*n).map(cut).collect())
                }
            },
            Target::Regression { transform, .. } => Self::Numbers(*transform),
            Target::Ranking { .. } => {
                let mut numbers = raw.numbers(training);
                numbers.sort_by(f64::total_cmp);
                Self::Ranks(numbers)
            }
        }
    }

    /// Names of the classes; none for numbers.
    pub fn class_names(&self) -> Vec<String> {
        match self {
            Self::LowHigh(_) => vec!["low".to_owned(), "high".to_owned()],
            Self::Values(names) => names.clone(),
            Self::Cuts(cuts) => (1..=cuts.len() + 1).map(|k| format!("q{k}")).collect(),
            Self::Numbers(_) | Self::Ranks(_) => Vec::new(),
        }
    }

    /// The class of a row; `None` for a row between low and high, and for a value that no training
    /// row has.
    pub fn class(&self, raw: &RawTarget, row: usize) -> Option<u32> {
        match self {
            Self::LowHigh(thresholds) => thresholds.is_high(raw.number(row)).map(u32::from),
            Self::Values(names) => {
                let found = names.binary_search(&raw.text(row)).ok()?;
                Some(found as u32)
            }
            Self::Cuts(cuts) => {
                let number = raw.number(row);
                Some(cuts.iter().filter(|cut| number > **cut).count() as u32)
            }
            Self::Numbers(_) | Self::Ranks(_) => None,
        }
    }

    /// The number that a regression is fitted to; NaN for classes.
    pub fn value(&self, raw: &RawTarget, row: usize) -> f64 {
        let number = raw.number(row);
        match self {
            Self::Numbers(Transform::None) => number,
            Self::Numbers(Transform::Log) => number.ln(),
            Self::Numbers(Transform::Logit) => {
                let p = number.clamp(LOGIT_MARGIN, 1.0 - LOGIT_MARGIN);
                (p / (1.0 - p)).ln()
            }
            Self::Ranks(sorted) => {
                let below = sorted.partition_point(|other| *other < number);
                let upto = sorted.partition_point(|other| *other <= number);
                (below + upto) as f64 / (2 * sorted.len()) as f64
            }
            Self::LowHigh(_) | Self::Values(_) | Self::Cuts(_) => f64::NAN,
        }
    }

    /// A prediction of a regression on the label's own scale. Of a ranking it stays a rank.
    pub fn to_label(&self, value: f64) -> f64 {
        match self {
            Self::Numbers(Transform::Log) => value.exp(),
            Self::Numbers(Transform::Logit) => 1.0 / (1.0 + (-value).exp()),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::LabelAt;

    #[test]
    fn classes_by_quantiles_have_equal_sizes_in_training() {
        let raw = RawTarget::Numbers((0..100).map(f64::from).collect());
        let target = Target::Classes {
            label: "x".to_owned(),
            rule: ClassRule::Quantiles(4),
            at: LabelAt::Same,
        };
        let all: Vec<usize> = (0..100).collect();
        let learned = LearnedTarget::learn(&target, &raw, &all);
        let mut sizes = [0; 4];
        for row in all {
            sizes[learned.class(&raw, row).unwrap() as usize] += 1;
        }
        assert_eq!(sizes, [25; 4]);
        assert_eq!(learned.class_names(), ["q1", "q2", "q3", "q4"]);
    }

    #[test]
    fn a_value_without_training_rows_has_no_class() {
        let raw = RawTarget::Texts(["a", "b", "c"].map(str::to_owned).to_vec());
        let target = Target::Classes {
            label: "x".to_owned(),
            rule: ClassRule::Values,
            at: LabelAt::Same,
        };
        let learned = LearnedTarget::learn(&target, &raw, &[0, 2]);
        let classes: Vec<_> = (0..3).map(|row| learned.class(&raw, row)).collect();
        assert_eq!(classes, [Some(0), None, Some(1)]);
    }

    #[test]
    fn a_logit_comes_back_and_ranks_count_ties_half() {
        let raw = RawTarget::Numbers(vec![0.9, 0.5, 0.5, 0.1]);
        let regression = Target::Regression {
            label: "x".to_owned(),
            transform: Transform::Logit,
            at: LabelAt::Same,
        };
        let learned = LearnedTarget::learn(&regression, &raw, &[0, 1, 2, 3]);
        assert!((learned.to_label(learned.value(&raw, 0)) - 0.9).abs() < 1e-12);
        let ranking = Target::Ranking {
            label: "x".to_owned(),
            at: LabelAt::Same,
        };
        let learned = LearnedTarget::learn(&ranking, &raw, &[0, 1, 2, 3]);
        let ranks: Vec<f64> = (0..4).map(|row| learned.value(&raw, row)).collect();
        assert_eq!(ranks, [0.875, 0.5, 0.5, 0.125]);
    }
}
