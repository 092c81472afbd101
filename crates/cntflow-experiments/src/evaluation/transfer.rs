//! Transfer: models that were fitted to one population, judged on others.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_statistics::{Comparison, Estimate};
use rayon::prelude::*;

use super::choice::Choices;
use super::experiment::Experiment;
use super::figure::{Truth, primary_figure, truth};
use super::fit_row::{FitRow, FitTask};
use super::judged::{FitRows, Judged, JudgedChoices};
use crate::population::Sides;
use crate::spec::{
    ClassRule, FeatureChoice, FeatureExpression, FeatureSet, Target, Transfer, Twin,
};
use crate::target::LearnedTarget;

/// One row of the table `transfer`: a feature choice with the model of the cross-validation, judged
/// on one population.
#[derive(Clone, Debug)]
pub struct TransferRow {
    /// Index of the candidate.
    pub candidate: usize,
    /// What the model was fitted to: a value of the column, or a condition.
    pub trained_on: String,
    /// What it is judged on.
    pub tested_on: String,
    /// The primary figure; NaN where it is not defined.
    pub value: f64,
    /// The primary figure with its interval.
    pub estimate: Option<Estimate>,
    /// Networks that the model was fitted to.
    pub n_train: usize,
    /// Networks that it is judged on.
    pub n_test: usize,
    /// The primary figure less that of `tensor_7`.
    pub difference: Option<Comparison>,
    /// The primary figure less that of the shuffled twins, by models that were fitted to twins.
    pub graph_gain: Option<Comparison>,
}

/// The judged choices of one population.
type OfPopulation<'a> = BTreeMap<&'a FeatureChoice, Judged>;

impl Experiment {
    /// The rows of all feature choices of the networks themselves, population by population. None
    /// without the key `transfer`.
    pub(crate) fn transfer_rows(
        &self,
        choices: &Choices,
        fits: &FitRows<'_>,
        judged: &JudgedChoices<'_>,
    ) -> Vec<TransferRow> {
        let Some(sides) = self.transfer_sides() else {
            return Vec::new();
        };
        let own: OfPopulation<'_> = judged
            .all()
            .map(|(choice, judged)| (choice, judged.clone()))
            .collect();
        let own_name = match &self.spec.transfer {
            Some(Transfer::Conditions { test, .. }) => test,
            _ => &sides.home,
        };
        let mut rows = self.population_rows(sides, own_name, &own, choices);
        let others: BTreeSet<&String> = self
            .splits
            .away
            .iter()
            .map(|&row| &sides.of_row[row])
            .collect();
        for name in others {
            let choices_there = choices
                .models
                .iter()
                .filter_map(|(choice, &index)| {
                    Some((choice, self.judge_away(index, choices, fits, sides, name)?))
                })
                .collect();
            rows.extend(self.population_rows(sides, name, &choices_there, choices));
        }
        rows
    }

    /// The sides of a transfer; `None` without the key.
    fn transfer_sides(&self) -> Option<&Sides> {
        self.spec.transfer.as_ref()?;
        self.population.sides.as_ref()
    }

    fn population_rows(
        &self,
        sides: &Sides,
        tested_on: &str,
        judged: &OfPopulation<'_>,
        choices: &Choices,
    ) -> Vec<TransferRow> {
        let baseline = FeatureChoice::real(FeatureExpression::of(FeatureSet::Tensor7));
        let row = |(choice, candidate): (&&FeatureChoice, &Judged)| {
            let index = *choices.models.get(*choice)? as usize;
            let rival = judged.get(&baseline).filter(|_| **choice != baseline);
            let twin = judged.get(&FeatureChoice {
                features: choice.features.clone(),
                twin: Some(Twin::Shuffle),
            });
            let training = &self.splits.training;
            Some(TransferRow {
                candidate: index,
                trained_on: sides.home.clone(),
                tested_on: tested_on.to_owned(),
                value: candidate.figure,
                estimate: self.figure_interval(candidate, &|_| true),
                n_train: self
                    .rows_with_truth(&self.candidates[index], training)
                    .len(),
                n_test: candidate.rows.len(),
                difference: rival.and_then(|rival| self.compare(candidate, rival)),
                graph_gain: twin.and_then(|twin| self.compare(candidate, twin)),
            })
        };
        judged
            .par_iter()
            .filter(|(choice, _)| choice.twin.is_none())
            .filter_map(row)
            .collect()
    }

