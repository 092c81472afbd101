//! Runs the fits of one task. A task depends on the experiment alone, so that it gives the same
//! bits on any worker.

use cntflow_models::{FittedModel, Predictions, Setting, Targets, TrainingRows, fit};
use ndarray::{Array2, Axis};
use rand::RngExt;

use super::candidate::Candidate;
use super::experiment::Experiment;
use super::figure::{Truth, primary_figure, truth};
use super::fit_row::{FitRow, FitTask};
use crate::random::Purpose;
use crate::target::LearnedTarget;
use cntflow_statistics::random::random_stream;

/// Index that stands for the refit in the random streams, where folds have their repeat.
const REFIT: usize = usize::MAX;

impl Experiment {
    /// Runs one task: a row per setting. A fit that fails is a row with its reason.
    pub fn run(&self, task: &FitTask) -> Vec<FitRow> {
        let candidate = &self.candidates[task.candidate() as usize];
        let settings = self.settings(candidate);
        match *task {
            FitTask::Fold { repeat, fold, .. } => {
                let rows = &self.splits.repeats[repeat as usize][fold as usize];
                let learned = &self.fold_targets[repeat as usize][fold as usize];
                let training = self.training_set(candidate, learned, &rows.fitting);
                let validation = self.judged_set(candidate, learned, &rows.validation);
                let test = self.judged_set(candidate, &self.test_target, &self.splits.test);
                let away = self.away_features(candidate);
                let indices = [repeat as usize, fold as usize];
                let fit_one = |(index, setting): (usize, &Setting)| {
                    let mut row = empty_row(*task, index as u32);
                    match training.fit(setting, self.seed(&indices)) {
                        Err(failure) => row.failure = Some(failure),
                        Ok(model) => {
                            row.predictions = validation.predict(&model);
                            row.validation_figure = self.figure(&row.predictions, &validation);
                            row.add_predictions(&model, &away);
                            row.test_figure = self.figure(&test.predict(&model), &test);
                            row.describe(&model);
                        }
                    }
                    row
                };
                settings.iter().enumerate().map(fit_one).collect()
            }
            FitTask::Refit { setting, .. } => {
                let mut row = empty_row(*task, setting);
                match self.refit(candidate, &settings[setting as usize]) {
                    Err(failure) => row.failure = Some(failure),
                    Ok(model) => {
                        let test = self.judged_set(candidate, &self.test_target, &self.splits.test);
                        row.predictions = test.predict(&model);
                        row.test_figure = self.figure(&row.predictions, &test);
                        row.add_predictions(&model, &self.away_features(candidate));
                        row.importance = model
                            .importance()
                            .into_iter()
                            .map(|(column, value)| (candidate.columns[column] as u32, value))
                            .collect();
                        row.describe(&model);
                    }
                }
                vec![row]
            }
            FitTask::Curve {
                setting,
                n_groups,
                draw,
                ..
            } => {
                let mut row = empty_row(*task, setting);
                let rows = self.curve_rows(n_groups, draw);
                let training = self.training_set(candidate, &self.target, &rows);
                // The seed of the refit: the points share its chance.
                match training.fit(&settings[setting as usize], self.seed(&[REFIT])) {
                    Err(failure) => row.failure = Some(failure),
                    Ok(model) => {
                        let test = self.judged_set(candidate, &self.test_target, &self.splits.test);
                        row.test_figure = self.figure(&test.predict(&model), &test);
                        row.describe(&model);
                    }
                }
                vec![row]
            }
        }
    }

    /// The rows of a task that panicked: every setting failed.
    pub fn failed(&self, task: &FitTask, message: &str) -> Vec<FitRow> {
        let failed = |setting: u32| FitRow {
            failure: Some(format!("panicked: {message}")),
            ..empty_row(*task, setting)
        };
        match *task {
            FitTask::Fold { candidate, .. } => {
                let settings = self.settings(&self.candidates[candidate as usize]);
                (0..settings.len() as u32).map(failed).collect()
            }
            FitTask::Refit { setting, .. } | FitTask::Curve { setting, .. } => {
                vec![failed(setting)]
            }
        }
    }

    /// The settings that a candidate chooses from.
    pub(crate) fn settings(&self, candidate: &Candidate) -> Vec<Setting> {
        candidate
            .model
            .map_or_else(Vec::new, |model| model.settings())
    }

