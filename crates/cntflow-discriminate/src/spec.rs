//! The `[discriminate]` section of a study file: its keys, their defaults, and the
//! check of their values.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::classifier::ClassifierKind;
use crate::error::{DiscriminateError, Result, SpecProblem};
use crate::features::FeatureSet;
use crate::rule::{Better, Rule};

/// Default label column that says how well a network performs: the accuracy on the test images.
pub const DEFAULT_ACCURACY: &str = "test_accuracy";
/// Default column whose values are never split between training and test: the training run.
pub const DEFAULT_GROUP: &str = "run";
/// Default number of folds of each repeat: 5.
pub const DEFAULT_FOLDS: usize = 5;
/// Default number of repeats, each with another split into folds: 3.
pub const DEFAULT_REPEATS: usize = 3;
/// Default seed of splits, fits, bootstrap draws and permutations: 0.
pub const DEFAULT_SEED: u64 = 0;
/// Default number of bootstrap draws over groups: 2,000.
pub const DEFAULT_DRAWS: usize = 2_000;
/// Default share of bootstrap draws inside an interval: 0.95.
pub const DEFAULT_CONFIDENCE: f64 = 0.95;
/// Default number of permutations of the labels between groups: 100. The smallest p-value is
/// 1 / (1 + permutations).
pub const DEFAULT_PERMUTATIONS: usize = 100;
/// Default label columns of the set `hyperparameters`; a table may lack some. The seed is not among
/// them, because it identifies the run.
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
/// Default label columns whose values are strata; a table may lack some.
pub const DEFAULT_STRATA: [&str; 4] = ["layer_type", "activation", "dataset", "depth"];

/// What the classifiers predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Whether a network performs low or high, by a [`Rule`].
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

/// Which checkpoints of a run take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointSelection {
    /// The checkpoint of the highest step. If it failed, the run is left out and counted as failed.
    #[default]
    Last,
    /// All checkpoints. The feature set `step` should then be among the baselines.
    All,
}

/// The `[discriminate]` section of a study. Every key has a default, so an empty section is valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminateSpec {
    /// What the classifiers predict.
    pub target: Target,
    /// Label column of the table `networks` to which the rules apply.
    pub accuracy: String,
    /// Whether a higher or a lower value of that column is better. `"lower"` is for losses,
    /// such as an autoencoder's.
    pub better: Better,
    /// One rule or a list of rules. Each is evaluated separately.
    #[serde(deserialize_with = "one_or_many_rules")]
    pub rule: Vec<Rule>,
    /// Column of the table `networks` that names the groups. A group is never split
    /// between training and test.
    pub group: String,
    /// Which checkpoints of a run take part.
    pub checkpoints: CheckpointSelection,
    /// Feature sets to be evaluated.
    pub features: Vec<FeatureSet>,
    /// Classifiers fitted on every set except `majority`.
    pub classifiers: Vec<ClassifierKind>,
    /// Label columns of the set `hyperparameters`. Those that the table lacks are ignored.
    pub hyperparameters: Vec<String>,
    /// Label columns whose values are strata, evaluated separately. Those that the
    /// table lacks are ignored.
    pub strata: Vec<String>,
    /// Folds of each repeat, at least 2.
    pub folds: usize,
    /// Repeats of the folds, at least 1.
    pub repeats: usize,
    /// Seed of splits, fits, bootstrap draws and permutations.
    pub seed: u64,
    /// Number of bootstrap draws over groups; 0 for no intervals.
    pub draws: usize,
    /// Share of draws inside an interval, in (0, 1).
    pub confidence: f64,
    /// Number of permutations of the labels between groups; 0 for no permutation control.
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
            checkpoints: CheckpointSelection::default(),
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
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`DiscriminateError::Spec`] with the key and what is allowed.
    pub fn check(&self) -> Result<()> {
        match self.problem() {
            None => Ok(()),
            Some((key, problem)) => Err(DiscriminateError::Spec { key, problem }),
        }
    }

    /// The first key with a problem, if any.
    fn problem(&self) -> Option<(&'static str, SpecProblem)> {
        if let Some(problem) = self.rule.iter().find_map(|rule| rule.check().err()) {
            return Some(("rule", problem));
        }
        if self.rule.is_empty() {
            return Some(("rule", SpecProblem::NoRule));
        }
        for (key, least, found) in [("folds", 2, self.folds), ("repeats", 1, self.repeats)] {
            if found < least {
                return Some((key, SpecProblem::TooSmall { least, found }));
            }
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            let found = self.confidence;
            return Some(("confidence", SpecProblem::NotBetweenZeroAndOne { found }));
        }
        if self.hyperparameters.contains(&self.accuracy) {
            let column = self.accuracy.clone();
            return Some(("hyperparameters", SpecProblem::PredictsItself { column }));
        }
        None
    }
}

/// Reads one rule or a list of rules. A hand-written visitor keeps serde's message on the actual
/// mistake; an untagged enum would only say that no variant matches.
fn one_or_many_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    struct Rules;
    impl<'de> Visitor<'de> for Rules {
        type Value = Vec<Rule>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                "\"median\", { quantiles = [low, high] }, { absolute = [low, high] }, or a list of these",
            )
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
    fn a_loss_is_better_the_lower_it_is() {
        let spec = read("accuracy = 'test_loss'\nbetter = 'lower'").unwrap();
        assert_eq!(spec.better, Better::Lower);
        let message = read("better = 'least'").unwrap_err().to_string();
        assert!(
            message.contains("`least`") && message.contains("`lower`"),
            "{message}"
        );
    }

    #[test]
    fn rules_are_given_one_or_as_a_list() {
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
    fn unknown_keys_and_rules_are_named_with_those_allowed() {
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
    fn numbers_out_of_range_are_refused() {
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
