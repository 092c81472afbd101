//! A rule that stops runs early: what it saves, and what it loses.

use cntflow_statistics::{Estimate, Method};

use super::choice::Choices;
use super::experiment::Experiment;
use super::figure::Truth;
use super::judged::{Judged, JudgedChoices};
use crate::spec::{LabelAt, Target};

/// Thresholds of the probability of being low in the end.
const THRESHOLDS: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// One row of the table `stopping`: runs that are low in the end with a probability above the
/// threshold are stopped.
#[derive(Clone, Debug)]
pub struct StoppingRow {
    /// Index of the candidate.
    pub candidate: usize,
    /// Threshold of the probability.
    pub threshold: f64,
    /// Held-out runs, those between low and high left out.
    pub n_runs: usize,
    /// Runs that are stopped.
    pub n_stopped: usize,
    /// Share of all epochs that is saved; NaN if no run says its epochs.
    pub epochs_saved: Estimate,
    /// Share of the high performers that is stopped.
    pub high_lost: Estimate,
}

impl Experiment {
    /// Whether the experiment says what becomes of a run: low or high at its last checkpoint.
    pub fn has_stopping_rule(&self) -> bool {
        matches!(
            self.spec.target,
            Target::LowHigh {
                at: LabelAt::Last,
                ..
            }
        )
    }

    /// The rule with each feature choice of the networks themselves and each threshold.
    pub(crate) fn stopping_rows(
        &self,
        choices: &Choices,
        judged: &JudgedChoices<'_>,
    ) -> Vec<StoppingRow> {
        if !self.has_stopping_rule() {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for (choice, candidate) in judged.real() {
            let chosen = choices.models.get(choice);
            let (Some(&index), Some(probabilities)) = (chosen, &candidate.probabilities) else {
                continue;
            };
            let of_threshold =
                |threshold| self.stopping_row(index as usize, candidate, probabilities, threshold);
            rows.extend(THRESHOLDS.map(of_threshold));
        }
        rows
    }

    fn stopping_row(
        &self,
        candidate: usize,
        judged: &Judged,
        probabilities: &[f64],
        threshold: f64,
    ) -> StoppingRow {
        let is_stopped: Vec<bool> = probabilities
            .iter()
            .map(|high| 1.0 - high > threshold)
            .collect();
        let is_high: Vec<bool> = match &judged.truth {
            Truth::Classes { of_row, .. } => of_row.iter().map(|class| *class == 1).collect(),
            Truth::Values(values) => vec![false; values.len()],
        };
        let epochs: Vec<f64> = judged
            .rows
            .iter()
            .map(|&row| self.population.epochs[row])
            .collect();
        let left: Vec<f64> = judged
            .rows
            .iter()
            .map(|&row| (self.population.epochs[row] - self.population.steps[row]).max(0.0))
            .collect();
        let share = |weight: &dyn Fn(usize) -> f64, saved: &dyn Fn(usize) -> f64| {
            let figure = |rows: &[usize]| {
                let total: f64 = rows.iter().map(|&row| weight(row)).sum();
                let stopped = rows.iter().filter(|&&row| is_stopped[row]);
                stopped.map(|&row| saved(row)).sum::<f64>() / total
            };
            self.share(judged, figure)
        };
        let known = |values: &[f64], row: usize| {
            if epochs[row].is_finite() {
                values[row]
            } else {
                0.0
            }
        };
        let high = |row: usize| f64::from(u8::from(is_high[row]));
        StoppingRow {
            candidate,
            threshold,
            n_runs: judged.rows.len(),
            n_stopped: is_stopped.iter().filter(|is_stopped| **is_stopped).count(),
            epochs_saved: share(&|row| known(&epochs, row), &|row| known(&left, row)),
            high_lost: share(&high, &high),
        }
    }

    /// A share of test rows with its bootstrap interval over groups; without one where there is
    /// none.
    fn share(&self, judged: &Judged, figure: impl Fn(&[usize]) -> f64) -> Estimate {
        let all: Vec<usize> = (0..judged.rows.len()).collect();
        let groups = self.groups_at(judged, &all);
        let without = Estimate {
            value: figure(&all),
            low: f64::NAN,
            high: f64::NAN,
            standard_error: f64::NAN,
            method: Method::BootstrapPercentile,
        };
        self.bootstrap()
            .interval(&groups, &figure)
            .unwrap_or(without)
    }
}
