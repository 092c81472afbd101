//! Makes rows of the outcome from held-out predictions: figures, intervals, counts,
//! and the worst stratum.

use std::collections::BTreeSet;

use crate::evaluation::bootstrap::{Bootstrap, Estimate};
use crate::evaluation::candidates::{Candidate, CandidateResult};
use crate::evaluation::cross_validation::CandidateResults;
use crate::evaluation::figures::{
    ACCURACY, AUC, BALANCED_ACCURACY, Confusion, Figures, MATTHEWS, RankedPredictions,
    mean_confusion, mean_figures,
};
use crate::evaluation::strata::{Stratum, WHOLE_POPULATION};
use crate::outcome::{MIN_STRATUM_GROUPS, OutcomeRow};
use crate::population::Population;
use crate::rule::Thresholds;

/// How many usable networks are low, high and in the middle by the thresholds of a rule.
pub(crate) struct ClassCounts {
    pub(crate) low: usize,
    pub(crate) high: usize,
    pub(crate) middle: usize,
}

impl ClassCounts {
    pub(crate) fn of(thresholds: Thresholds, population: &Population) -> Self {
        let count = |class| {
            population
                .accuracies
                .iter()
                .filter(|accuracy| thresholds.is_high(**accuracy) == class)
                .count()
        };
        Self {
            low: count(Some(false)),
            high: count(Some(true)),
            middle: count(None),
        }
    }
}

/// The predictions of all candidates that did not fail, divided into strata.
///
/// A sample is one candidate's predictions in one stratum, as a list of repeats. Samples are in the
/// order of the candidates, and of the strata within a candidate.
pub(crate) struct StratifiedResults<'a> {
    pub(crate) strata: &'a [Stratum],
    pub(crate) samples: &'a [Vec<RankedPredictions>],
    /// For each sample, its figures in every bootstrap draw.
    pub(crate) drawn_figures: &'a [Vec<Figures>],
    pub(crate) bootstrap: &'a Bootstrap,
}

impl StratifiedResults<'_> {
    /// The rows of all candidates, including those that failed, in the order of their names.
    pub(crate) fn rows(
        &self,
        results: &CandidateResults,
        weight_of_group: &[f64],
    ) -> Vec<OutcomeRow> {
        let mut succeeded = self
            .samples
            .chunks(self.strata.len())
            .zip(self.drawn_figures.chunks(self.strata.len()));
        let mut rows = Vec::new();
        for (&candidate, result) in results {
            if result.failure.is_some() {
                rows.push(row_without_figures(candidate, result, WHOLE_POPULATION));
                continue;
            }
            // Samples come from the same results in the same order, so this
            // candidate's are the next.
            let Some((samples, drawn_figures)) = succeeded.next() else {
                break;
            };
            let mut of_candidate: Vec<OutcomeRow> = self
                .strata
                .iter()
                .zip(samples.iter().zip(drawn_figures))
                .map(|(stratum, (repeats, drawn_figures))| {
                    let row = row_without_figures(candidate, result, &stratum.name);
                    self.with_figures(row, repeats, drawn_figures, weight_of_group)
                })
                .collect();
            mark_worst_stratum(&mut of_candidate);
            rows.extend(of_candidate);
        }
        rows
    }

    fn with_figures(
        &self,
        row: OutcomeRow,
        repeats: &[RankedPredictions],
        drawn_figures: &[Figures],
        weight_of_group: &[f64],
    ) -> OutcomeRow {
        let values = mean_figures(repeats, weight_of_group);
        let estimate = |figure: usize| {
            let drawn = drawn_figures.iter().map(|figures| figures[figure]);
            self.bootstrap.estimate(values[figure], drawn)
        };
        let predictions = || repeats.iter().flat_map(|ranked| ranked.predictions());
        OutcomeRow {
            n_networks: predictions()
                .map(|prediction| prediction.row)
                .collect::<BTreeSet<_>>()
                .len(),
            n_groups: predictions()
                .map(|prediction| prediction.group)
                .collect::<BTreeSet<_>>()
                .len(),
            confusion: mean_confusion(repeats, weight_of_group),
            accuracy: estimate(ACCURACY),
            balanced_accuracy: estimate(BALANCED_ACCURACY),
            matthews: estimate(MATTHEWS),
            auc: estimate(AUC),
            ..row
        }
    }
}

/// A candidate's row in one stratum, with its failure, if any, and without figures.
fn row_without_figures(
    (features, classifier): Candidate,
    result: &CandidateResult,
    stratum: &str,
) -> OutcomeRow {
    let undefined = Estimate {
        value: f64::NAN,
        low: f64::NAN,
        high: f64::NAN,
    };
    OutcomeRow {
        features,
        classifier,
        stratum: stratum.to_owned(),
        failure: result.failure.clone(),
        note: result.note.clone(),
        n_features: result.n_features,
        n_networks: 0,
        n_groups: 0,
        confusion: Confusion::default(),
        accuracy: undefined,
        balanced_accuracy: undefined,
        matthews: undefined,
        auc: undefined,
        is_worst_stratum: false,
    }
}

/// Marks the stratum with the lowest AUC among those with enough groups.
fn mark_worst_stratum(rows: &mut [OutcomeRow]) {
    let is_large_stratum = |row: &&mut OutcomeRow| {
        row.stratum != WHOLE_POPULATION
            && row.n_groups >= MIN_STRATUM_GROUPS
            && row.auc.value.is_finite()
    };
    let worst = rows
        .iter_mut()
        .filter(is_large_stratum)
        .min_by(|a, b| a.auc.value.total_cmp(&b.auc.value));
    if let Some(row) = worst {
        row.is_worst_stratum = true;
    }
}
