//! A trained classifier: all that is needed to predict other checkpoints, as one JSON file.

use std::path::Path;

use cntflow_storage::write_atomically;
use serde::{Deserialize, Serialize};

use crate::classifier::{ClassifierKind, Model};
use crate::error::{Damage, DiscriminateError, Result};
use crate::evaluation::bootstrap::Estimate;
use crate::exact_floats;
use crate::features::{FeatureSet, Preparation};
use crate::rule::{Better, Rule, Thresholds};

/// Version of the saved JSON: 1.
pub const CLASSIFIER_VERSION: u32 = 1;

/// A classifier fitted to all low and high networks of a population, with its
/// origin and its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedClassifier {
    pub(crate) version: u32,
    pub(crate) experiment: String,
    pub(crate) accuracy: String,
    pub(crate) rule: Rule,
    /// In classifiers saved before this field existed, higher labels are better.
    #[serde(default)]
    pub(crate) better: Better,
    /// The low threshold, then the high one.
    #[serde(with = "exact_floats")]
    pub(crate) thresholds: Vec<f64>,
    pub(crate) features: FeatureSet,
    pub(crate) classifier: ClassifierKind,
    /// The AUC on held-out groups, then the lower and the upper end of its interval.
    #[serde(with = "exact_floats")]
    pub(crate) held_out_auc: Vec<f64>,
    pub(crate) training_networks: usize,
    pub(crate) training_groups: usize,
    pub(crate) training_high: usize,
    pub(crate) measured_with: String,
    pub(crate) preparation: Preparation,
    pub(crate) model: Model,
}

/// The version alone. It is read first, so that a file of another version is named as such.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl TrainedClassifier {
    /// The feature set.
    pub fn features(&self) -> FeatureSet {
        self.features
    }

    /// The kind of classifier.
    pub fn kind(&self) -> ClassifierKind {
        self.classifier
    }

    /// The rule that divided the training networks into low and high.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The thresholds that the rule learned from the training networks.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            low: self.thresholds[0],
            high: self.thresholds[1],
            better: self.better,
        }
    }

    /// AUC of this set and kind on held-out groups. The kind was chosen by this very figure, which
    /// therefore flatters a little.
    pub fn held_out_auc(&self) -> Estimate {
        Estimate {
            value: self.held_out_auc[0],
            low: self.held_out_auc[1],
            high: self.held_out_auc[2],
        }
    }

    /// Names of the features that the classifier needs, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.preparation.names
    }

    /// Digest of the measure options, as given by the caller at training.
    pub fn measured_with(&self) -> &str {
        &self.measured_with
    }

    /// A text that says what `low` and `high` mean, such as
    /// `low: test_accuracy at or below 0.3100; high: at or above 0.9300`.
    pub fn meaning(&self) -> String {
        let [low, high] = self.thresholds().describe();
        format!("low: {} {low}; high: {high}", self.accuracy)
    }

    /// Writes the classifier as a whole or not at all. Missing parent folders are created.
    ///
    /// # Errors
    /// [`DiscriminateError::Save`] with the path.
    pub fn save(&self, path: &Path) -> Result<()> {
        let with_path = |source| DiscriminateError::Save {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_string(self).map_err(|error| with_path(error.into()))?;
        write_atomically::<std::io::Error>(path, |file| writeln!(file, "{text}")).map_err(with_path)
    }

    /// Reads a saved classifier and checks that it does not contradict itself.
    ///
    /// # Errors
    /// [`DiscriminateError::Read`], [`DiscriminateError::Format`], [`DiscriminateError::Version`]
    /// or [`DiscriminateError::Damaged`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path).map_err(|source| DiscriminateError::Read {
            path: path.to_owned(),
            source,
        })?;
        let not_a_classifier = |source| DiscriminateError::Format {
            path: path.to_owned(),
            source,
        };
        let VersionOnly { version } = serde_json::from_str(&text).map_err(not_a_classifier)?;
        if version != CLASSIFIER_VERSION {
            return Err(DiscriminateError::Version {
                path: path.to_owned(),
                found: version,
                expected: CLASSIFIER_VERSION,
            });
        }
        let classifier: Self = serde_json::from_str(&text).map_err(not_a_classifier)?;
        match classifier.damage() {
            None => Ok(classifier),
            Some(damage) => Err(DiscriminateError::Damaged {
                path: path.to_owned(),
                damage,
            }),
        }
    }

    /// The first contradiction, if any. Nothing that reads a classifier needs to
    /// check lengths after this.
    fn damage(&self) -> Option<Damage> {
        if self.thresholds.len() != 2 {
            let found = self.thresholds.len();
            return Some(Damage::Thresholds { found });
        }
        if self.held_out_auc.len() != 3 {
            let found = self.held_out_auc.len();
            return Some(Damage::HeldOutAuc { found });
        }
        let n_features = self.preparation.names.len();
        if !self.preparation.is_consistent() || !self.model.is_consistent(n_features) {
            return Some(Damage::Parameters { n_features });
        }
        None
    }
}
