//! Rows of the outcome from held-out predictions: figures, intervals, counts, and the worst stratum.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluation::bootstrap::{Bootstrap, Estimate};
use crate::evaluation::results::{Candidate, CandidateResult};
use crate::evaluation::scores::{AUC, Confusion, Figures, Ranked, mean_confusion, mean_figures};
use crate::evaluation::strata::{ALL, Stratum};
use crate::outcome::{LEAST_STRATUM_GROUPS, OutcomeRow};
use crate::population::Population;
use crate::rule::Thresholds;

/// How many usable networks are what by the thresholds of a rule.
pub(crate) struct Classes {
    pub(crate) low: usize,
    pub(crate) high: usize,
    pub(crate) middle: usize,
}

impl Classes {
    pub(crate) fn of(thresholds: Thresholds, population: &Population) -> Self {
        let count = |class| {
            population
                .accuracies
                .iter()
                .filter(|a| thresholds.is_high(**a) == class)
                .count()
        };
        Self {
            low: count(Some(false)),
            high: count(Some(true)),
            middle: count(None),
        }
    }
}

/// Candidates that did not fail, in each stratum: `parts` and `drawn` run over candidates, then strata.
pub(crate) struct Evaluated<'a> {
    pub(crate) strata: &'a [Stratum],
    pub(crate) parts: &'a [Vec<Ranked>],
    pub(crate) drawn: &'a [Vec<Figures>],
    pub(crate) bootstrap: &'a Bootstrap,
}

impl Evaluated<'_> {
    /// The rows of all candidates, failed ones included, in the order of their names.
    pub(crate) fn rows(
        &self,
        results: &BTreeMap<Candidate, CandidateResult>,
        n_groups: usize,
    ) -> Vec<OutcomeRow> {
        let whole = vec![1.0; n_groups];
        let mut succeeded = self
            .parts
            .chunks(self.strata.len())
            .zip(self.drawn.chunks(self.strata.len()));
        let mut rows = Vec::new();
        for (&candidate, result) in results {
            if result.failure.is_some() {
                rows.push(failed_row(candidate, result));
                continue;
            }
            let Some((parts, drawn)) = succeeded.next() else {
                break;
            };
            let mut of_candidate: Vec<OutcomeRow> = self
                .strata
                .iter()
                .zip(parts.iter().zip(drawn))
                .map(|(stratum, (repeats, drawn))| {
                    let row = empty_row(candidate, result, stratum);
                    self.fill(row, repeats, drawn, &whole)
                })
                .collect();
            mark_worst(&mut of_candidate);
            rows.extend(of_candidate);
        }
        rows
    }

    fn fill(
        &self,
        row: OutcomeRow,
        repeats: &[Ranked],
        drawn: &[Figures],
        whole: &[f64],
    ) -> OutcomeRow {
        let values = mean_figures(repeats, whole);
        let estimate = |figure: usize| {
            self.bootstrap
                .estimate(values[figure], drawn.iter().map(|figures| figures[figure]))
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
            confusion: mean_confusion(repeats, whole),
            accuracy: estimate(0),
            balanced_accuracy: estimate(1),
            matthews: estimate(2),
            auc: estimate(AUC),
            ..row
        }
    }
}

/// A row without figures.
fn empty_row(candidate: Candidate, result: &CandidateResult, stratum: &Stratum) -> OutcomeRow {
    OutcomeRow {
        stratum: stratum.name.clone(),
        failure: None,
        ..failed_row(candidate, result)
    }
}

/// The one row of a candidate of which a fit failed.
fn failed_row((features, classifier): Candidate, result: &CandidateResult) -> OutcomeRow {
    let nothing = Estimate {
        value: f64::NAN,
        low: f64::NAN,
        high: f64::NAN,
    };
    OutcomeRow {
        features,
        classifier,
        stratum: ALL.to_owned(),
        failure: result.failure.clone(),
        note: result.note.clone(),
        n_features: result.features,
        n_networks: 0,
        n_groups: 0,
        confusion: Confusion::default(),
        accuracy: nothing,
        balanced_accuracy: nothing,
        matthews: nothing,
        auc: nothing,
        is_worst_stratum: false,
    }
}

/// Marks the stratum of the lowest AUC among those with enough groups.
fn mark_worst(rows: &mut [OutcomeRow]) {
    let counts = |row: &&mut OutcomeRow| {
        row.stratum != ALL && row.n_groups >= LEAST_STRATUM_GROUPS && row.auc.value.is_finite()
    };
    let worst = rows
        .iter_mut()
        .filter(counts)
        .min_by(|a, b| a.auc.value.total_cmp(&b.auc.value));
    if let Some(row) = worst {
        row.is_worst_stratum = true;
    }
}
