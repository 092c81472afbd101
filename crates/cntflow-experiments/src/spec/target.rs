//! The key `target`: what an experiment predicts.

use serde::{Deserialize, Serialize};

use super::SpecProblem;
use crate::target::{Better, Rule};

/// Default label: the accuracy on the test images.
pub const DEFAULT_LABEL: &str = "test_accuracy";

/// What an experiment predicts, as a study file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TargetKeys", into = "TargetKeys")]
pub enum Target {
    /// Whether a network performs low or high.
    LowHigh {
        /// Label column that the rule reads.
        label: String,
        /// How thresholds are learned from the training rows.
        rule: Rule,
        /// Whether a higher or a lower label is better.
        better: Better,
        /// The checkpoint that the label is of.
        at: LabelAt,
    },
    /// One of several classes.
    Classes {
        /// Label column.
        label: String,
        /// How its values become classes.
        rule: ClassRule,
        /// The checkpoint that the label is of.
        at: LabelAt,
    },
    /// A number.
    Regression {
        /// Label column.
        label: String,
        /// What the models are fitted to.
        transform: Transform,
        /// The checkpoint that the label is of.
        at: LabelAt,
    },
    /// The order of the networks.
    Ranking {
        /// Label column.
        label: String,
        /// The checkpoint that the label is of.
        at: LabelAt,
    },
}

/// Which checkpoint of a run the label is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelAt {
    /// The one that the features are of.
    #[default]
    Same,
    /// The last one of the run: what becomes of the network.
    Last,
}

/// How the values of a label become classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassRule {
    /// Each value is a class.
    Values,
    /// Classes of equal size, cut at quantiles of the training rows.
    Quantiles(usize),
}

/// What the models of a regression are fitted to. Predictions are transformed back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// The label itself.
    #[default]
    None,
    /// `ln(p / (1 - p))`, for accuracies; p is kept within [0.0005, 0.9995].
    Logit,
    /// The natural logarithm, for sizes.
    Log,
}

/// The keys of a target as they are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TargetKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    better: Option<Better>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<Classes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<Transform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<LabelAt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Classes {
    Values,
    Quantiles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Regression,
    Ranking,
}

impl Default for Target {
    fn default() -> Self {
        Self::LowHigh {
            label: DEFAULT_LABEL.to_owned(),
            rule: Rule::Median,
            better: Better::Higher,
            at: LabelAt::Same,
        }
    }
}

impl TryFrom<TargetKeys> for Target {
    type Error = SpecProblem;

    fn try_from(keys: TargetKeys) -> Result<Self, SpecProblem> {
        let label = keys
            .label
            .clone()
            .unwrap_or_else(|| DEFAULT_LABEL.to_owned());
        let at = keys.at.unwrap_or_default();
        let written = [
            ("rule", keys.rule.is_some()),
            ("classes", keys.classes.is_some()),
            ("kind", keys.kind.is_some()),
        ];
        let mut kinds = written.iter().filter(|(_, is_written)| *is_written);
        if let (Some((first, _)), Some((second, _))) = (kinds.next(), kinds.next()) {
            return Err(SpecProblem::Exclusive { first, second });
        }
        let target = match (keys.classes, keys.kind) {
            (Some(Classes::Values), _) => Self::Classes {
                label,
                rule: ClassRule::Values,
                at,
            },
            (Some(Classes::Quantiles), _) => Self::Classes {
                label,
                rule: ClassRule::Quantiles(keys.n.ok_or(SpecProblem::NumberOfClasses)?),
                at,
            },
            (None, Some(Kind::Regression)) => Self::Regression {
                label,
                transform: keys.transform.unwrap_or_default(),
                at,
            },
            (None, Some(Kind::Ranking)) => Self::Ranking { label, at },
            (None, None) => Self::LowHigh {
                label,
                rule: keys.rule.unwrap_or(Rule::Median),
                better: keys.better.unwrap_or_default(),
                at,
            },
        };
        keys.meaningless(&target).map_or(Ok(()), Err)?;
        Ok(target)
    }
}

impl TargetKeys {
    /// The first key that the target does not read.
    fn meaningless(&self, target: &Target) -> Option<SpecProblem> {
        let is_low_high = matches!(target, Target::LowHigh { .. });
        let is_regression = matches!(target, Target::Regression { .. });
        let by_quantiles = matches!(
            target,
            Target::Classes {
                rule: ClassRule::Quantiles(_),
                ..
            }
        );
        let unread = [
            ("better", self.better.is_some() && !is_low_high),
            ("n", self.n.is_some() && !by_quantiles),
            ("transform", self.transform.is_some() && !is_regression),
        ];
        let mut unread = unread.into_iter().filter(|(_, is_unread)| *is_unread);
        unread
            .next()
            .map(|(key, _)| SpecProblem::Meaningless { key })
    }
}

