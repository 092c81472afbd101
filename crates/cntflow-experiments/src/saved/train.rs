//! Trained models from the choices of an experiment.

use std::collections::BTreeSet;

use ndarray::Axis;
use rayon::prelude::*;

use super::card::{ClassCount, ModelCard, NamedFigure, NetworkCounts, Rival};
use super::error::SavedModelError;
use super::model_file::MODEL_VERSION;
use super::network_hashes::NetworkHashes;
use super::saved_target::SavedTarget;
use super::trained_model::TrainedModel;
use super::training_ranges::TrainingRanges;
use crate::error::Result;
use crate::evaluation::{Candidate, Evaluation, Experiment, ScoreRow, WHOLE_POPULATION};
use crate::spec::FeatureChoice;

impl Experiment {
    /// One model for each measured feature choice of the networks themselves: of the kind and with
    /// the setting that the cross-validation chose, fitted to the training groups. It is the model
    /// that was judged, bit for bit. A choice that could not be judged has none.
    ///
    /// # Errors
    /// [`SavedModelError::Refit`] if a fit that succeeded before does not succeed again.
    pub fn trained_models(&self, evaluation: &Evaluation) -> Result<Vec<TrainedModel>> {
        let chosen: Vec<u32> = evaluation
            .choices
            .models
            .iter()
            .filter(|(choice, _)| choice.twin.is_none() && choice.features.is_measured())
            .filter(|(_, index)| matches!(evaluation.judged[**index as usize], Some(Ok(_))))
            .map(|(_, &index)| index)
            .collect();
        chosen
            .par_iter()
            .map(|&index| self.trained_model(index, evaluation))
            .collect()
    }

    fn trained_model(&self, index: u32, evaluation: &Evaluation) -> Result<TrainedModel> {
        let candidate = &self.candidates[index as usize];
        let chosen = evaluation.choices.settings[&index];
        let setting = self.settings(candidate)[chosen.setting as usize];
        let model = self
            .refit(candidate, &setting)
            .map_err(|reason| SavedModelError::Refit {
                features: candidate.choice.features.to_string(),
                reason,
            })?;
        let rows = self.rows_with_truth(candidate, &self.splits.training);
        let table = self.sources[candidate.source].table();
        let used: Vec<usize> = model
            .used_columns()
            .into_iter()
            .map(|column| candidate.columns[column])
            .collect();
        let features = table.values().select(Axis(0), &rows).select(Axis(1), &used);
        let population = &self.population;
        let training_networks = NetworkHashes::of(rows.iter().map(|&row| {
            (
                population.checkpoints[row].as_str(),
                population.digests[row].as_deref(),
            )
        }));
        let judged = evaluation.judged[index as usize]
            .as_ref()
            .and_then(|judged| judged.as_ref().ok());
        let hyperparameters = self.spec.hyperparameters.clone().unwrap_or_default();
        let mut labels = self.labels.clone();
        labels.retain(|ours, _| hyperparameters.contains(ours));
        Ok(TrainedModel {
            version: MODEL_VERSION,
            card: ModelCard {
                setting: setting.to_string(),
                note: model.note(),
                ..self.card(index, evaluation, &rows)
            },
            target: SavedTarget::new(&self.spec.target, &self.target),
            features: candidate.choice.features.clone(),
            representation: self.spec.representation,
            layers: self.spec.layers,
            hyperparameters,
            labels,
            measured_with: self.measured_with.clone(),
            columns: used
                .iter()
                .map(|&column| table.names()[column].clone())
                .collect(),
            ranges: TrainingRanges::learn(features.view()),
            n_columns: candidate.columns.len() as u32,
            model,
            calibration: judged.and_then(|judged| judged.calibration.clone()),
            training_networks,
        })
    }

    /// Those of `rows` that have features and take part under the target.
    pub(crate) fn rows_with_truth(&self, candidate: &Candidate, rows: &[usize]) -> Vec<usize> {
        let has_classes = !self.target.class_names().is_empty();
        let raw = &self.population.target;
        let takes_part = |row: &usize| !has_classes || self.target.class(raw, *row).is_some();
        candidate
            .available(rows)
            .into_iter()
            .filter(takes_part)
            .collect()
    }

