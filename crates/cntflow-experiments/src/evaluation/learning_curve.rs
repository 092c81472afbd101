//! Learning curves: the figure on the test set of models that were fitted to fewer groups.
//!
//! The groups of a point are the first of all training groups in a random order, so that each point
//! has the groups of those before it. There is one order for each repeat of the cross-validation.
//! The model and its setting are those that all training groups chose.

use rand::seq::SliceRandom;

use super::choice::Choices;
use super::experiment::Experiment;
use super::fit_row::FitTask;
use super::judged::FitRows;
use crate::random::Purpose;
use cntflow_statistics::random::random_stream;

/// One point of the learning curve of a feature choice.
#[derive(Clone, Debug)]
pub struct CurveRow {
    /// Index of the candidate.
    pub candidate: usize,
    /// Groups that the models were fitted to.
    pub n_groups: u32,
    /// The primary figure on the test set, by draw of the groups. One figure if they are all
    /// training groups.
    pub figures: Vec<f64>,
    /// Why the first fit failed that did.
    pub failure: Option<String>,
}

impl Experiment {
    /// The fits of all points but the last one, which is the refit.
    pub fn curve_tasks(&self, choices: &Choices) -> Vec<FitTask> {
        let candidates = choices.models.values();
        candidates
            .flat_map(|&candidate| {
                let sizes = self.spec.learning_curve.iter();
                sizes.flat_map(move |&n_groups| self.point_tasks(candidate, choices, n_groups))
            })
            .collect()
    }

    /// The fits of one point, one for each draw of its groups.
    fn point_tasks(&self, candidate: u32, choices: &Choices, n_groups: u32) -> Vec<FitTask> {
        let setting = choices.settings[&candidate].setting;
        let draws = 0..self.spec.protocol.repeats as u32;
        draws
            .map(|draw| FitTask::Curve {
                candidate,
                setting,
                n_groups,
                draw,
            })
            .collect()
    }

    /// The training rows of the first `n_groups` groups in the order of a draw.
    pub(crate) fn curve_rows(&self, n_groups: u32, draw: u32) -> Vec<usize> {
        let mut groups = self.splits.training_groups(&self.population);
        let purpose = Purpose::LearningCurve as u64;
        let mut rng = random_stream(self.spec.protocol.seed, purpose, &[draw as usize]);
        groups.shuffle(&mut rng);
        groups.truncate(n_groups as usize);
        groups.sort_unstable();
        let is_drawn = |row: &usize| groups.binary_search(&self.population.groups[*row]).is_ok();
        let training = self.splits.training.iter().copied();
        training.filter(is_drawn).collect()
    }

    /// The points of every feature choice, with ever more groups.
    pub(crate) fn learning_curve(&self, choices: &Choices, fits: &FitRows<'_>) -> Vec<CurveRow> {
        if self.spec.learning_curve.is_empty() {
            return Vec::new();
        }
        let mut sizes = self.spec.learning_curve.clone();
        sizes.sort_unstable();
        let n_all = self.splits.training_groups(&self.population).len() as u32;
        let mut rows = Vec::new();
        for &candidate in choices.models.values() {
            let setting = choices.settings[&candidate].setting;
            let point = |n_groups: u32, tasks: &[FitTask]| {
                let of_task = |task: &FitTask| fits.get(&(*task, setting)).copied();
                let figure = |task| of_task(task).map_or(f64::NAN, |fit| fit.test_figure);
                CurveRow {
                    candidate: candidate as usize,
                    n_groups,
                    figures: tasks.iter().map(figure).collect(),
                    failure: tasks.iter().find_map(|task| of_task(task)?.failure.clone()),
                }
            };
            for &n_groups in &sizes {
                rows.push(point(
                    n_groups,
                    &self.point_tasks(candidate, choices, n_groups),
                ));
            }
            rows.push(point(n_all, &[FitTask::Refit { candidate, setting }]));
        }
        rows
    }
}
