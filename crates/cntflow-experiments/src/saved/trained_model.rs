//! A trained model: all that is needed to predict other networks, and what to know of it.

use std::collections::BTreeMap;

use cntflow_models::{FittedModel, PlattCalibration, Predictions};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::card::ModelCard;
use super::error::Damage;
use super::network_hashes::NetworkHashes;
use super::saved_target::SavedTarget;
use super::training_ranges::TrainingRanges;
use crate::spec::{FeatureExpression, LayerChoice, Representation, Target};

/// A model that was fitted to the training groups of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedModel {
    pub(super) version: u32,
    pub(super) card: ModelCard,
    pub(super) target: SavedTarget,
    pub(super) features: FeatureExpression,
    pub(super) representation: Representation,
    /// Layers that the features are read from.
    #[serde(default, skip_serializing_if = "LayerChoice::is_all")]
    pub(super) layers: LayerChoice,
    /// Label columns of the set `hyperparameters`.
    pub(super) hyperparameters: Vec<String>,
    /// Aliases of the study for these: our name, then the name in the table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) measured_with: String,
    /// Names of the columns that the model reads, in the order of their places.
    pub(super) columns: Vec<String>,
    pub(super) ranges: TrainingRanges,
    /// Columns of the matrix that the model was fitted to. It does not read all of them.
    pub(super) n_columns: u32,
    pub(super) model: FittedModel,
    pub(super) calibration: Option<PlattCalibration>,
    pub(super) training_networks: NetworkHashes,
}

impl TrainedModel {
    /// What to know of the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// What the model predicts, as the study says it.
    pub fn target(&self) -> &Target {
        &self.target.target
    }

    /// Names of the classes; none for numbers.
    pub fn class_names(&self) -> Vec<String> {
        self.target.learned().class_names()
    }

    /// The features.
    pub fn features(&self) -> &FeatureExpression {
        &self.features
    }

    /// Names of the columns that the model reads.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Digest of the measure options, as given to the experiment.
    pub fn measured_with(&self) -> &str {
        &self.measured_with
    }

    /// What a prediction means, such as
    /// `low: test_accuracy at or below 0.3100; high: at or above 0.9300`.
    pub fn meaning(&self) -> String {
        self.target.meaning()
    }

    /// The name of the model's file without its extension: `cnt`, `cnt-plus-tensor_7`,
    /// `cnt-minus-wiring`.
    pub fn file_stem(&self) -> String {
        let text = self.features.to_string();
        text.replace(" + ", "-plus-").replace(" - ", "-minus-")
    }

    /// The first contradiction, if any. Nothing that uses a model needs to check lengths after
    /// this.
    pub(super) fn damage(&self) -> Option<Damage> {
        let n_columns = self.n_columns as usize;
        if let Err(source) = self.model.check_consistency(n_columns) {
            return Some(Damage::Model(source));
        }
        let used = self.model.used_columns();
        if self.columns.len() != used.len() || !self.ranges.is_consistent(used.len()) {
            return Some(Damage::Ranges {
                n_columns: used.len(),
            });
        }
        if !self.target.is_consistent() {
            return Some(Damage::Target);
        }
        let [target, model] = [self.class_names().len(), self.n_classes_of_model()];
        if target != model {
            return Some(Damage::Classes { target, model });
        }
        if self
            .calibration
            .as_ref()
            .is_some_and(|calibration| model != 2 || !calibration.is_consistent())
        {
            return Some(Damage::Calibration);
        }
        if !self.training_networks.is_consistent() {
            return Some(Damage::Hashes);
        }
        let is_short = |figure: &&super::card::NamedFigure| figure.value_and_interval.len() != 3;
        self.card
            .all_figures()
            .find(is_short)
            .map(|figure| Damage::Figure {
                name: figure.name.clone(),
                found: figure.value_and_interval.len(),
            })
    }

    /// Number of classes that the model tells apart; 0 for numbers.
    fn n_classes_of_model(&self) -> usize {
        // The model says so only by what it predicts. A missing value is one like any other.
        let row = Array2::from_elem((1, self.n_columns as usize), f64::NAN);
        match self.model.predict(row.view()) {
            Predictions::Scores(_) => 2,
            Predictions::ClassScores(scores) => scores.ncols(),
            Predictions::Values(_) => 0,
        }
    }
}
