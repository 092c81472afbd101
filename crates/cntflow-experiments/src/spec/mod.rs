//! The `[[experiment]]` sections of a study file: their keys, defaults, and the check of their
//! values.

mod design;
mod features;
mod pair;
mod problem;
mod protocol;
mod target;

use std::collections::BTreeSet;

use cntflow_models::ModelKind;
use serde::{Deserialize, Serialize};

pub use design::{LayerChoice, MatchRule, TestColumn, Transfer};
pub use features::{FeatureExpression, FeatureSet};
pub use pair::{FeatureChoice, Pair};
pub use problem::SpecProblem;
pub use protocol::Protocol;
pub use target::{ClassRule, DEFAULT_LABEL, LabelAt, Target, Transform};

use crate::error::{ExperimentError, Result};

/// Default columns of the set `hyperparameters`, where the tables have them. The seed is not among
/// them, because it identifies the run.
pub const DEFAULT_HYPERPARAMETERS: [&str; 17] = [
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
    "l2",
    "label_noise",
    "depth",
    "hidden_neurons",
];

/// Default columns whose values are strata, where the tables have them.
pub const DEFAULT_STRATA: [&str; 4] = ["layer_type", "activation", "dataset", "depth"];

/// Default number of permutations of the target: 200. The smallest p-value is 1 / 201.
pub const DEFAULT_PERMUTATIONS: usize = 200;

/// Which checkpoints of a run take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointSelection {
    /// The checkpoint of the highest step. If it failed, the run is left out and counted as failed.
    #[default]
    Last,
    /// All checkpoints. The feature set `step` should then be among the baselines.
    All,
    /// The checkpoints of this step.
    Step(i64),
}

/// How the layers of a network become columns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Representation {
    /// By index from both ends of the network: for populations of one architecture.
    Position,
    /// By role: input, hidden (mean and deviation over layers), output.
    #[default]
    Role,
    /// By role, free of width and depth: for populations of mixed architectures.
    RoleNormalised,
}

impl Representation {
    /// The name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Role => "role",
            Self::RoleNormalised => "role_normalised",
        }
    }
}

/// A control population: the same runs with other weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Twin {
    /// The entries of each kernel are permuted; biases stay.
    Shuffle,
    /// Hidden neurons are permuted together with their links: no metric may change.
    Neurons,
    /// Each kernel is drawn from a normal distribution of its mean and standard deviation.
    Gaussian,
    /// Each weight gets a random sign.
    Sign,
    /// The run's checkpoint of step 0.
    Untrained,
}

impl Twin {
    /// All twins.
    pub const ALL: [Self; 5] = [
        Self::Shuffle,
        Self::Neurons,
        Self::Gaussian,
        Self::Sign,
        Self::Untrained,
    ];

    /// The name in study files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shuffle => "shuffle",
            Self::Neurons => "neurons",
            Self::Gaussian => "gaussian",
            Self::Sign => "sign",
            Self::Untrained => "untrained",
        }
    }
}

