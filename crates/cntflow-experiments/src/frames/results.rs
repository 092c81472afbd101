//! The tables `scores`, `importance`, `controls` and `verdicts`.

use std::collections::BTreeMap;

use cntflow_statistics::Estimate;
use polars::prelude::{Column, DataFrame};

use super::columns::{counts, flags, integer_lists, numbers, texts};
use crate::error::Result;
use crate::evaluation::{Candidate, Evaluation, Experiment, FitRow, FitTask, ScoreRow};

/// The figures of the table `scores`, in the order of its columns.
const FIGURES: [&str; 8] = [
    "auc",
    "auc_pairs",
    "accuracy",
    "balanced_accuracy",
    "mcc",
    "r2",
    "mae",
    "tau",
];

impl Experiment {
    /// The table `scores`.
    ///
    /// # Errors
    /// Polars' own.
    pub fn score_frame(&self, evaluation: &Evaluation) -> Result<DataFrame> {
        let rows = &evaluation.scores;
        let candidate = |row: &ScoreRow| &self.candidates[row.candidate];
        let mut columns = vec![
            texts("experiment", rows, |_| Some(self.spec.name.clone())),
            texts("target", rows, |_| {
                Some(self.spec.target.kind_name().to_owned())
            }),
            texts("label", rows, |_| Some(self.spec.target.label().to_owned())),
        ];
        columns.extend(self.candidate_columns(rows, candidate));
        let status = |row: &ScoreRow| {
            if row.failure.is_none() {
                "ok"
            } else {
                "failed"
            }
        };
        columns.extend([
            texts("setting", rows, |row| row.setting.clone()),
            flags("chosen", rows, |row| row.is_chosen),
            texts("stratum", rows, |row| Some(row.stratum.clone())),
            texts("status", rows, |row| Some(status(row).to_owned())),
            texts("reason", rows, |row| row.failure.clone()),
            texts("note", rows, |row| row.note.clone()),
            counts("n_features", rows, |row| row.n_features.into()),
            counts("n_networks", rows, |row| row.n_networks as u64),
            counts("n_groups", rows, |row| row.n_groups as u64),
            numbers("prevalence", rows, |row| row.prevalence),
            numbers("validation_figure", rows, |row| row.validation_figure),
        ]);
        for name in FIGURES {
            let part = |part: fn(&Estimate) -> f64| {
                move |row: &ScoreRow| row.figures.get(name).map_or(f64::NAN, part)
            };
            columns.push(numbers(name, rows, part(|figure| figure.value)));
            columns.push(numbers(
                &format!("{name}_low"),
                rows,
                part(|figure| figure.low),
            ));
            columns.push(numbers(
                &format!("{name}_high"),
                rows,
                part(|figure| figure.high),
            ));
        }
        for (index, name) in ["brier", "log_loss", "calibration_error"]
            .into_iter()
            .enumerate()
        {
            columns.push(numbers(name, rows, |row| {
                row.calibration.map_or(f64::NAN, |figures| figures[index])
            }));
        }
        columns.push(integer_lists("confusion", rows, |row| {
            row.confusion.iter().map(|count| *count as i64).collect()
        }));
        columns.push(flags("worst_stratum", rows, |row| row.is_worst_stratum));
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// `features`, `representation`, `twin` and `model`.
    pub(super) fn candidate_columns<'a, T>(
        &'a self,
        rows: &[T],
        candidate: impl Fn(&T) -> &'a Candidate,
    ) -> [Column; 4] {
        [
            texts("features", rows, |row| {
                Some(candidate(row).choice.features.to_string())
            }),
            texts("representation", rows, |_| {
                Some(self.spec.representation.name().to_owned())
            }),
            texts("twin", rows, |row| {
                candidate(row)
                    .choice
                    .twin
                    .map(|twin| twin.name().to_owned())
            }),
            texts("model", rows, |row| {
                Some(candidate(row).model_name().to_owned())
            }),
        ]
    }