    fn card(&self, index: u32, evaluation: &Evaluation, training: &[usize]) -> ModelCard {
        let candidate = &self.candidates[index as usize];
        let score = whole_score(evaluation, index as usize);
        let primary = self.primary_name();
        let mut figures = Vec::new();
        if let Some(score) = score {
            let of_score = score.figures.iter();
            figures
                .extend(of_score.map(|(name, estimate)| NamedFigure::of_estimate(name, estimate)));
            figures.sort_by_key(|figure| figure.name != primary);
            if let Some(calibration) = score.calibration {
                let names = ["brier", "log_loss", "calibration_error"];
                let named = names.into_iter().zip(calibration);
                figures
                    .extend(named.map(|(name, value)| NamedFigure::without_interval(name, value)));
            }
        }
        let validation = evaluation.choices.settings[&index].validation_figure;
        ModelCard {
            experiment: self.spec.name.clone(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            model: candidate.model_name().to_owned(),
            setting: String::new(),
            note: None,
            condition: self.spec.condition.clone(),
            checkpoints: self.spec.checkpoints,
            counts: self.population.counts.clone(),
            training: self.count(training),
            held_out: self.count(&self.rows_with_truth(candidate, &self.splits.test)),
            confidence: self.spec.protocol.confidence,
            figures,
            validation: NamedFigure::without_interval(primary, validation),
            rivals: self.rivals(&candidate.choice, evaluation),
        }
    }

    fn count(&self, rows: &[usize]) -> NetworkCounts {
        let groups: BTreeSet<u32> = rows
            .iter()
            .map(|&row| self.population.groups[row])
            .collect();
        let class = |row: &usize| self.target.class(&self.population.target, *row);
        let classes: Vec<Option<u32>> = rows.iter().map(class).collect();
        let of_class = |(name, index): (String, u32)| ClassCount {
            name,
            networks: classes
                .iter()
                .filter(|class| **class == Some(index))
                .count(),
        };
        NetworkCounts {
            networks: rows.len(),
            groups: groups.len(),
            classes: self
                .target
                .class_names()
                .into_iter()
                .zip(0..)
                .map(of_class)
                .collect(),
        }
    }

    /// The chosen models of the baselines and of the twins of the same features.
    fn rivals(&self, choice: &FeatureChoice, evaluation: &Evaluation) -> Vec<Rival> {
        let is_rival = |other: &FeatureChoice| {
            let is_twin = other.twin.is_some() && other.features == choice.features;
            let is_baseline =
                other.twin.is_none() && other != choice && other.features.is_baseline();
            is_twin || is_baseline
        };
        let whole = evaluation.scores.iter();
        whole
            .filter(|score| score.is_chosen && score.stratum == WHOLE_POPULATION)
            .filter(|score| is_rival(&self.candidates[score.candidate].choice))
            .map(|score| self.rival(choice, score, evaluation))
            .collect()
    }

    fn rival(&self, choice: &FeatureChoice, score: &ScoreRow, evaluation: &Evaluation) -> Rival {
        let candidate = &self.candidates[score.candidate];
        let primary = self.primary_name();
        let figure = match score.figures.get(primary) {
            Some(estimate) => NamedFigure::of_estimate(primary, estimate),
            None => NamedFigure::without_interval(primary, f64::NAN),
        };
        let mut verdicts = evaluation.verdicts.iter();
        let verdict =
            verdicts.find(|verdict| verdict.a == *choice && verdict.b == candidate.choice);
        Rival {
            features: candidate.choice.to_string(),
            model: candidate.model_name().to_owned(),
            figure,
            difference: verdict
                .and_then(|verdict| verdict.comparison.as_ref())
                .map(NamedFigure::of_difference),
            finding: verdict.map(|verdict| {
                let (finding, family) = (verdict.finding.name(), verdict.family.name());
                format!("{finding} ({family}, {})", p_text(verdict.p_adjusted))
            }),
        }
    }
}

/// The row of a candidate over all networks.
fn whole_score(evaluation: &Evaluation, index: usize) -> Option<&ScoreRow> {
    let mut scores = evaluation.scores.iter();
    scores.find(|score| score.candidate == index && score.stratum == WHOLE_POPULATION)
}

/// `p = 0.0123`, or `p < 0.0001`.
fn p_text(p: f64) -> String {
    if p < 0.0001 {
        "p < 0.0001".to_owned()
    } else {
        format!("p = {p:.4}")
    }
}
