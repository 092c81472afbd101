//! Differences of two candidates' primary figures on the test set. Their interval has the larger of
//! two variances: that of the test rows, which were drawn, and that of the fit, from models of
//! other training rows (`cntflow_statistics::jackknife` says why it is not the sum).

use cntflow_statistics::bootstrap::{Bootstrap, BootstrapKind};
use cntflow_statistics::delong::{auc_difference, auc_interval};
use cntflow_statistics::jackknife::{Jackknife, widen_comparison, widen_estimate};
use cntflow_statistics::{Comparison, Confidence, Estimate};

use super::experiment::Experiment;
use super::figure::{FigureOfSelections, Truth, figure_of_selections};
use super::judged::Judged;

/// Smallest number of groups that figures are bootstrapped over.
const MIN_BOOTSTRAP_GROUPS: usize = 10;

impl Experiment {
    /// The primary figure of a candidate with its interval, on those of its test rows that `keep`
    /// selects. `None` where it is not defined.
    pub(crate) fn figure_interval(
        &self,
        judged: &Judged,
        keep: &dyn Fn(usize) -> bool,
    ) -> Option<Estimate> {
        let kept: Vec<usize> = (0..judged.rows.len())
            .filter(|&index| keep(judged.rows[index]))
            .collect();
        let groups = self.groups_at(judged, &kept);
        let estimate = match &judged.truth {
            Truth::Classes {
                of_row,
                n_classes: 2,
            } if has_one_row_per_group(&groups) => {
                let scores: Vec<f64> = kept.iter().map(|&i| judged.predictions[i]).collect();
                let is_second: Vec<bool> = kept.iter().map(|&i| of_row[i] == 1).collect();
                auc_interval(&scores, &is_second, self.confidence()).ok()?
            }
            _ => {
                let figure = self.figure_of_selections(judged, &kept);
                self.bootstrap().interval(&groups, figure)?
            }
        };
        if estimate.value.is_nan() {
            return None;
        }
        let fit = Jackknife::new(&judged.fold_figures);
        let widened = widen_estimate(estimate, &fit, self.confidence());
        // No figure is beyond its range.
        let (least, largest) = match self.primary_name() {
            "auc" | "auc_pairs" => (0.0, 1.0),
            "tau" => (-1.0, 1.0),
            _ => (f64::NEG_INFINITY, 1.0),
        };
        Some(Estimate {
            low: widened.low.clamp(least, largest),
            high: widened.high.clamp(least, largest),
            ..widened
        })
    }

    /// The difference of two candidates' primary figures, a less b, on the test rows that both
    /// predict. `None` where it is not defined.
    pub(crate) fn compare(&self, a: &Judged, b: &Judged) -> Option<Comparison> {
        let pairs = common_rows(&a.rows, &b.rows);
        let in_a: Vec<usize> = pairs.iter().map(|pair| pair.0).collect();
        let in_b: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
        let groups = self.groups_at(a, &in_a);
        let comparison = match &a.truth {
            Truth::Classes {
                of_row,
                n_classes: 2,
            } if has_one_row_per_group(&groups) => {
                let scores = |judged: &Judged, indices: &[usize]| -> Vec<f64> {
                    indices.iter().map(|&i| judged.predictions[i]).collect()
                };
                let is_second: Vec<bool> = in_a.iter().map(|&i| of_row[i] == 1).collect();
                let (scores_a, scores_b) = (scores(a, &in_a), scores(b, &in_b));
                auc_difference(&scores_a, &scores_b, &is_second, self.confidence()).ok()?
            }
            _ => {
                let (figure_a, figure_b) = (
                    self.figure_of_selections(a, &in_a),
                    self.figure_of_selections(b, &in_b),
                );
                self.bootstrap().difference(&groups, figure_a, figure_b)?
            }
        };
        let fold_differences: Vec<Vec<f64>> = a
            .fold_figures
            .iter()
            .zip(&b.fold_figures)
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect())
            .collect();
        let fit = Jackknife::new(&fold_differences);
        let widened = widen_comparison(comparison, &fit, self.confidence());
        // No difference is larger than the range of the figure.
        let range = match self.primary_name() {
            "auc" | "auc_pairs" => 1.0,
            "tau" => 2.0,
            _ => f64::INFINITY,
        };
        Some(Comparison {
            low: widened.low.clamp(-range, range),
            high: widened.high.clamp(-range, range),
            ..widened
        })
    }

    /// The primary figure of selections of `indices`, a candidate's test rows. A selection has
    /// positions in `indices`.
    pub(crate) fn figure_of_selections(
        &self,
        judged: &Judged,
        indices: &[usize],
    ) -> FigureOfSelections {
        let (predictions, truth) = judged.at(indices);
        figure_of_selections(&self.spec.target, predictions, truth)
    }

    pub(crate) fn groups_at(&self, judged: &Judged, indices: &[usize]) -> Vec<usize> {
        indices
            .iter()
            .map(|&index| self.population.groups[judged.rows[index]] as usize)
            .collect()
    }

    /// The confidence of intervals. It was checked with the spec.
    pub(crate) fn confidence(&self) -> Confidence {
        Confidence::new(self.spec.protocol.confidence).unwrap_or(Confidence::NINETY_FIVE)
    }

    pub(crate) fn bootstrap(&self) -> Bootstrap {
        Bootstrap {
            draws: self.spec.protocol.draws,
            confidence: self.confidence(),
            seed: self.spec.protocol.seed,
            kind: BootstrapKind::Percentile,
            min_groups: MIN_BOOTSTRAP_GROUPS,
        }
    }
}

impl Judged {
    /// Predictions and truth of some rows, which may be repeated.
    pub(crate) fn at(&self, indices: &[usize]) -> (Vec<f64>, Truth) {
        match &self.truth {
            Truth::Classes { of_row, n_classes } => {
                let width = if *n_classes == 2 {
                    1
                } else {
                    *n_classes as usize
                };
                let predictions = indices
                    .iter()
                    .flat_map(|&i| &self.predictions[i * width..(i + 1) * width])
                    .copied()
                    .collect();
                let truth = Truth::Classes {
                    of_row: indices.iter().map(|&i| of_row[i]).collect(),
                    n_classes: *n_classes,
                };
                (predictions, truth)
            }
            Truth::Values(values) => {
                let pick = |list: &[f64]| indices.iter().map(|&i| list[i]).collect();
                (pick(&self.predictions), Truth::Values(pick(values)))
            }
        }
    }
}

fn has_one_row_per_group(groups: &[usize]) -> bool {
    let mut sorted = groups.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

/// Positions of the rows that both sorted lists have.
fn common_rows(a: &[usize], b: &[usize]) -> Vec<(usize, usize)> {
    let found = |(index, row): (usize, &usize)| Some((index, b.binary_search(row).ok()?));
    a.iter().enumerate().filter_map(found).collect()
}