/// One `[[experiment]]` of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentSpec {
    /// Name of the experiment and of its folder of tables.
    pub name: String,
    /// What others have published for this question, in a sentence. It is told beside the results,
    /// and they do not depend on it.
    #[serde(default, skip_serializing)]
    pub published: Option<String>,
    /// SQL condition over the table `networks`: which of the selected checkpoints take part.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What is predicted.
    #[serde(default)]
    pub target: Target,
    /// Labels that the classes are matched on, before the test set is set aside.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<MatchRule>,
    /// Another population that the models are judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// Columns of `networks`: networks that share a value of any of these, or a digest, are one
    /// group. No group is on both sides of a split.
    #[serde(default = "default_group")]
    pub group: Vec<String>,
    /// Which checkpoints of a run take part.
    #[serde(default)]
    pub checkpoints: CheckpointSelection,
    /// Feature sets, each evaluated by itself. Empty: the default sets of the target and the
    /// tables.
    #[serde(default)]
    pub features: Vec<FeatureExpression>,
    /// Which layers the measured features are read from.
    #[serde(default, skip_serializing_if = "LayerChoice::is_all")]
    pub layers: LayerChoice,
    /// How layers become columns.
    #[serde(default)]
    pub representation: Representation,
    /// Kinds of models to choose from. Empty: the defaults of the target.
    #[serde(default)]
    pub models: Vec<ModelKind>,
    /// Twin populations that every measured feature set is evaluated on as well.
    #[serde(default)]
    pub controls: Vec<Twin>,
    /// Columns of the feature set `hyperparameters`; `None`: those of the default list that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hyperparameters: Option<Vec<String>>,
    /// Columns whose values are strata; `None`: those of the default list that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strata: Option<Vec<String>>,
    /// Comparisons of the primary family, as `"cnt > tensor_7"`; `None`: the default family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Vec<Pair>>,
    /// Permutations of the target within strata; 0 for none.
    #[serde(default = "default_permutations")]
    pub permutations: usize,
    /// Images that the accuracies were computed on: for the noise ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_images: Option<u64>,
    /// Numbers of training groups that the chosen models are fitted to as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learning_curve: Vec<u32>,
    /// Sizes and seeds of the splits and intervals.
    #[serde(default)]
    pub protocol: Protocol,
}

/// Smallest number of groups of a learning curve: 10.
const MIN_CURVE_GROUPS: u32 = 10;

/// Longest name of an experiment: it is the name of a folder.
const MAX_NAME_BYTES: usize = 100;

fn default_group() -> Vec<String> {
    vec!["run".to_owned()]
}

fn default_permutations() -> usize {
    DEFAULT_PERMUTATIONS
}