impl From<Target> for TargetKeys {
    fn from(target: Target) -> Self {
        let label = Some(target.label().to_owned());
        // A key with its default is not written, so that older sections keep their digest.
        let at = Some(target.label_at()).filter(|at| *at != LabelAt::default());
        let keys = match target {
            Target::LowHigh { rule, better, .. } => Self {
                label,
                rule: Some(rule),
                better: Some(better),
                ..Self::default()
            },
            Target::Classes { rule, .. } => Self {
                label,
                classes: Some(match rule {
                    ClassRule::Values => Classes::Values,
                    ClassRule::Quantiles(_) => Classes::Quantiles,
                }),
                n: match rule {
                    ClassRule::Values => None,
                    ClassRule::Quantiles(n) => Some(n),
                },
                ..Self::default()
            },
            Target::Regression { transform, .. } => Self {
                label,
                kind: Some(Kind::Regression),
                transform: Some(transform),
                ..Self::default()
            },
            Target::Ranking { .. } => Self {
                label,
                kind: Some(Kind::Ranking),
                ..Self::default()
            },
        };
        Self { at, ..keys }
    }
}

impl Target {
    /// The label column.
    pub fn label(&self) -> &str {
        match self {
            Self::LowHigh { label, .. }
            | Self::Classes { label, .. }
            | Self::Regression { label, .. }
            | Self::Ranking { label, .. } => label,
        }
    }

    /// The label in a sentence: `test_accuracy`, or `test_accuracy of the last checkpoint`.
    pub fn label_text(&self) -> String {
        match self.label_at() {
            LabelAt::Same => self.label().to_owned(),
            LabelAt::Last => format!("{} of the last checkpoint", self.label()),
        }
    }

    /// The checkpoint that the label is taken from.
    pub fn label_at(&self) -> LabelAt {
        match self {
            Self::LowHigh { at, .. }
            | Self::Classes { at, .. }
            | Self::Regression { at, .. }
            | Self::Ranking { at, .. } => *at,
        }
    }

    /// Whether the class of a network depends on its own label alone.
    pub(crate) fn has_fixed_classes(&self) -> bool {
        matches!(
            self,
            Self::Classes {
                rule: ClassRule::Values,
                ..
            } | Self::LowHigh {
                rule: Rule::Absolute(_),
                ..
            }
        )
    }

    /// Whether a label has a value on the scale of the models.
    pub(crate) fn accepts(&self, label: f64) -> bool {
        let is_log = matches!(
            self,
            Self::Regression {
                transform: Transform::Log,
                ..
            }
        );
        label.is_finite() && (!is_log || label > 0.0)
    }

    /// Whether the models are classifiers.
    pub fn has_classes(&self) -> bool {
        matches!(self, Self::LowHigh { .. } | Self::Classes { .. })
    }

    /// The kind of target, for tables: `low_high`, `classes`, `regression` or `ranking`.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::LowHigh { .. } => "low_high",
            Self::Classes { .. } => "classes",
            Self::Regression { .. } => "regression",
            Self::Ranking { .. } => "ranking",
        }
    }

    pub(super) fn check(&self) -> Result<(), SpecProblem> {
        match self {
            Self::LowHigh { rule, .. } => rule.check(),
            Self::Classes {
                rule: ClassRule::Quantiles(n),
                ..
            } if *n < 2 => Err(SpecProblem::NumberOfClasses),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Target, toml::de::Error> {
        #[derive(Deserialize)]
        struct Section {
            target: Target,
        }
        toml::from_str::<Section>(&format!("target = {text}")).map(|section| section.target)
    }

    #[test]
    fn every_kind_of_target_is_read_and_written_again() {
        let label = || "test_accuracy".to_owned();
        let targets = [
            ("{}", Target::default()),
            (
                "{ rule = { quantiles = [0.25, 0.75] }, better = 'lower', label = 'test_loss' }",
                Target::LowHigh {
                    label: "test_loss".to_owned(),
                    rule: Rule::Quantiles([0.25, 0.75]),
                    better: Better::Lower,
                    at: LabelAt::Same,
                },
            ),
            (
                "{ label = 'layer_type', classes = 'values' }",
                Target::Classes {
                    label: "layer_type".to_owned(),
                    rule: ClassRule::Values,
                    at: LabelAt::Same,
                },
            ),
            (
                "{ classes = 'quantiles', n = 4 }",
                Target::Classes {
                    label: label(),
                    rule: ClassRule::Quantiles(4),
                    at: LabelAt::Same,
                },
            ),
            (
                "{ kind = 'regression', transform = 'logit' }",
                Target::Regression {
                    label: label(),
                    transform: Transform::Logit,
                    at: LabelAt::Same,
                },
            ),
            (
                "{ kind = 'ranking', at = 'last' }",
                Target::Ranking {
                    label: label(),
                    at: LabelAt::Last,
                },
            ),
        ];
        for (text, target) in targets {
            assert_eq!(read(text).unwrap(), target, "{text}");
            let written = serde_json::to_string(&target).unwrap();
            assert_eq!(serde_json::from_str::<Target>(&written).unwrap(), target);
        }
    }

    #[test]
    fn keys_that_exclude_each_other_or_mean_nothing_are_named() {
        for (text, message) in [
            (
                "{ rule = 'median', classes = 'values' }",
                "`rule` and `classes` exclude each other",
            ),
            (
                "{ kind = 'ranking', better = 'lower' }",
                "`better` has no meaning",
            ),
            ("{ classes = 'quantiles' }", "needs n"),
            ("{ rule = 'median', n = 3 }", "`n` has no meaning"),
            ("{ labels = 'x' }", "unknown field `labels`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
