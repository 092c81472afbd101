//! Learning curves: the figure on the test set of models that were fitted to fewer groups.
//!
//! The groups of a point are the first of all training groups in a random order, so that each point
//! has the groups of those before it. There is one order for each repeat of the cross-validation.
//! The model and its setting are those that all training groups chose. The order has no strata.

use std::cmp::Ordering;

use rand::seq::SliceRandom;

use super::choice::Choices;
use super::experiment::Experiment;
use super::figure::groups_with_truth;
use super::fit_row::{FitRow, FitTask};
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
    /// The primary figure on the test set, by draw of the groups: one if they are all training
    /// groups, none if there are not as many.
    pub figures: Vec<f64>,
    /// Why a figure is missing.
    pub failure: Option<String>,
}

impl Experiment {
    /// The fits of all points but the last one, which is the refit. A point that needs more groups
    /// than there are has none.
    pub fn curve_tasks(&self, choices: &Choices) -> Vec<FitTask> {
        let n_all = self.curve_groups().len();
        let sizes = self.spec.learning_curve.iter().copied();
        let sizes: Vec<u32> = sizes.filter(|size| (*size as usize) < n_all).collect();
        let candidates = choices.models.values();
        candidates
            .flat_map(|&candidate| {
                let sizes = sizes.iter();
                sizes.flat_map(move |&size| self.point_tasks(candidate, choices, size))
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

    /// The training groups with a network that takes part: between low and high none does.
    fn curve_groups(&self) -> Vec<u32> {
        groups_with_truth(&self.target, &self.population, &self.splits.training)
    }

    /// The training rows of the first `n_groups` groups in the order of a draw.
    pub(crate) fn curve_rows(&self, n_groups: u32, draw: u32) -> Vec<usize> {
        let mut groups = self.curve_groups();
        let purpose = Purpose::LearningCurve as u64;
        let mut rng = random_stream(self.spec.protocol.seed, purpose, &[draw as usize]);
        groups.shuffle(&mut rng);
        groups.truncate(n_groups as usize);
        groups.sort_unstable();
        let is_drawn = |row: &usize| groups.binary_search(&self.population.groups[*row]).is_ok();
        let training = self.splits.training.iter().copied();
        training.filter(is_drawn).collect()
    }

    /// The points of every feature choice: with ever more groups, the last with all of them.
    pub(crate) fn learning_curve(&self, choices: &Choices, fits: &FitRows<'_>) -> Vec<CurveRow> {
        if self.spec.learning_curve.is_empty() {
            return Vec::new();
        }
        let n_all = self.curve_groups().len() as u32;
        let mut sizes = self.spec.learning_curve.clone();
        sizes.retain(|size| *size != n_all);
        sizes.push(n_all);
        sizes.sort_unstable();
        let mut rows = Vec::new();
        for &candidate in choices.models.values() {
            let setting = choices.settings[&candidate].setting;
            for &n_groups in &sizes {
                let tasks = match n_groups.cmp(&n_all) {
                    Ordering::Less => self.point_tasks(candidate, choices, n_groups),
                    Ordering::Equal => vec![FitTask::Refit { candidate, setting }],
                    Ordering::Greater => {
                        rows.push(CurveRow::without_figure(candidate, n_groups, n_all));
                        continue;
                    }
                };
                let of_task = |task| fits.get(&(task, setting)).copied();
                let fits: Vec<Option<&FitRow>> = tasks.into_iter().map(of_task).collect();
                rows.push(CurveRow::of(candidate, n_groups, &fits));
            }
        }
        rows
    }
}

impl CurveRow {
    fn of(candidate: u32, n_groups: u32, fits: &[Option<&FitRow>]) -> Self {
        let figure = |fit: &Option<&FitRow>| fit.map_or(f64::NAN, |fit| fit.test_figure);
        let figures: Vec<f64> = fits.iter().map(figure).collect();
        let failure = fits.iter().flatten().find_map(|fit| fit.failure.clone());
        let is_undefined = figures.iter().any(|figure| figure.is_nan());
        let undefined = || "the figure is not defined in some draw".to_owned();
        Self {
            candidate: candidate as usize,
            n_groups,
            failure: failure.or_else(|| is_undefined.then(undefined)),
            figures,
        }
    }

    fn without_figure(candidate: u32, n_groups: u32, n_all: u32) -> Self {
        Self {
            candidate: candidate as usize,
            n_groups,
            figures: Vec::new(),
            failure: Some(format!("there are {n_all} training groups")),
        }
    }
}
