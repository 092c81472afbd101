//! A trained classifier: what it takes to predict other checkpoints, saved as one JSON text.

use std::path::Path;

use cntflow_storage::write_atomically;

use serde::{Deserialize, Serialize};

use crate::classifier::{ClassifierKind, Model};
use crate::error::{DiscriminateError, Result};
use crate::evaluation::bootstrap::Estimate;
use crate::exact;
use crate::prepare::Preparation;
use crate::rule::{Better, Rule, Thresholds};
use crate::sets::FeatureSet;

/// Layout of the saved text, is 1.
pub const CLASSIFIER_VERSION: u32 = 1;

/// A classifier fitted on all usable networks of a population, and what is to be known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedClassifier {
    pub(crate) version: u32,
    pub(crate) experiment: String,
    pub(crate) accuracy: String,
    pub(crate) rule: Rule,
    /// Classifiers of before this field were all of labels that are better the higher they are.
    #[serde(default)]
    pub(crate) better: Better,
    /// Low, then high.
    #[serde(with = "exact")]
    pub(crate) thresholds: Vec<f64>,
    pub(crate) features: FeatureSet,
    pub(crate) classifier: ClassifierKind,
    /// The AUC on held-out groups, its interval's lower and upper end.
    #[serde(with = "exact")]
    pub(crate) held_out_auc: Vec<f64>,
    pub(crate) training_networks: usize,
    pub(crate) training_groups: usize,
    pub(crate) training_high: usize,
    pub(crate) measured_with: String,
    pub(crate) preparation: Preparation,
    pub(crate) model: Model,
}

/// The layout alone, read first so that another one is named as such.
#[derive(Deserialize)]
struct Layout {
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

    /// The rule that low and high come from.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The accuracies that the rule came to on the training networks.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            low: self.thresholds[0],
            high: self.thresholds[1],
            better: self.better,
        }
    }

    /// AUC of this set and kind on held-out groups; the kind was chosen by this figure, so it flatters a little.
    pub fn held_out_auc(&self) -> Estimate {
        Estimate {
            value: self.held_out_auc[0],
            low: self.held_out_auc[1],
            high: self.held_out_auc[2],
        }
    }

    /// Features it needs, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.preparation.names
    }

    /// The measure options' digest that the caller gave at training.
    pub fn measured_with(&self) -> &str {
        &self.measured_with
    }

    /// Networks and groups it was fitted on, and how many of the networks are high.
    pub fn training_counts(&self) -> (usize, usize, usize) {
        (
            self.training_networks,
            self.training_groups,
            self.training_high,
        )
    }

    /// What `low` and `high` mean, in words: `low: test_accuracy at or below 0.31; high: at or above 0.93`.
    pub fn meaning(&self) -> String {
        let [low, high] = self.thresholds().words();
        format!("low: {} {low}; high: {high}", self.accuracy)
    }

    /// Writes the classifier, whole or not at all. Missing parent folders are made.
    ///
    /// # Errors
    /// [`DiscriminateError::File`] with the path.
    pub fn save(&self, path: &Path) -> Result<()> {
        let at = |source| DiscriminateError::File {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_string(self).map_err(|error| at(error.into()))?;
        write_atomically::<std::io::Error>(path, |file| writeln!(file, "{text}")).map_err(at)
    }

    /// Reads a saved classifier and checks that its parts belong together.
    ///
    /// # Errors
    /// [`DiscriminateError::File`], [`DiscriminateError::Format`], [`DiscriminateError::Version`] or
    /// [`DiscriminateError::Damaged`].
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path).map_err(|source| DiscriminateError::File {
            path: path.to_owned(),
            source,
        })?;
        let format = |source| DiscriminateError::Format {
            path: path.to_owned(),
            source,
        };
        let layout: Layout = serde_json::from_str(&text).map_err(format)?;
        if layout.version != CLASSIFIER_VERSION {
            let (found, expected) = (layout.version, CLASSIFIER_VERSION);
            return Err(DiscriminateError::Version {
                path: path.to_owned(),
                found,
                expected,
            });
        }
        let classifier: Self = serde_json::from_str(&text).map_err(format)?;
        match classifier.damage() {
            None => Ok(classifier),
            Some(message) => Err(DiscriminateError::Damaged {
                path: path.to_owned(),
                message,
            }),
        }
    }

    fn damage(&self) -> Option<String> {
        let features = self.preparation.names.len();
        if self.thresholds.len() != 2 || self.held_out_auc.len() != 3 {
            return Some("two thresholds and three figures are expected".to_owned());
        }
        if !self.preparation.is_whole() || !self.model.fits(features) {
            return Some(format!(
                "its parameters do not belong to its {features} features"
            ));
        }
        None
    }
}
