//! Controls: what could refute a score.

use cntflow_statistics::granulated::granulated_kendall;
use cntflow_statistics::mutual_information::conditional_information_score;
use cntflow_statistics::noise::NoiseSimulation;
use cntflow_statistics::permutation::GroupPermutation;
use rayon::prelude::*;

use super::experiment::Experiment;
use super::figure::{FigureOfClasses, Truth, primary_figure};
use super::judged::{Judged, JudgedChoices};
use crate::population::LabelColumn;
use crate::spec::{FeatureChoice, Twin};
use crate::target::RawTarget;

/// Hyperparameters with more values than this are cut at quartiles before pairs are formed.
const MAX_LEVELS: usize = 8;

/// Draws of the noise ceiling.
const NOISE_DRAWS: usize = 200;

/// One row of the table `controls`.
#[derive(Clone, Debug)]
pub struct ControlRow {
    /// The control: a twin's name, `permutation`, `noise_ceiling`, `granulated_tau` or
    /// `conditional_information`.
    pub control: String,
    /// The features that it is of; `None` for a control of the labels alone.
    pub features: Option<String>,
    /// The figure that is compared.
    pub figure: &'static str,
    /// The figure of the networks themselves.
    pub real: f64,
    /// The figure of the control: of the twin, the mean of the permutations, the ceiling.
    pub control_value: f64,
    /// `real - control_value`: of a twin the graph gain.
    pub gain: f64,
    /// Lower end of the interval: of the gain, and of the ceiling for a noise ceiling.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// p-value: two-sided for a twin, one-sided for permutations.
    pub p: f64,
    /// Networks, permutations or pairs that it is based on.
    pub n: u64,
}

impl Experiment {
    /// All controls of the chosen candidates.
    pub(crate) fn controls(&self, judged: &JudgedChoices<'_>) -> Vec<ControlRow> {
        let mut rows = self.twin_controls(judged);
        let real: Vec<(&FeatureChoice, &Judged)> = judged.real().collect();
        let of_choices: Vec<Vec<ControlRow>> = real
            .par_iter()
            .map(|(choice, candidate)| {
                let mut rows = Vec::from_iter(self.permutation_control(choice, candidate));
                if !self.spec.target.has_classes() {
                    rows.extend(self.conditional_controls(choice, candidate));
                }
                rows
            })
            .collect();
        rows.extend(of_choices.concat());
        rows.extend(self.noise_ceiling());
        rows
    }

    /// The graph gain of every measured feature choice: the real networks less their twins.
    fn twin_controls(&self, judged: &JudgedChoices<'_>) -> Vec<ControlRow> {
        let twins = &self.spec.controls;
        let pairs: Vec<(&FeatureChoice, &Judged, Twin)> = judged
            .real()
            .flat_map(|(choice, candidate)| {
                twins.iter().map(move |&twin| (choice, candidate, twin))
            })
            .collect();
        pairs
            .par_iter()
            .filter_map(|&(choice, candidate, twin)| {
                let twin_choice = FeatureChoice {
                    features: choice.features.clone(),
                    twin: Some(twin),
                };
                let of_twin = judged.get(&twin_choice)?;
                let comparison = self.compare(candidate, of_twin);
                let value = |get: fn(&cntflow_statistics::Comparison) -> f64| {
                    comparison.as_ref().map_or(f64::NAN, get)
                };
                Some(ControlRow {
                    control: twin.name().to_owned(),
                    features: Some(choice.features.to_string()),
                    figure: self.primary_name(),
                    real: candidate.figure,
                    control_value: of_twin.figure,
                    gain: value(|comparison| comparison.difference),
                    low: value(|comparison| comparison.low),
                    high: value(|comparison| comparison.high),
                    p: value(|comparison| comparison.p),
                    n: candidate.rows.len() as u64,
                })
            })
            .collect()
    }

    /// The figure on the test set against those with the labels of test groups permuted within
    /// strata. The model never saw a test group, so that the labels may be exchanged without
    /// fitting again, and the p-value is exact.
    fn permutation_control(&self, choice: &FeatureChoice, judged: &Judged) -> Option<ControlRow> {
        let n_permutations = self.spec.permutations;
        if n_permutations == 0 || !choice.features.is_measured() {
            return None;
        }
        let all: Vec<usize> = (0..judged.rows.len()).collect();
        let groups = self.groups_at(judged, &all);
        let strata = self.group_strata(judged, &groups);
        let permutation = GroupPermutation::new(&groups, &strata).ok()?;
        let seed = self.spec.protocol.seed;
        let donors = (0..n_permutations).map(|index| permutation.donors(seed, index));
        let permuted: Vec<f64> = match &judged.truth {
            Truth::Classes { of_row, n_classes } => {
                let figure = FigureOfClasses::new(&judged.predictions, *n_classes);
                let permuted = |donors: Vec<usize>| -> Vec<u32> {
                    donors.into_iter().map(|row| of_row[row]).collect()
                };
                donors
                    .map(|donors| figure.of(&permuted(donors), &all))
                    .collect()
            }
            Truth::Values(_) => donors
                .map(|donors| {
                    let (_, truth) = judged.at(&donors);
                    primary_figure(&self.spec.target, &judged.predictions, &truth)
                })
                .collect(),
        };
        let mean = permuted.iter().sum::<f64>() / permuted.len() as f64;
        Some(ControlRow {
            control: "permutation".to_owned(),
            features: Some(choice.features.to_string()),
            figure: self.primary_name(),
            real: judged.figure,
            control_value: mean,
            gain: judged.figure - mean,
            low: f64::NAN,
            high: f64::NAN,
            p: cntflow_statistics::permutation::p_value(judged.figure, &permuted),
            n: n_permutations as u64,
        })
    }

