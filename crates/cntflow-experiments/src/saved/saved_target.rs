//! What a model predicts, and what was learned of it from the training networks.

use cntflow_models::exact_floats;
use serde::{Deserialize, Serialize};

use crate::spec::{ClassRule, Target, Transform};
use crate::target::{Better, LearnedTarget, Thresholds};
use cntflow_statistics::quantile::quantile_of_sorted;

/// A target with its learned thresholds and classes, for a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedTarget {
    pub(super) target: Target,
    learned: Learned,
}

/// [`LearnedTarget`] with numbers that are read back bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Learned {
    LowHigh {
        /// The low threshold, then the high one.
        #[serde(with = "exact_floats")]
        thresholds: Vec<f64>,
        better: Better,
    },
    Values {
        names: Vec<String>,
    },
    Cuts {
        #[serde(with = "exact_floats")]
        cuts: Vec<f64>,
    },
    Numbers {
        transform: Transform,
    },
    /// A prediction stays a rank, so that these numbers are all that says what a rank means.
    Ranks {
        /// Least, median and largest training label.
        #[serde(with = "exact_floats")]
        labels: Vec<f64>,
    },
}

impl SavedTarget {
    pub(super) fn new(target: &Target, learned: &LearnedTarget) -> Self {
        let learned = match learned {
            LearnedTarget::LowHigh(thresholds) => Learned::LowHigh {
                thresholds: vec![thresholds.low, thresholds.high],
                better: thresholds.better,
            },
            LearnedTarget::Values(names) => Learned::Values {
                names: names.clone(),
            },
            LearnedTarget::Cuts(cuts) => Learned::Cuts { cuts: cuts.clone() },
            LearnedTarget::Numbers(transform) => Learned::Numbers {
                transform: *transform,
            },
            LearnedTarget::Ranks(sorted) => Learned::Ranks {
                labels: [0.0, 0.5, 1.0]
                    .map(|q| quantile_of_sorted(sorted, q))
                    .to_vec(),
            },
        };
        Self {
            target: target.clone(),
            learned,
        }
    }

    /// What was learned. Of ranks, it has three training labels instead of all.
    pub(super) fn learned(&self) -> LearnedTarget {
        match &self.learned {
            Learned::LowHigh { thresholds, better } => LearnedTarget::LowHigh(Thresholds {
                low: thresholds[0],
                high: thresholds[1],
                better: *better,
            }),
            Learned::Values { names } => LearnedTarget::Values(names.clone()),
            Learned::Cuts { cuts } => LearnedTarget::Cuts(cuts.clone()),
            Learned::Numbers { transform } => LearnedTarget::Numbers(*transform),
            Learned::Ranks { labels } => LearnedTarget::Ranks(labels.clone()),
        }
    }

    /// Whether what was learned belongs to the kind of target. It does unless a file was damaged.
    pub(super) fn is_consistent(&self) -> bool {
        let are_ordered = |list: &[f64]| list.is_sorted() && list.iter().all(|x| x.is_finite());
        match (&self.target, &self.learned) {
            (
                Target::LowHigh { better, .. },
                Learned::LowHigh {
                    thresholds,
                    better: same,
                },
            ) => {
                better == same && thresholds.len() == 2 && thresholds.iter().all(|x| x.is_finite())
            }
            (
                Target::Classes {
                    rule: ClassRule::Values,
                    ..
                },
                Learned::Values { names },
            ) => names.len() > 1 && names.is_sorted_by(|a, b| a < b),
            (
                Target::Classes {
                    rule: ClassRule::Quantiles(n),
                    ..
                },
                Learned::Cuts { cuts },
            ) => cuts.len() + 1 == *n && are_ordered(cuts),
            (Target::Regression { transform, .. }, Learned::Numbers { transform: same }) => {
                transform == same
            }
            (Target::Ranking { .. }, Learned::Ranks { labels }) => {
                labels.len() == 3 && are_ordered(labels)
            }
            _ => false,
        }
    }

    /// What a prediction means, such as
    /// `low: test_accuracy at or below 0.3100; high: at or above 0.9300`.
    pub(super) fn meaning(&self) -> String {
        let label = self.target.label_text();
        match &self.learned {
            Learned::LowHigh { .. } => {
                let LearnedTarget::LowHigh(thresholds) = self.learned() else {
                    return label;
                };
                let [low, high] = thresholds.describe();
                format!("low: {label} {low}; high: {high}")
            }
            Learned::Values { names } => format!("{label}, one of: {}", names.join(", ")),
            Learned::Cuts { cuts } => {
                let mut text = format!("q1: {label} at or below {:.4}", cuts[0]);
                for (index, pair) in cuts.windows(2).enumerate() {
                    let number = index + 2;
                    text.push_str(&format!("; q{number}: above that, up to {:.4}", pair[1]));
                }
                format!("{text}; q{}: above", cuts.len() + 1)
            }
            Learned::Numbers { .. } => label,
            Learned::Ranks { labels } => format!(
                "rank by {label} among the training networks: 0 is the lowest ({:.4}), 0.5 the \
                 median ({:.4}), 1 the highest ({:.4})",
                labels[0], labels[1], labels[2]
            ),
        }
    }
}
