//! A candidate's predictions of the test set, calibrated, with what is true of the rows.

use std::collections::BTreeMap;

use cntflow_models::PlattCalibration;

use super::choice::{Choices, ChosenSetting};
use super::experiment::Experiment;
use super::figure::{Truth, primary_figure, truth};
use super::fit_row::{FitRow, FitTask};
use crate::spec::FeatureChoice;

/// Fits of all tasks, by task and setting.
pub(crate) type FitRows<'a> = BTreeMap<(FitTask, u32), &'a FitRow>;

/// The predictions of one candidate.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// Rows of the test set, in the order of the predictions.
    pub(crate) rows: Vec<usize>,
    /// What is true of these rows.
    pub(crate) truth: Truth,
    /// Scores or values; of many classes `[rows, classes]`.
    pub(crate) predictions: Vec<f64>,
    /// Of two classes: the calibrated probability of the second one.
    pub(crate) probabilities: Option<Vec<f64>>,
    /// Of classes: the predicted class of each row.
    pub(crate) predicted: Option<Vec<u32>>,
    /// The calibration, learned from validation rows.
    pub(crate) calibration: Option<PlattCalibration>,
    /// The primary figure on the test set.
    pub(crate) figure: f64,
    /// For each repeat and fold, the primary figure on the test set of the model that was fitted
    /// without that fold: for the jackknife.
    pub(crate) fold_figures: Vec<Vec<f64>>,
}

/// The judged candidates that the cross-validation chose, by feature choice.
pub(crate) struct JudgedChoices<'a> {
    by_choice: BTreeMap<&'a FeatureChoice, &'a Judged>,
}

impl<'a> JudgedChoices<'a> {
    pub(crate) fn new(by_choice: BTreeMap<&'a FeatureChoice, &'a Judged>) -> Self {
        Self { by_choice }
    }

    /// All choices.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a FeatureChoice, &'a Judged)> {
        let by_choice = self.by_choice.iter();
        by_choice.map(|(choice, judged)| (*choice, *judged))
    }

    /// Choices of the networks themselves.
    pub(crate) fn real(&self) -> impl Iterator<Item = (&'a FeatureChoice, &'a Judged)> {
        self.all().filter(|(choice, _)| choice.twin.is_none())
    }

    pub(crate) fn get(&self, choice: &FeatureChoice) -> Option<&'a Judged> {
        self.by_choice.get(choice).copied()
    }
}

/// Predictions of validation rows by the model of a fold, and the truth that it was fitted to.
#[derive(Clone, Debug)]
pub(crate) struct Validated {
    pub(crate) repeat: u32,
    pub(crate) fold: u32,
    pub(crate) rows: Vec<usize>,
    pub(crate) truth: Truth,
    pub(crate) predictions: Vec<f64>,
}

impl Experiment {
    /// The judged candidate; the reason of its failure if it has no refit.
    pub(crate) fn judge(
        &self,
        index: u32,
        choices: &Choices,
        fits: &FitRows<'_>,
    ) -> Result<Judged, String> {
        let candidate = &self.candidates[index as usize];
        let Some(&chosen) = choices.settings.get(&index) else {
            return Err(first_failure(index, fits));
        };
        let task = FitTask::Refit {
            candidate: index,
            setting: chosen.setting,
        };
        let refit = fits
            .get(&(task, chosen.setting))
            .ok_or_else(|| "the fit on all training rows is missing".to_owned())?;
        if let Some(failure) = &refit.failure {
            return Err(failure.clone());
        }
        let (rows, truth) = self.test_truth(candidate);
        let predictions = first_rows(&refit.predictions, &rows, &truth);
        let validated = self.validated(index, chosen, fits);
        let calibration = calibrate(&validated);
        let probabilities = calibration.as_ref().map(|platt| {
            predictions
                .iter()
                .map(|&score| platt.probability(score))
                .collect()
        });
        let predicted = predicted_classes(&truth, &predictions, probabilities.as_deref());
        Ok(Judged {
            figure: primary_figure(&self.spec.target, &predictions, &truth),
            fold_figures: self.fold_figures(index, chosen, fits),
            rows,
            truth,
            predictions,
            probabilities,
            predicted,
            calibration,
        })
    }

