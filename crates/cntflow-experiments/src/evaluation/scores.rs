//! Scores: the figures of every candidate on the test set, of all networks and of each stratum.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_statistics::Estimate;
use cntflow_statistics::calibration::{
    DEFAULT_BINS, brier_score, expected_calibration_error, log_loss,
};
use cntflow_statistics::multiclass::Confusion;
use cntflow_statistics::regression::{mean_absolute_error, r_squared};

use super::candidate::Candidate;
use super::choice::Choices;
use super::experiment::Experiment;
use super::figure::{Truth, tau_of_selections};
use super::judged::Judged;

/// Name of the stratum of all networks.
pub const WHOLE_POPULATION: &str = "all";

/// Smallest number of networks of each class with which a stratum of classes has figures: 10.
pub const MIN_CLASS_IN_STRATUM: usize = 10;

/// Smallest number of networks with which a stratum of numbers has figures: 20.
pub const MIN_NETWORKS_IN_STRATUM: usize = 20;

/// One row of the table `scores`.
#[derive(Clone, Debug)]
pub struct ScoreRow {
    /// Index of the candidate.
    pub candidate: usize,
    /// Whether the cross-validation chose this model for the feature choice.
    pub is_chosen: bool,
    /// The chosen setting, as text.
    pub setting: Option<String>,
    /// The stratum: `all`, or `column=value`.
    pub stratum: String,
    /// Why there are no figures.
    pub failure: Option<String>,
    /// What the fit did otherwise than asked.
    pub note: Option<String>,
    /// Columns that the model reads.
    pub n_features: u32,
    /// Networks of the test set that were predicted.
    pub n_networks: usize,
    /// Their groups.
    pub n_groups: usize,
    /// Mean of the primary figure over the folds of the cross-validation.
    pub validation_figure: f64,
    /// The figures by name: of classes `auc` or `auc_pairs`, `accuracy`, `balanced_accuracy`,
    /// `mcc`; of numbers `r2`, `mae`, `tau`.
    pub figures: BTreeMap<&'static str, Estimate>,
    /// Share of the last class among the networks; of many classes of the most frequent one.
    pub prevalence: f64,
    /// Of two classes: Brier score, log loss and calibration error of the probabilities.
    pub calibration: Option<[f64; 3]>,
    /// `[actual, predicted]` counts, row by row.
    pub confusion: Vec<u64>,
    /// Whether the primary figure is the lowest of this candidate among the strata.
    pub is_worst_stratum: bool,
}

/// A part of the rows of the population.
#[derive(Clone, Debug)]
pub(crate) struct Stratum {
    pub(crate) name: String,
    pub(crate) contains: Vec<bool>,
}

impl Experiment {
    /// All networks, then those with each value of each stratum column. A column with one value
    /// makes no strata.
    pub(crate) fn strata(&self) -> Vec<Stratum> {
        let mut strata = vec![Stratum {
            name: WHOLE_POPULATION.to_owned(),
            contains: vec![true; self.population.n_rows()],
        }];
        for (column, values) in &self.population.strata {
            let texts = values.texts();
            let distinct: BTreeSet<&String> = texts.iter().flatten().collect();
            if distinct.len() < 2 {
                continue;
            }
            strata.extend(distinct.into_iter().map(|value| {
                let has_value = |text: &Option<String>| text.as_ref() == Some(value);
                Stratum {
                    name: format!("{column}={value}"),
                    contains: texts.iter().map(has_value).collect(),
                }
            }));
        }
        strata
    }

    /// The rows of one candidate: all networks, then every stratum that is large enough.
    pub(crate) fn score_rows(
        &self,
        index: usize,
        judged: &Result<Judged, String>,
        choices: &Choices,
        strata: &[Stratum],
        fit_note: Option<(u32, Option<String>)>,
    ) -> Vec<ScoreRow> {
        let candidate = &self.candidates[index];
        let mut empty = self.empty_score(index, candidate, choices);
        if let Some((n_features, note)) = fit_note {
            empty.n_features = n_features;
            empty.note = note;
        }
        let judged = match judged {
            Ok(judged) => judged,
            Err(failure) => {
                empty.failure = Some(failure.clone());
                return vec![empty];
            }
        };
        let without = candidate.has_features.iter().filter(|has| !**has).count();
        if without > 0 {
            let text = format!("{without} networks lack all of these features and are left out");
            empty.note = Some(match empty.note {
                Some(note) => format!("{note}; {text}"),
                None => text,
            });
        }
        let mut rows: Vec<ScoreRow> = strata
            .iter()
            .filter_map(|stratum| self.score_row(&empty, judged, stratum))
            .collect();
        self.mark_worst_stratum(&mut rows);
        rows
    }