    /// A candidate's predictions of another population, by the model that was fitted to all
    /// training rows. `None` if it has none there.
    fn judge_away(
        &self,
        index: u32,
        choices: &Choices,
        fits: &FitRows<'_>,
        sides: &Sides,
        name: &str,
    ) -> Option<Judged> {
        let setting = choices.settings.get(&index)?.setting;
        let available = self.candidates[index as usize].available(&self.splits.away);
        let is_there = |row: &usize| sides.of_row[*row] == name;
        let there: Vec<usize> = self.splits.away.iter().copied().filter(is_there).collect();
        let target = self.target_of(&there);
        let there: Vec<usize> = available.iter().copied().filter(is_there).collect();
        let (rows, truth) = truth(&target, &self.population.target, &there);
        let places: Vec<usize> = rows
            .iter()
            .filter_map(|row| available.binary_search(row).ok())
            .collect();
        let away = Away {
            n_rows: available.len(),
            places: &places,
            truth: &truth,
        };
        let task = FitTask::Refit {
            candidate: index,
            setting,
        };
        let refit = fits.get(&(task, setting))?;
        let predictions = away.predictions(refit).filter(|_| !rows.is_empty())?;
        Some(Judged {
            figure: primary_figure(&self.spec.target, &predictions, &truth),
            fold_figures: self.away_fold_figures(index, setting, fits, &away),
            rows,
            truth: truth.clone(),
            predictions,
            probabilities: None,
            predicted: None,
            calibration: None,
        })
    }

    /// For each repeat and fold, the primary figure there of the model that was fitted without that
    /// fold: for the jackknife.
    fn away_fold_figures(
        &self,
        index: u32,
        setting: u32,
        fits: &FitRows<'_>,
        away: &Away<'_>,
    ) -> Vec<Vec<f64>> {
        let n_classes = self.target.class_names().len();
        let figure = |repeat: usize, fold: usize, learned: &LearnedTarget| {
            let task = FitTask::Fold {
                candidate: index,
                repeat: repeat as u32,
                fold: fold as u32,
            };
            // The model of a fold may know fewer classes.
            let is_same = learned.class_names().len() == n_classes;
            let fit = fits.get(&(task, setting)).filter(|_| is_same);
            let predictions = fit.and_then(|fit| away.predictions(fit));
            predictions.map_or(f64::NAN, |predictions| {
                primary_figure(&self.spec.target, &predictions, away.truth)
            })
        };
        let repeats = self.fold_targets.iter().enumerate();
        repeats
            .map(|(repeat, folds)| {
                let folds = folds.iter().enumerate();
                folds
                    .map(|(fold, learned)| figure(repeat, fold, learned))
                    .collect()
            })
            .collect()
    }

    /// The target of another population: what is low or high there is relative to its own networks.
    /// Classes that are values, and numbers, are the same everywhere.
    pub(crate) fn target_of(&self, rows: &[usize]) -> LearnedTarget {
        let is_relative = matches!(
            self.spec.target,
            Target::LowHigh { .. }
                | Target::Classes {
                    rule: ClassRule::Quantiles(_),
                    ..
                }
        );
        if is_relative && !rows.is_empty() {
            LearnedTarget::learn(&self.spec.target, &self.population.target, rows)
        } else {
            self.target.clone()
        }
    }
}

impl Truth {
    /// Predictions of one row: one score of two classes, one of each of more, or one number.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Classes { n_classes, .. } if *n_classes > 2 => *n_classes as usize,
            _ => 1,
        }
    }
}

/// Rows of one other population among all rows of other populations.
struct Away<'a> {
    /// Rows of all other populations, the last ones that a fit predicts.
    n_rows: usize,
    /// Places among these.
    places: &'a [usize],
    /// What is true at these places.
    truth: &'a Truth,
}

impl Away<'_> {
    /// The predictions of a fit; `None` if it has none.
    fn predictions(&self, fit: &FitRow) -> Option<Vec<f64>> {
        let width = self.truth.width();
        let start = fit.predictions.len().checked_sub(self.n_rows * width)?;
        let of_rows = &fit.predictions[start..];
        let row = |place: &usize| &of_rows[place * width..(place + 1) * width];
        Some(self.places.iter().flat_map(row).copied().collect())
    }
}