    /// The predictions of validation rows with the chosen setting, fold by fold.
    pub(crate) fn validated(
        &self,
        index: u32,
        chosen: ChosenSetting,
        fits: &FitRows<'_>,
    ) -> Vec<Validated> {
        let candidate = &self.candidates[index as usize];
        let mut validated = Vec::new();
        for (repeat, folds) in self.splits.repeats.iter().enumerate() {
            for (fold, split) in folds.iter().enumerate() {
                let (repeat_index, fold_index) = (repeat as u32, fold as u32);
                let task = FitTask::Fold {
                    candidate: index,
                    repeat: repeat_index,
                    fold: fold_index,
                };
                let Some(fit) = fits.get(&(task, chosen.setting)) else {
                    continue;
                };
                let available = candidate.available(&split.validation);
                let learned = &self.fold_targets[repeat][fold];
                let (rows, truth) = truth(learned, &self.population.target, &available);
                validated.push(Validated {
                    repeat: repeat_index,
                    fold: fold_index,
                    predictions: first_rows(&fit.predictions, &rows, &truth),
                    rows,
                    truth,
                });
            }
        }
        validated
    }

    fn fold_figures(&self, index: u32, chosen: ChosenSetting, fits: &FitRows<'_>) -> Vec<Vec<f64>> {
        let figure = |repeat: usize, fold: usize| {
            let task = FitTask::Fold {
                candidate: index,
                repeat: repeat as u32,
                fold: fold as u32,
            };
            fits.get(&(task, chosen.setting))
                .map_or(f64::NAN, |fit| fit.test_figure)
        };
        let repeats = self.splits.repeats.iter().enumerate();
        repeats
            .map(|(repeat, folds)| (0..folds.len()).map(|fold| figure(repeat, fold)).collect())
            .collect()
    }
}

/// The predictions of these rows. Those of other populations are behind them.
fn first_rows(predictions: &[f64], rows: &[usize], truth: &Truth) -> Vec<f64> {
    let n = rows.len() * truth.width();
    predictions[..n.min(predictions.len())].to_vec()
}

/// The reason of a candidate's first failed fit.
fn first_failure(index: u32, fits: &FitRows<'_>) -> String {
    let failure = fits
        .iter()
        .filter(|((task, _), _)| task.candidate() == index)
        .find_map(|(_, row)| row.failure.clone());
    failure.unwrap_or_else(|| "the figure is not defined in some fold".to_owned())
}

/// Platt's calibration of two classes over the scores of all folds and repeats.
fn calibrate(validated: &[Validated]) -> Option<PlattCalibration> {
    let mut scores = Vec::new();
    let mut classes = Vec::new();
    for fold in validated {
        let Truth::Classes {
            of_row,
            n_classes: 2,
        } = &fold.truth
        else {
            return None;
        };
        scores.extend_from_slice(&fold.predictions);
        classes.extend_from_slice(of_row);
    }
    PlattCalibration::fit(&scores, &classes).ok()
}

/// The class of the highest score; of two classes the second one from a probability of 1/2.
fn predicted_classes(
    truth: &Truth,
    predictions: &[f64],
    probabilities: Option<&[f64]>,
) -> Option<Vec<u32>> {
    let Truth::Classes { n_classes, .. } = truth else {
        return None;
    };
    if *n_classes == 2 {
        let probabilities = probabilities?;
        return Some(probabilities.iter().map(|p| u32::from(*p >= 0.5)).collect());
    }
    let best = |scores: &[f64]| {
        let mut best = 0;
        for class in 1..scores.len() {
            // Of equal scores the first class counts.
            if scores[class] > scores[best] {
                best = class;
            }
        }
        best as u32
    };
    Some(predictions.chunks(*n_classes as usize).map(best).collect())
}
