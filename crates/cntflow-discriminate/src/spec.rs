//! The `[discriminate]` section of a study file: what is asked for, with its defaults, checked once.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::classifier::ClassifierKind;
use crate::error::{DiscriminateError, Result};
use crate::rule::{Better, Rule};
use crate::sets::FeatureSet;

/// Label column that says how well a network performs, default is the accuracy on the test images.
pub const DEFAULT_ACCURACY: &str = "test_accuracy";
/// Column whose values are never split between training and test, default is the training run.
pub const DEFAULT_GROUP: &str = "run";
/// Folds of each repeat, default is 5.
pub const DEFAULT_FOLDS: usize = 5;
/// Repeats of the folds, each with other groups together, default is 3.
pub const DEFAULT_REPEATS: usize = 3;
/// Seed of splits, forests, bootstrap and permutations, default is 0.
pub const DEFAULT_SEED: u64 = 0;
/// Bootstrap draws over groups, default is 2,000.
pub const DEFAULT_DRAWS: usize = 2_000;
/// Share of bootstrap draws inside an interval, default is 0.95.
pub const DEFAULT_CONFIDENCE: f64 = 0.95;
/// Permutations of the labels between groups, default is 100; the smallest p-value is 1 / (1 + permutations).
pub const DEFAULT_PERMUTATIONS: usize = 100;
/// Label columns of the set `hyperparameters` where a table has them. The seed is none: it names the run.
pub const DEFAULT_HYPERPARAMETERS: [&str; 15] = [
    "dataset",
    "layer_type",
    "activation",
    "initialisation",
    "initialisation_scale",
    "bias_initialisation",
    "optimiser",
    "momentum",
    "learning_rate",
    "batch_size",
    "epochs",
    "training_fraction",
    "dropout",
    "depth",
    "hidden_neurons",
];
/// Label columns whose values are strata where a table has them.
pub const DEFAULT_STRATA: [&str; 4] = ["layer_type", "activation", "dataset", "depth"];

/// What is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Low against high performers, by a [`Rule`].
    #[default]
    Performance,
}

impl Target {
    /// The target's name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Performance => "performance",
        }
    }
}

/// Which checkpoints of a run are rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoints {
    /// The one of the highest step. If that one failed, the run is left out and counted as failed.
    #[default]
    Last,
    /// All; the feature set `step` belongs into such a table as a baseline.
    All,
}

/// A study's `[discriminate]` section. Every key has a default, so an empty section is a valid one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminateSpec {
    /// What is told apart.
    pub target: Target,
    /// Label column of the table `networks` that the rules read.
    pub accuracy: String,
    /// Whether a higher or a lower value of that column is better: `"lower"` for a loss, such as an autoencoder's.
    pub better: Better,
    /// One rule or a list of them; each is evaluated on its own.
    #[serde(deserialize_with = "one_or_many_rules")]
    pub rule: Vec<Rule>,
    /// Column of the table `networks` whose values stay on one side of every split.
    pub group: String,
    /// Which checkpoints of a run are rows.
    pub checkpoints: Checkpoints,
    /// Feature sets, in the order of the table.
    pub features: Vec<FeatureSet>,
    /// Classifiers fitted on every set but `majority`.
    pub classifiers: Vec<ClassifierKind>,
    /// Label columns of the set `hyperparameters`; those that the table lacks are passed over.
    pub hyperparameters: Vec<String>,
    /// Label columns whose values are evaluated apart; those that the table lacks are passed over.
    pub strata: Vec<String>,
    /// Folds of each repeat, at least 2.
    pub folds: usize,
    /// Repeats of the folds, at least 1.
    pub repeats: usize,
    /// Seed of splits, forests, bootstrap and permutations.
    pub seed: u64,
    /// Bootstrap draws over groups; 0 for no intervals.
    pub draws: usize,
    /// Share of draws inside an interval, in (0, 1).
    pub confidence: f64,
    /// Permutations of the labels between groups; 0 for no such control.
    pub permutations: usize,
}