    /// The candidate's model, fitted to all training rows.
    pub(crate) fn refit(
        &self,
        candidate: &Candidate,
        setting: &Setting,
    ) -> Result<FittedModel, String> {
        let training = self.training_set(candidate, &self.target, &self.splits.training);
        training.fit(setting, self.seed(&[REFIT]))
    }

    /// The rows of the test set that a candidate is judged on, and what is true of them.
    pub(crate) fn test_truth(&self, candidate: &Candidate) -> (Vec<usize>, Truth) {
        let rows = candidate.available(&self.splits.test);
        truth(&self.test_target, &self.population.target, &rows)
    }

    /// The candidate's columns of the networks of other populations.
    fn away_features(&self, candidate: &Candidate) -> Array2<f64> {
        self.features(candidate, &candidate.available(&self.splits.away))
    }

    /// The seed of a fit. All candidates share it, so that paired comparisons share its chance.
    fn seed(&self, indices: &[usize]) -> u64 {
        random_stream(self.spec.protocol.seed, Purpose::Fit as u64, indices).random()
    }

    fn figure(&self, predictions: &[f64], judged: &JudgedSet) -> f64 {
        primary_figure(&self.spec.target, predictions, &judged.truth)
    }

    fn training_set(
        &self,
        candidate: &Candidate,
        learned: &LearnedTarget,
        rows: &[usize],
    ) -> TrainingSet {
        let (rows, truth) = truth(learned, &self.population.target, &candidate.available(rows));
        TrainingSet {
            features: self.features(candidate, &rows),
            groups: rows
                .iter()
                .map(|&row| self.population.groups[row])
                .collect(),
            truth,
        }
    }

    fn judged_set(
        &self,
        candidate: &Candidate,
        learned: &LearnedTarget,
        rows: &[usize],
    ) -> JudgedSet {
        let (rows, truth) = truth(learned, &self.population.target, &candidate.available(rows));
        JudgedSet {
            features: self.features(candidate, &rows),
            truth,
        }
    }

    /// The candidate's columns of the given rows.
    fn features(&self, candidate: &Candidate, rows: &[usize]) -> Array2<f64> {
        let values = self.sources[candidate.source].table().values();
        values
            .select(Axis(0), rows)
            .select(Axis(1), &candidate.columns)
    }
}

/// Rows to fit on.
struct TrainingSet {
    features: Array2<f64>,
    groups: Vec<u32>,
    truth: Truth,
}

impl TrainingSet {
    fn fit(&self, setting: &Setting, seed: u64) -> Result<FittedModel, String> {
        let targets = match &self.truth {
            Truth::Classes { of_row, n_classes } => Targets::Classes {
                of_row,
                n_classes: *n_classes,
            },
            Truth::Values(values) => Targets::Values(values),
        };
        let rows = TrainingRows {
            features: self.features.view(),
            targets,
            groups: &self.groups,
        };
        fit(setting, &rows, seed).map_err(|failure| failure.to_string())
    }
}

/// Rows to judge a model on.
struct JudgedSet {
    features: Array2<f64>,
    truth: Truth,
}

impl JudgedSet {
    fn predict(&self, model: &FittedModel) -> Vec<f64> {
        predict(model, &self.features)
    }
}

/// Scores or values; of many classes `[rows, classes]`, row by row.
fn predict(model: &FittedModel, features: &Array2<f64>) -> Vec<f64> {
    match model.predict(features.view()) {
        Predictions::Scores(scores) | Predictions::Values(scores) => scores,
        Predictions::ClassScores(scores) => scores.iter().copied().collect(),
    }
}

fn empty_row(task: FitTask, setting: u32) -> FitRow {
    FitRow {
        task,
        setting,
        n_features: 0,
        validation_figure: f64::NAN,
        test_figure: f64::NAN,
        predictions: Vec::new(),
        importance: Vec::new(),
        failure: None,
        note: None,
    }
}

impl FitRow {
    /// Adds the predictions of further networks.
    fn add_predictions(&mut self, model: &FittedModel, features: &Array2<f64>) {
        if features.nrows() > 0 {
            self.predictions.extend(predict(model, features));
        }
    }

    fn describe(&mut self, model: &FittedModel) {
        self.n_features = model.used_columns().len() as u32;
        self.note = model.note();
    }
}