impl ExperimentSpec {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ExperimentError::Spec`] with the key and what is allowed.
    pub fn check(&self) -> Result<()> {
        let at = |key: &'static str| move |problem| ExperimentError::Spec { key, problem };
        let cannot_be_folder = self.name.is_empty()
            || self.name.len() > MAX_NAME_BYTES
            || self.name.starts_with('.')
            || self.name.contains(['/', '\\'])
            || self.name.contains(char::is_control);
        if cannot_be_folder {
            return Err(at("name")(SpecProblem::Name {
                found: self.name.clone(),
            }));
        }
        if self.group.is_empty() {
            return Err(at("group")(SpecProblem::Empty));
        }
        self.target.check().map_err(at("target"))?;
        self.protocol.check()?;
        if let Some(kind) = self
            .models
            .iter()
            .find(|kind| kind.is_classifier() != self.target.has_classes())
        {
            return Err(at("models")(SpecProblem::ModelOfOtherTarget {
                model: kind.name(),
                target: self.target.kind_name(),
            }));
        }
        let label = self.target.label();
        for (key, columns) in [
            ("hyperparameters", &self.hyperparameters),
            ("strata", &self.strata),
        ] {
            if columns.iter().flatten().any(|column| column == label) {
                let column = label.to_owned();
                return Err(at(key)(SpecProblem::PredictsItself { column }));
            }
        }
        if self.test_images.is_some_and(|images| images < 2) {
            return Err(at("test_images")(SpecProblem::TooSmall {
                least: 2,
                found: self.test_images.unwrap_or_default() as usize,
            }));
        }
        if let Some(&found) = self.learning_curve.iter().find(|n| **n < MIN_CURVE_GROUPS) {
            return Err(at("learning_curve")(SpecProblem::TooSmall {
                least: MIN_CURVE_GROUPS as usize,
                found: found as usize,
            }));
        }
        self.check_design()?;
        self.check_repetitions()?;
        self.check_primary()
    }

    /// Checks `match`, and that one key alone says what the test set is.
    fn check_design(&self) -> Result<()> {
        let at = |key: &'static str| move |problem| ExperimentError::Spec { key, problem };
        let label = self.target.label();
        for rule in &self.matching {
            rule.check().map_err(at("match"))?;
            if rule.label == label {
                let column = label.to_owned();
                return Err(at("match")(SpecProblem::PredictsItself { column }));
            }
        }
        if !self.matching.is_empty() && !self.target.has_fixed_classes() {
            return Err(at("match")(SpecProblem::MatchedTarget));
        }
        if self.transfer.is_some() && self.protocol.test.is_some() {
            let (first, second) = ("transfer", "protocol.test");
            return Err(at("transfer")(SpecProblem::Exclusive { first, second }));
        }
        Ok(())
    }

    /// Columns of `networks` that the design names.
    pub(crate) fn design_columns(&self) -> impl Iterator<Item = &str> {
        let of_transfer = match &self.transfer {
            Some(Transfer::Column { column, .. }) => Some(column),
            _ => None,
        };
        let of_test = self.protocol.test.as_ref().map(|test| &test.column);
        let matched = self.matching.iter().map(|rule| &rule.label);
        matched
            .chain(of_transfer)
            .chain(of_test)
            .map(String::as_str)
    }

    /// Refuses names that are given twice.
    fn check_repetitions(&self) -> Result<()> {
        let twins = self.controls.iter().map(|twin| twin.name().to_owned());
        let models = self.models.iter().map(|model| model.name().to_owned());
        let features = self.features.iter().map(ToString::to_string);
        let matched = self.matching.iter().map(|rule| rule.label.clone());
        let sizes = self.learning_curve.iter().map(ToString::to_string);
        for (key, names) in [
            ("match", matched.collect()),
            ("learning_curve", sizes.collect()),
            ("group", self.group.clone()),
            ("features", features.collect()),
            ("models", models.collect()),
            ("controls", twins.collect()),
            (
                "hyperparameters",
                self.hyperparameters.clone().unwrap_or_default(),
            ),
            ("strata", self.strata.clone().unwrap_or_default()),
        ] {
            let mut seen = BTreeSet::new();
            if let Some(found) = names.into_iter().find(|name| !seen.insert(name.clone())) {
                let problem = SpecProblem::Repeated { found };
                return Err(ExperimentError::Spec { key, problem });
            }
        }
        Ok(())
    }

    /// Refuses comparisons that are given twice, in either direction, of a choice with itself, or
    /// of choices that the section does not have.
    fn check_primary(&self) -> Result<()> {
        let at_primary = |problem| ExperimentError::Spec {
            key: "primary",
            problem,
        };
        let mut seen = BTreeSet::new();
        for pair in self.primary.iter().flatten() {
            if pair.a == pair.b {
                let found = pair.a.to_string();
                return Err(at_primary(SpecProblem::ComparedWithItself { found }));
            }
            let ends = [&pair.a, &pair.b];
            let is_new = seen.insert([ends[0].min(ends[1]), ends[0].max(ends[1])]);
            if !is_new {
                let found = String::from(pair.clone());
                return Err(at_primary(SpecProblem::Repeated { found }));
            }
            let is_known = |choice: &&FeatureChoice| {
                (self.features.is_empty() || self.features.contains(&choice.features))
                    && choice.twin.is_none_or(|twin| self.controls.contains(&twin))
            };
            if let Some(unknown) = ends.into_iter().find(|choice| !is_known(choice)) {
                let choice = unknown.to_string();
                return Err(at_primary(SpecProblem::UnknownChoice { choice }));
            }
        }
        Ok(())
    }

    /// Checks that the features and twins that are named here are measured.
    ///
    /// # Errors
    /// [`ExperimentError::NeedsProbe`] or [`ExperimentError::TwinNotMeasured`].
    pub fn check_measured(&self, has_probe: bool, has_twin: impl Fn(Twin) -> bool) -> Result<()> {
        if !has_probe && let Some(features) = self.features.iter().find(|set| set.needs_probe()) {
            return Err(ExperimentError::NeedsProbe {
                features: features.to_string(),
            });
        }
        let needed = |twin: &&Twin| **twin != Twin::Untrained;
        match self
            .controls
            .iter()
            .filter(needed)
            .find(|twin| !has_twin(**twin))
        {
            Some(twin) => Err(ExperimentError::TwinNotMeasured { twin: twin.name() }),
            None => Ok(()),
        }
    }
}