    fn empty_score(&self, index: usize, candidate: &Candidate, choices: &Choices) -> ScoreRow {
        let chosen = choices.settings.get(&(index as u32));
        ScoreRow {
            candidate: index,
            is_chosen: choices.models.get(&candidate.choice) == Some(&(index as u32)),
            setting: chosen
                .map(|chosen| self.settings(candidate)[chosen.setting as usize].to_string()),
            stratum: WHOLE_POPULATION.to_owned(),
            failure: None,
            note: None,
            n_features: 0,
            n_networks: 0,
            n_groups: 0,
            validation_figure: chosen.map_or(f64::NAN, |chosen| chosen.validation_figure),
            figures: BTreeMap::new(),
            prevalence: f64::NAN,
            calibration: None,
            confusion: Vec::new(),
            is_worst_stratum: false,
        }
    }

    /// The figures in one stratum; `None` if it is too small.
    fn score_row(&self, empty: &ScoreRow, judged: &Judged, stratum: &Stratum) -> Option<ScoreRow> {
        let kept: Vec<usize> = (0..judged.rows.len())
            .filter(|&index| stratum.contains[judged.rows[index]])
            .collect();
        let (predictions, truth) = judged.at(&kept);
        if stratum.name != WHOLE_POPULATION && !is_large_enough(&truth) {
            return None;
        }
        let groups = self.groups_at(judged, &kept);
        let mut row = ScoreRow {
            stratum: stratum.name.clone(),
            n_networks: kept.len(),
            n_groups: groups.iter().collect::<BTreeSet<_>>().len(),
            prevalence: prevalence(&truth),
            ..empty.clone()
        };
        let contains = |row: usize| stratum.contains[row];
        if let Some(estimate) = self.figure_interval(judged, &contains) {
            row.figures.insert(self.primary_name(), estimate);
        }
        match &truth {
            Truth::Classes { of_row, n_classes } => {
                self.add_class_figures(&mut row, judged, &kept, of_row, *n_classes);
            }
            Truth::Values(values) => {
                self.add_value_figures(&mut row, &groups, &predictions, values)
            }
        }
        Some(row)
    }

