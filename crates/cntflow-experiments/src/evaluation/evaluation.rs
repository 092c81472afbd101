//! What an experiment found: scores, verdicts, controls, predictions.

use rayon::prelude::*;

use super::choice::Choices;
use super::controls::ControlRow;
use super::experiment::Experiment;
use super::fit_row::{FitRow, FitTask};
use super::judged::{FitRows, Judged, JudgedChoices};
use super::learning_curve::CurveRow;
use super::scores::ScoreRow;
use super::stopping::StoppingRow;
use super::transfer::TransferRow;
use super::verdicts::{Family, Verdict};
use crate::spec::FeatureChoice;

/// What an experiment found.
#[derive(Debug)]
pub struct Evaluation {
    /// What the cross-validation chose.
    pub choices: Choices,
    /// Figures of every candidate.
    pub scores: Vec<ScoreRow>,
    /// The primary comparisons, then the exploratory ones.
    pub verdicts: Vec<Verdict>,
    /// Controls of the chosen candidates.
    pub controls: Vec<ControlRow>,
    /// Figures on other populations.
    pub transfer: Vec<TransferRow>,
    /// What a rule saves and loses that stops runs early.
    pub stopping: Vec<StoppingRow>,
    /// Figures of models that were fitted to fewer groups.
    pub learning_curve: Vec<CurveRow>,
    /// For each candidate its predictions of the test set, or why there are none.
    pub(crate) judged: Vec<Option<Result<Judged, String>>>,
}

impl Experiment {
    /// Judges all candidates by the rows of all tasks, in any order. It uses the threads of the
    /// rayon pool that it is called in; what it finds does not depend on their number.
    pub fn evaluate(&self, fits: &[FitRow]) -> Evaluation {
        let choices = self.choose(fits);
        let by_task: FitRows<'_> = fits
            .iter()
            .map(|row| ((row.task, row.setting), row))
            .collect();
        let judged: Vec<Option<Result<Judged, String>>> = self
            .candidates
            .par_iter()
            .enumerate()
            .map(|(index, candidate)| {
                candidate.model?;
                Some(self.judge(index as u32, &choices, &by_task))
            })
            .collect();
        let strata = self.strata();
        let scores_of = |(index, judged): (usize, &Option<Result<Judged, String>>)| match judged {
            None => vec![self.majority_row(index, &choices)],
            Some(judged) => {
                let refit = choices.settings.get(&(index as u32)).and_then(|chosen| {
                    let task = FitTask::Refit {
                        candidate: index as u32,
                        setting: chosen.setting,
                    };
                    by_task.get(&(task, chosen.setting))
                });
                let described = refit.map(|row| (row.n_features, row.note.clone()));
                self.score_rows(index, judged, &choices, &strata, described)
            }
        };
        let scores: Vec<Vec<ScoreRow>> = judged.par_iter().enumerate().map(scores_of).collect();
        let of_choices = self.judged_choices(&choices, &judged);
        let compare = |a: &FeatureChoice, b: &FeatureChoice| {
            self.compare(of_choices.get(a)?, of_choices.get(b)?)
        };
        let mut verdicts = self.verdicts(Family::Primary, self.primary_pairs(), &compare);
        verdicts.extend(self.verdicts(Family::Exploratory, self.exploratory_pairs(), &compare));
        let controls = self.controls(&of_choices);
        let transfer = self.transfer_rows(&choices, &by_task, &of_choices);
        let stopping = self.stopping_rows(&choices, &of_choices);
        let learning_curve = self.learning_curve(&choices, &by_task);
        Evaluation {
            choices,
            scores: scores.concat(),
            verdicts,
            controls,
            transfer,
            stopping,
            learning_curve,
            judged,
        }
    }

    fn judged_choices<'a>(
        &'a self,
        choices: &Choices,
        judged: &'a [Option<Result<Judged, String>>],
    ) -> JudgedChoices<'a> {
        let by_choice = choices
            .models
            .values()
            .filter_map(|&index| {
                let judged = judged[index as usize].as_ref()?.as_ref().ok()?;
                Some((&self.candidates[index as usize].choice, judged))
            })
            .collect();
        JudgedChoices::new(by_choice)
    }
}
