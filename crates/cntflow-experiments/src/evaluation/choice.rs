//! What is chosen by the cross-validation among the training groups: each candidate's setting, and
//! the model of each feature choice.

use std::collections::BTreeMap;

use super::experiment::Experiment;
use super::fit_row::{FitRow, FitTask};
use crate::spec::FeatureChoice;

/// The settings and models that the cross-validation has chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// For each candidate with a fit in every fold, its chosen setting.
    pub settings: BTreeMap<u32, ChosenSetting>,
    /// For each feature choice, the candidate with the best chosen setting.
    pub models: BTreeMap<FeatureChoice, u32>,
}

/// The setting of a candidate with the best mean figure over the folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChosenSetting {
    /// Index of the setting.
    pub setting: u32,
    /// Mean of the primary figure over all folds of all repeats.
    pub validation_figure: f64,
}

impl Experiment {
    /// Chooses by the rows of all fold tasks. A setting that failed in a fold, or whose figure is
    /// not defined there, is not chosen.
    pub fn choose(&self, rows: &[FitRow]) -> Choices {
        let mut figures: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
        // In the order of the tasks, so that sums do not depend on who ran which.
        let mut ordered: Vec<&FitRow> = rows
            .iter()
            .filter(|row| matches!(row.task, FitTask::Fold { .. }))
            .collect();
        ordered.sort_by_key(|row| (row.task, row.setting));
        for row in ordered {
            let key = (row.task.candidate(), row.setting);
            figures.entry(key).or_default().push(row.validation_figure);
        }
        let n_folds: usize = self.splits.repeats.iter().map(Vec::len).sum();
        let mut choices = Choices::default();
        for ((candidate, setting), figures) in figures {
            let mean = figures.iter().sum::<f64>() / figures.len() as f64;
            if figures.len() < n_folds || !mean.is_finite() {
                continue;
            }
            let chosen = choices.settings.entry(candidate).or_insert(ChosenSetting {
                setting,
                validation_figure: mean,
            });
            // Of equal settings the first stays: it is the default.
            if mean > chosen.validation_figure {
                *chosen = ChosenSetting {
                    setting,
                    validation_figure: mean,
                };
            }
        }
        for (&candidate, chosen) in &choices.settings {
            let choice = &self.candidates[candidate as usize].choice;
            let best = choices.models.entry(choice.clone()).or_insert(candidate);
            if chosen.validation_figure > choices.settings[best].validation_figure {
                *best = candidate;
            }
        }
        choices
    }

    /// The refits that follow from the choices: every candidate with a chosen setting.
    pub fn refit_tasks(&self, choices: &Choices) -> Vec<FitTask> {
        choices
            .settings
            .iter()
            .map(|(&candidate, chosen)| FitTask::Refit {
                candidate,
                setting: chosen.setting,
            })
            .collect()
    }
}