    /// Name of the primary figure.
    pub fn primary_name(&self) -> &'static str {
        super::figure::primary_name(&self.spec.target, self.target.class_names().len())
    }

    fn add_class_figures(
        &self,
        row: &mut ScoreRow,
        judged: &Judged,
        kept: &[usize],
        of_row: &[u32],
        n_classes: u32,
    ) {
        let Some(predicted) = &judged.predicted else {
            return;
        };
        let predicted: Vec<usize> = kept
            .iter()
            .map(|&index| predicted[index] as usize)
            .collect();
        let actual: Vec<usize> = of_row.iter().map(|class| *class as usize).collect();
        let n_classes = n_classes as usize;
        let confusion_of = |rows: &[usize]| {
            let mut counts = vec![vec![0; n_classes]; n_classes];
            for &row in rows {
                counts[actual[row]][predicted[row]] += 1;
            }
            Confusion { counts }
        };
        let figures_of = |rows: &[usize]| {
            let confusion = confusion_of(rows);
            [
                confusion.accuracy(),
                confusion.balanced_accuracy(),
                confusion.matthews(),
            ]
        };
        let groups = self.groups_at(judged, kept);
        let estimates = self.bootstrap().intervals(&groups, figures_of);
        for (name, estimate) in ["accuracy", "balanced_accuracy", "mcc"]
            .into_iter()
            .zip(estimates)
        {
            row.figures
                .extend(estimate.map(|estimate| (name, estimate)));
        }
        let all: Vec<usize> = (0..kept.len()).collect();
        row.confusion = confusion_of(&all).counts.concat();
        if let Some(probabilities) = &judged.probabilities {
            let probabilities: Vec<f64> = kept.iter().map(|&index| probabilities[index]).collect();
            let is_second: Vec<bool> = of_row.iter().map(|class| *class == 1).collect();
            let figure = |value: cntflow_statistics::Result<f64>| value.unwrap_or(f64::NAN);
            row.calibration = Some([
                figure(brier_score(&probabilities, &is_second)),
                figure(log_loss(&probabilities, &is_second)),
                figure(expected_calibration_error(
                    &probabilities,
                    &is_second,
                    DEFAULT_BINS,
                )),
            ]);
        }
    }

    /// R2 and the mean absolute error are on the label's own scale.
    fn add_value_figures(
        &self,
        row: &mut ScoreRow,
        groups: &[usize],
        predictions: &[f64],
        values: &[f64],
    ) {
        let to_label = |list: &[f64]| -> Vec<f64> {
            list.iter()
                .map(|value| self.target.to_label(*value))
                .collect()
        };
        let (predicted, actual) = (to_label(predictions), to_label(values));
        type Figure = fn(&[f64], &[f64]) -> cntflow_statistics::Result<f64>;
        let figures: [(&'static str, Figure); 2] =
            [("r2", r_squared), ("mae", mean_absolute_error)];
        for (name, figure) in figures {
            if row.figures.contains_key(name) {
                continue;
            }
            let of_rows = |rows: &[usize]| {
                let pick =
                    |list: &[f64]| -> Vec<f64> { rows.iter().map(|&row| list[row]).collect() };
                figure(&pick(&predicted), &pick(&actual)).unwrap_or(f64::NAN)
            };
            let estimate = self.bootstrap().interval(groups, of_rows);
            row.figures
                .extend(estimate.map(|estimate| (name, estimate)));
        }
        if !row.figures.contains_key("tau") {
            let tau = tau_of_selections(&predicted, &actual);
            let estimate = self.bootstrap().interval(groups, tau);
            row.figures
                .extend(estimate.map(|estimate| ("tau", estimate)));
        }
    }

    fn mark_worst_stratum(&self, rows: &mut [ScoreRow]) {
        let name = self.primary_name();
        let value = |row: &ScoreRow| {
            row.figures
                .get(name)
                .map_or(f64::NAN, |figure| figure.value)
        };
        let worst = rows
            .iter_mut()
            .filter(|row| row.stratum != WHOLE_POPULATION && value(row).is_finite())
            .min_by(|a, b| value(a).total_cmp(&value(b)));
        if let Some(row) = worst {
            row.is_worst_stratum = true;
        }
    }

    /// The row of `majority`: the most frequent class, or the mean, of the training rows.
    pub(crate) fn majority_row(&self, index: usize, choices: &Choices) -> ScoreRow {
        let candidate = &self.candidates[index];
        let (rows, truth) = self.test_truth(candidate);
        let groups: BTreeSet<u32> = rows
            .iter()
            .map(|&row| self.population.groups[row])
            .collect();
        let mut row = ScoreRow {
            is_chosen: true,
            n_networks: rows.len(),
            n_groups: groups.len(),
            prevalence: prevalence(&truth),
            ..self.empty_score(index, candidate, choices)
        };
        if let Truth::Classes { of_row, n_classes } = &truth {
            let (_, training) =
                super::figure::truth(&self.target, &self.population.target, &self.splits.training);
            let most_frequent = most_frequent_class(&training);
            let n_right = of_row
                .iter()
                .filter(|class| **class == most_frequent)
                .count();
            let exact = |value: f64| Estimate {
                value,
                low: f64::NAN,
                high: f64::NAN,
                standard_error: f64::NAN,
                method: cntflow_statistics::Method::BootstrapPercentile,
            };
            row.figures
                .insert("accuracy", exact(n_right as f64 / of_row.len() as f64));
            row.figures
                .insert("balanced_accuracy", exact(1.0 / f64::from(*n_classes)));
            row.figures.insert("mcc", exact(0.0));
            row.figures.insert(self.primary_name(), exact(0.5));
        }
        row
    }
}

fn most_frequent_class(truth: &Truth) -> u32 {
    let Truth::Classes { of_row, n_classes } = truth else {
        return 0;
    };
    let count = |class: u32| of_row.iter().filter(|other| **other == class).count();
    // Of equally frequent classes the first counts.
    (0..*n_classes)
        .rev()
        .max_by_key(|class| count(*class))
        .unwrap_or(0)
}

fn is_large_enough(truth: &Truth) -> bool {
    match truth {
        Truth::Values(values) => values.len() >= MIN_NETWORKS_IN_STRATUM,
        Truth::Classes { of_row, n_classes } => (0..*n_classes).all(|class| {
            let n = of_row.iter().filter(|other| **other == class).count();
            n >= MIN_CLASS_IN_STRATUM
        }),
    }
}

fn prevalence(truth: &Truth) -> f64 {
    let Truth::Classes { of_row, n_classes } = truth else {
        return f64::NAN;
    };
    let class = if *n_classes == 2 {
        1
    } else {
        most_frequent_class(truth)
    };
    of_row.iter().filter(|other| **other == class).count() as f64 / of_row.len() as f64
}
