//! The tables `confusion`, `transfer`, `stopping` and `learning_curve`.

use cntflow_statistics::{Comparison, Estimate};
use polars::prelude::DataFrame;

use super::columns::{counts, flags, numbers, texts};
use crate::error::Result;
use crate::evaluation::{CurveRow, Evaluation, Experiment, ScoreRow, StoppingRow, TransferRow};

/// One count of the table `confusion`.
struct Confused<'a> {
    score: &'a ScoreRow,
    actual: &'a str,
    predicted: &'a str,
    n: u64,
}

impl Experiment {
    /// The table `confusion`; `None` for numbers.
    ///
    /// # Errors
    /// Polars' own.
    pub fn confusion_frame(&self, evaluation: &Evaluation) -> Result<Option<DataFrame>> {
        if !self.spec.target.has_classes() {
            return Ok(None);
        }
        let names = self.target.class_names();
        let mut lines = Vec::new();
        for score in &evaluation.scores {
            let counts = score.confusion.iter().enumerate();
            lines.extend(counts.map(|(index, &n)| Confused {
                score,
                actual: &names[index / names.len()],
                predicted: &names[index % names.len()],
                n,
            }));
        }
        let mut columns = vec![texts("experiment", &lines, |_| {
            Some(self.spec.name.clone())
        })];
        columns
            .extend(self.candidate_columns(&lines, |line| &self.candidates[line.score.candidate]));
        columns.extend([
            flags("chosen", &lines, |line| line.score.is_chosen),
            texts("stratum", &lines, |line| Some(line.score.stratum.clone())),
            texts("actual", &lines, |line| Some(line.actual.to_owned())),
            texts("predicted", &lines, |line| Some(line.predicted.to_owned())),
            counts("n", &lines, |line| line.n),
        ]);
        Ok(Some(DataFrame::new(lines.len(), columns)?))
    }

    /// The table `transfer`; `None` without the key of that name.
    ///
    /// # Errors
    /// Polars' own.
    pub fn transfer_frame(&self, evaluation: &Evaluation) -> Result<Option<DataFrame>> {
        if self.spec.transfer.is_none() {
            return Ok(None);
        }
        let rows = &evaluation.transfer;
        let figure = self.primary_name();
        let end = |end: fn(&Estimate) -> f64| {
            move |row: &TransferRow| row.estimate.as_ref().map_or(f64::NAN, end)
        };
        let part = |part: fn(&Comparison) -> f64| {
            move |row: &TransferRow| row.difference.as_ref().map_or(f64::NAN, part)
        };
        let gain = |part: fn(&Comparison) -> f64| {
            move |row: &TransferRow| row.graph_gain.as_ref().map_or(f64::NAN, part)
        };
        let [features, representation, _, model] =
            self.candidate_columns(rows, |row| &self.candidates[row.candidate]);
        let columns = vec![
            texts("experiment", rows, |_| Some(self.spec.name.clone())),
            texts("trained_on", rows, |row| Some(row.trained_on.clone())),
            texts("tested_on", rows, |row| Some(row.tested_on.clone())),
            features,
            representation,
            model,
            texts("figure", rows, |_| Some(figure.to_owned())),
            numbers("value", rows, |row| row.value),
            numbers("low", rows, end(|estimate| estimate.low)),
            numbers("high", rows, end(|estimate| estimate.high)),
            counts("n_train", rows, |row| row.n_train as u64),
            counts("n_test", rows, |row| row.n_test as u64),
            numbers("difference", rows, part(|comparison| comparison.difference)),
            numbers("difference_low", rows, part(|comparison| comparison.low)),
            numbers("difference_high", rows, part(|comparison| comparison.high)),
            numbers("difference_p", rows, part(|comparison| comparison.p)),
            numbers("graph_gain", rows, gain(|comparison| comparison.difference)),
            numbers("graph_gain_low", rows, gain(|comparison| comparison.low)),
            numbers("graph_gain_high", rows, gain(|comparison| comparison.high)),
            numbers("graph_gain_p", rows, gain(|comparison| comparison.p)),
        ];
        Ok(Some(DataFrame::new(rows.len(), columns)?))
    }

    /// The table `learning_curve`; `None` without the key of that name.
    ///
    /// # Errors
    /// Polars' own.
    pub fn learning_curve_frame(&self, evaluation: &Evaluation) -> Result<Option<DataFrame>> {
        if self.spec.learning_curve.is_empty() {
            return Ok(None);
        }
        let rows = &evaluation.learning_curve;
        let figure = self.primary_name();
        let end = |end: fn(f64, f64) -> f64| {
            move |row: &CurveRow| {
                let is_known = row.figures.iter().all(|figure| figure.is_finite());
                let found = row.figures.iter().copied().reduce(end);
                found.filter(|_| is_known).unwrap_or(f64::NAN)
            }
        };
        let mean = |row: &CurveRow| row.figures.iter().sum::<f64>() / row.figures.len() as f64;
        let mut columns = vec![texts("experiment", rows, |_| Some(self.spec.name.clone()))];
        columns.extend(self.candidate_columns(rows, |row| &self.candidates[row.candidate]));
        columns.extend([
            counts("n_groups", rows, |row| row.n_groups.into()),
            texts("figure", rows, |_| Some(figure.to_owned())),
            numbers("value", rows, mean),
            numbers("lowest", rows, end(f64::min)),
            numbers("highest", rows, end(f64::max)),
            counts("n_draws", rows, |row| row.figures.len() as u64),
            texts("reason", rows, |row| row.failure.clone()),
        ]);
        Ok(Some(DataFrame::new(rows.len(), columns)?))
    }

    /// The table `stopping`; `None` unless low and high are those of the last checkpoint.
    ///
    /// # Errors
    /// Polars' own.
    pub fn stopping_frame(&self, evaluation: &Evaluation) -> Result<Option<DataFrame>> {
        if !self.has_stopping_rule() {
            return Ok(None);
        }
        let rows = &evaluation.stopping;
        let part = |share: fn(&StoppingRow) -> &Estimate, part: fn(&Estimate) -> f64| {
            move |row: &StoppingRow| part(share(row))
        };
        let [features, representation, _, model] =
            self.candidate_columns(rows, |row| &self.candidates[row.candidate]);
        let saved: fn(&StoppingRow) -> &Estimate = |row| &row.epochs_saved;
        let lost: fn(&StoppingRow) -> &Estimate = |row| &row.high_lost;
        let columns = vec![
            texts("experiment", rows, |_| Some(self.spec.name.clone())),
            features,
            representation,
            model,
            numbers("threshold", rows, |row| row.threshold),
            counts("n_runs", rows, |row| row.n_runs as u64),
            counts("n_stopped", rows, |row| row.n_stopped as u64),
            numbers("epochs_saved", rows, part(saved, |share| share.value)),
            numbers("epochs_saved_low", rows, part(saved, |share| share.low)),
            numbers("epochs_saved_high", rows, part(saved, |share| share.high)),
            numbers("high_lost", rows, part(lost, |share| share.value)),
            numbers("high_lost_low", rows, part(lost, |share| share.low)),
            numbers("high_lost_high", rows, part(lost, |share| share.high)),
        ];
        Ok(Some(DataFrame::new(rows.len(), columns)?))
    }
}
