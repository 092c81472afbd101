//! The table `predictions`.

use polars::prelude::DataFrame;

use super::columns::{integers, number_lists, numbers, texts};
use crate::error::Result;
use crate::evaluation::{Candidate, Evaluation, Experiment, FitRow, Truth};
use crate::target::LearnedTarget;

/// One prediction.
struct Line<'a> {
    candidate: &'a Candidate,
    repeat_and_fold: Option<[u32; 2]>,
    row: usize,
    class: Option<String>,
    score: f64,
    probability: f64,
    predicted_class: Option<String>,
    class_scores: Vec<f64>,
}

impl Experiment {
    /// The table `predictions`: of every candidate in the test set, and of the chosen ones in the
    /// folds.
    ///
    /// # Errors
    /// Polars' own.
    pub fn prediction_frame(&self, fits: &[FitRow], evaluation: &Evaluation) -> Result<DataFrame> {
        let mut lines = self.test_lines(evaluation);
        lines.extend(self.validation_lines(fits, evaluation));
        let set = |line: &Line<'_>| {
            let is_test = line.repeat_and_fold.is_none();
            Some(if is_test { "test" } else { "validation" }.to_owned())
        };
        let labels = self.population.target.order_values();
        let is_number = self.population.target.is_number();
        let columns = vec![
            texts("experiment", &lines, |_| Some(self.spec.name.clone())),
            texts("features", &lines, |line| {
                Some(line.candidate.choice.features.to_string())
            }),
            texts("representation", &lines, |_| {
                Some(self.spec.representation.name().to_owned())
            }),
            texts("twin", &lines, |line| {
                line.candidate
                    .choice
                    .twin
                    .map(|twin| twin.name().to_owned())
            }),
            texts("model", &lines, |line| {
                Some(line.candidate.model_name().to_owned())
            }),
            texts("set", &lines, set),
            integers("repeat", &lines, |line| {
                line.repeat_and_fold.map(|pair| pair[0].into())
            }),
            integers("fold", &lines, |line| {
                line.repeat_and_fold.map(|pair| pair[1].into())
            }),
            texts("checkpoint", &lines, |line| {
                Some(self.population.checkpoints[line.row].clone())
            }),
            texts("group", &lines, |line| {
                Some(self.group_name(line.row).to_owned())
            }),
            numbers("label", &lines, |line| {
                if is_number {
                    labels[line.row]
                } else {
                    f64::NAN
                }
            }),
            texts("class", &lines, |line| line.class.clone()),
            numbers("score", &lines, |line| line.score),
            numbers("probability", &lines, |line| line.probability),
            texts("predicted_class", &lines, |line| {
                line.predicted_class.clone()
            }),
            number_lists("class_scores", &lines, |line| &line.class_scores),
        ];
        Ok(DataFrame::new(lines.len(), columns)?)
    }

    fn test_lines(&self, evaluation: &Evaluation) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        let names = self.target.class_names();
        for (candidate, judged) in self.candidates.iter().zip(&evaluation.judged) {
            let Some(Ok(judged)) = judged else { continue };
            for (index, &row) in judged.rows.iter().enumerate() {
                let predicted = judged.predicted.as_ref().map(|classes| classes[index]);
                lines.push(Line {
                    predicted_class: predicted.map(|class| names[class as usize].clone()),
                    probability: judged
                        .probabilities
                        .as_ref()
                        .map_or(f64::NAN, |probabilities| probabilities[index]),
                    ..self.line(
                        candidate,
                        &self.target,
                        &judged.truth,
                        &judged.predictions,
                        index,
                        row,
                    )
                });
            }
        }
        lines
    }

    fn validation_lines(&self, fits: &[FitRow], evaluation: &Evaluation) -> Vec<Line<'_>> {
        let by_task = fits
            .iter()
            .map(|row| ((row.task, row.setting), row))
            .collect();
        let mut lines = Vec::new();
        for &index in evaluation.choices.models.values() {
            let chosen = evaluation.choices.settings[&index];
            let candidate = &self.candidates[index as usize];
            for fold in self.validated(index, chosen, &by_task) {
                let target = &self.fold_targets[fold.repeat as usize][fold.fold as usize];
                for (position, &row) in fold.rows.iter().enumerate() {
                    lines.push(Line {
                        repeat_and_fold: Some([fold.repeat, fold.fold]),
                        ..self.line(
                            candidate,
                            target,
                            &fold.truth,
                            &fold.predictions,
                            position,
                            row,
                        )
                    });
                }
            }
        }
        lines
    }

    fn line<'a>(
        &self,
        candidate: &'a Candidate,
        target: &LearnedTarget,
        truth: &Truth,
        predictions: &[f64],
        index: usize,
        row: usize,
    ) -> Line<'a> {
        let names = target.class_names();
        let (class, score, class_scores) = match truth {
            Truth::Classes { of_row, n_classes } => {
                let class = Some(names[of_row[index] as usize].clone());
                let width = *n_classes as usize;
                if width == 2 {
                    (class, predictions[index], Vec::new())
                } else {
                    let scores = predictions[index * width..(index + 1) * width].to_vec();
                    (class, f64::NAN, scores)
                }
            }
            Truth::Values(_) => (None, target.to_label(predictions[index]), Vec::new()),
        };
        Line {
            candidate,
            repeat_and_fold: None,
            row,
            class,
            score,
            probability: f64::NAN,
            predicted_class: None,
            class_scores,
        }
    }
}