impl Default for DiscriminateSpec {
    fn default() -> Self {
        Self {
            target: Target::default(),
            accuracy: DEFAULT_ACCURACY.to_owned(),
            better: Better::default(),
            rule: vec![Rule::Median],
            group: DEFAULT_GROUP.to_owned(),
            checkpoints: Checkpoints::default(),
            features: FeatureSet::DEFAULT.to_vec(),
            classifiers: ClassifierKind::ALL.to_vec(),
            hyperparameters: DEFAULT_HYPERPARAMETERS.map(str::to_owned).to_vec(),
            strata: DEFAULT_STRATA.map(str::to_owned).to_vec(),
            folds: DEFAULT_FOLDS,
            repeats: DEFAULT_REPEATS,
            seed: DEFAULT_SEED,
            draws: DEFAULT_DRAWS,
            confidence: DEFAULT_CONFIDENCE,
            permutations: DEFAULT_PERMUTATIONS,
        }
    }
}

impl DiscriminateSpec {
    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`DiscriminateError::Spec`] with the key and what is allowed.
    pub fn check(&self) -> Result<()> {
        let fail = |key, message: String| Err(DiscriminateError::Spec { key, message });
        if let Some(message) = self.rule.iter().find_map(Rule::problem) {
            return fail("rule", message);
        }
        if self.rule.is_empty() {
            return fail("rule", "at least one rule is needed".to_owned());
        }
        if self.folds < 2 {
            return fail("folds", format!("at least 2, found {}", self.folds));
        }
        if self.repeats < 1 {
            return fail("repeats", "at least 1, found 0".to_owned());
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return fail(
                "confidence",
                format!("above 0 and below 1, found {}", self.confidence),
            );
        }
        if self.hyperparameters.contains(&self.accuracy) {
            return fail(
                "hyperparameters",
                format!("`{}` is what is to be told apart", self.accuracy),
            );
        }
        Ok(())
    }
}

/// Reads one rule or a list of rules, with the plain messages of whichever it is.
fn one_or_many_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    struct Rules;
    impl<'de> Visitor<'de> for Rules {
        type Value = Vec<Rule>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"median\", { quantiles = [low, high] }, { absolute = [low, high] }, or a list of these")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Rule::deserialize(StrDeserializer::new(text)).map(|rule| vec![rule])
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Rule::deserialize(MapAccessDeserializer::new(map)).map(|rule| vec![rule])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(sequence))
        }
    }
    deserializer.deserialize_any(Rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DiscriminateSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(read("").unwrap(), DiscriminateSpec::default());
        DiscriminateSpec::default().check().unwrap();
    }

    #[test]
    fn a_loss_is_better_the_lower() {
        let spec = read("accuracy = 'test_loss'\nbetter = 'lower'").unwrap();
        assert_eq!(spec.better, Better::Lower);
        let message = read("better = 'least'").unwrap_err().to_string();
        assert!(
            message.contains("`least`") && message.contains("`lower`"),
            "{message}"
        );
    }

    #[test]
    fn one_rule_or_many() {
        assert_eq!(read("rule = 'median'").unwrap().rule, [Rule::Median]);
        let quantiles = Rule::Quantiles([0.25, 0.75]);
        assert_eq!(
            read("rule = { quantiles = [0.25, 0.75] }").unwrap().rule,
            [quantiles]
        );
        let both = "rule = ['median', { quantiles = [0.25, 0.75] }]";
        assert_eq!(read(both).unwrap().rule, [Rule::Median, quantiles]);
    }

    #[test]
    fn unknown_keys_and_rules_are_named_with_what_is_allowed() {
        let message = read("fold = 3").unwrap_err().to_string();
        assert!(
            message.contains("unknown field `fold`") && message.contains("`folds`"),
            "{message}"
        );
        let message = read("rule = 'mean'").unwrap_err().to_string();
        assert!(
            message.contains("`mean`") && message.contains("`median`"),
            "{message}"
        );
    }

    #[test]
    fn numbers_are_checked() {
        for text in [
            "folds = 1",
            "repeats = 0",
            "confidence = 1.0",
            "rule = []",
            "rule = { quantiles = [0.9, 0.1] }",
        ] {
            assert!(
                matches!(
                    read(text).unwrap().check(),
                    Err(DiscriminateError::Spec { .. })
                ),
                "{text}"
            );
        }
    }
}