    /// For each judged row the stratum of its group: that of the group's first row.
    fn group_strata(&self, judged: &Judged, groups: &[usize]) -> Vec<usize> {
        let texts = self.population.joint_strata();
        let mut names: Vec<&String> = texts.iter().collect();
        names.sort();
        names.dedup();
        let mut stratum_of_group = std::collections::BTreeMap::new();
        for (&group, &row) in groups.iter().zip(&judged.rows) {
            let stratum = names.partition_point(|name| **name < texts[row]);
            stratum_of_group.entry(group).or_insert(stratum);
        }
        groups.iter().map(|group| stratum_of_group[group]).collect()
    }

    /// What the predictions say beyond the hyperparameters: granulated tau, and the score of PGDL.
    fn conditional_controls(&self, choice: &FeatureChoice, judged: &Judged) -> Vec<ControlRow> {
        let Truth::Values(actual) = &judged.truth else {
            return Vec::new();
        };
        let levels: Vec<Vec<usize>> = self
            .population
            .hyperparameters
            .iter()
            .map(|(_, column)| levels_of(&column.select(&judged.rows)))
            .collect();
        let levels: Vec<&[usize]> = levels.iter().map(Vec::as_slice).collect();
        let row = |control: &str, figure: &'static str, real: f64, n: u64| ControlRow {
            control: control.to_owned(),
            features: Some(choice.features.to_string()),
            figure,
            real,
            control_value: f64::NAN,
            gain: f64::NAN,
            low: f64::NAN,
            high: f64::NAN,
            p: f64::NAN,
            n,
        };
        let mut rows = Vec::new();
        if let Ok(granulated) = granulated_kendall(&judged.predictions, actual, &levels) {
            let n_pairs = granulated
                .per_hyperparameter
                .iter()
                .map(|one| one.n_pairs)
                .sum();
            let tau = granulated.tau.unwrap_or(f64::NAN);
            if n_pairs > 0 {
                rows.push(row("granulated_tau", "tau", tau, n_pairs));
            }
        }
        if let Ok(score) = conditional_information_score(&judged.predictions, actual, &levels) {
            let value = score.score.unwrap_or(f64::NAN);
            rows.push(row(
                "conditional_information",
                "information",
                value,
                score.n_pairs,
            ));
        }
        rows
    }

    /// The tau and R2 that two halves of the test images reach with each other.
    fn noise_ceiling(&self) -> Vec<ControlRow> {
        let (Some(n_images), RawTarget::Numbers(values)) =
            (self.spec.test_images, &self.population.target)
        else {
            return Vec::new();
        };
        if self.spec.target.has_classes() {
            return Vec::new();
        }
        let accuracies: Vec<f64> = self.splits.test.iter().map(|&row| values[row]).collect();
        let simulation = NoiseSimulation {
            n_images,
            draws: NOISE_DRAWS,
            confidence: self.confidence(),
            seed: self.spec.protocol.seed,
        };
        let Ok(ceiling) = simulation.ceiling(&accuracies) else {
            return Vec::new();
        };
        [("tau", ceiling.tau), ("r2", ceiling.r_squared)]
            .map(|(figure, estimate)| ControlRow {
                control: "noise_ceiling".to_owned(),
                features: None,
                figure,
                real: f64::NAN,
                control_value: estimate.value,
                gain: f64::NAN,
                low: estimate.low,
                high: estimate.high,
                p: f64::NAN,
                n: n_images,
            })
            .to_vec()
    }
}

/// Levels of a hyperparameter: its values, or its quartiles if it has too many.
fn levels_of(column: &LabelColumn) -> Vec<usize> {
    let texts = column.texts();
    let mut distinct: Vec<&Option<String>> = texts.iter().collect();
    distinct.sort();
    distinct.dedup();
    if let LabelColumn::Numbers(values) = column
        && distinct.len() > MAX_LEVELS
    {
        let mut sorted: Vec<f64> = values
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        sorted.sort_by(f64::total_cmp);
        let cuts =
            [0.25, 0.5, 0.75].map(|q| cntflow_statistics::quantile::quantile_of_sorted(&sorted, q));
        let level = |value: &f64| cuts.iter().filter(|cut| value > cut).count();
        return values.iter().map(level).collect();
    }
    texts
        .iter()
        .map(|text| distinct.partition_point(|other| *other < text))
        .collect()
}