    /// The table `importance`.
    ///
    /// # Errors
    /// Polars' own.
    pub fn importance_frame(&self, fits: &[FitRow], evaluation: &Evaluation) -> Result<DataFrame> {
        struct Line<'a> {
            candidate: &'a Candidate,
            is_chosen: bool,
            column: &'a str,
            importance: f64,
        }
        let mut lines = Vec::new();
        let refits = fits
            .iter()
            .filter(|row| matches!(row.task, FitTask::Refit { .. }));
        for row in refits.filter(|row| row.failure.is_none()) {
            let index = row.task.candidate();
            let candidate = &self.candidates[index as usize];
            let names = self.sources[candidate.source].table().names();
            let importance: BTreeMap<u32, f64> = row.importance.iter().copied().collect();
            let missing = if importance.is_empty() { f64::NAN } else { 0.0 };
            let is_chosen = evaluation.choices.models.get(&candidate.choice) == Some(&index);
            lines.extend(candidate.columns.iter().map(|&column| Line {
                candidate,
                is_chosen,
                column: &names[column],
                importance: importance.get(&(column as u32)).copied().unwrap_or(missing),
            }));
        }
        let mut columns = vec![texts("experiment", &lines, |_| {
            Some(self.spec.name.clone())
        })];
        columns.extend(self.candidate_columns(&lines, |line| line.candidate));
        columns.extend([
            flags("chosen", &lines, |line| line.is_chosen),
            texts("column", &lines, |line| Some(line.column.to_owned())),
            numbers("importance", &lines, |line| line.importance),
        ]);
        Ok(DataFrame::new(lines.len(), columns)?)
    }

    /// The table `controls`.
    ///
    /// # Errors
    /// Polars' own.
    pub fn control_frame(&self, evaluation: &Evaluation) -> Result<DataFrame> {
        let rows = &evaluation.controls;
        let columns = vec![
            texts("experiment", rows, |_| Some(self.spec.name.clone())),
            texts("control", rows, |row| Some(row.control.clone())),
            texts("features", rows, |row| row.features.clone()),
            texts("representation", rows, |_| {
                Some(self.spec.representation.name().to_owned())
            }),
            texts("figure", rows, |row| Some(row.figure.to_owned())),
            numbers("real", rows, |row| row.real),
            numbers("control_value", rows, |row| row.control_value),
            numbers("gain", rows, |row| row.gain),
            numbers("low", rows, |row| row.low),
            numbers("high", rows, |row| row.high),
            numbers("p", rows, |row| row.p),
            counts("n", rows, |row| row.n),
        ];
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// The table `verdicts`.
    ///
    /// # Errors
    /// Polars' own.
    pub fn verdict_frame(&self, evaluation: &Evaluation) -> Result<DataFrame> {
        let rows = &evaluation.verdicts;
        let figure = self.primary_name();
        let part = |part: fn(&cntflow_statistics::Comparison) -> f64| {
            move |row: &crate::evaluation::Verdict| row.comparison.as_ref().map_or(f64::NAN, part)
        };
        let columns = vec![
            texts("experiment", rows, |_| Some(self.spec.name.clone())),
            texts("family", rows, |row| Some(row.family.name().to_owned())),
            texts("a", rows, |row| Some(row.a.to_string())),
            texts("b", rows, |row| Some(row.b.to_string())),
            texts("representation", rows, |_| {
                Some(self.spec.representation.name().to_owned())
            }),
            texts("figure", rows, |_| Some(figure.to_owned())),
            numbers("difference", rows, part(|comparison| comparison.difference)),
            numbers("low", rows, part(|comparison| comparison.low)),
            numbers("high", rows, part(|comparison| comparison.high)),
            numbers(
                "standard_error",
                rows,
                part(|comparison| comparison.standard_error),
            ),
            texts("method", rows, |row| {
                row.comparison
                    .map(|comparison| comparison.method.name().to_owned())
            }),
            numbers("p", rows, part(|comparison| comparison.p)),
            numbers("p_adjusted", rows, |row| row.p_adjusted),
            numbers("equivalence_p", rows, |row| row.equivalence_p),
            texts("finding", rows, |row| Some(row.finding.name().to_owned())),
        ];
        Ok(DataFrame::new(rows.len(), columns)?)
    }
}
