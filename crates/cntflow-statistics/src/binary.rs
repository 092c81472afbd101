//! Figures of two-class predictions: AUC, the ROC curve, and what follows from a confusion matrix.

use serde::Serialize;

use crate::error::{Result, check_lengths, check_not_nan};
use crate::rank::{ascending, midranks};

/// AUC, the area under the ROC curve, in [0, 1]: the probability that a positive row scores above
/// a negative one. A pair of equal scores counts as one half.
///
/// `(sum of the positive rows' midranks - m (m + 1) / 2) / (m n)` with m positive and n negative
/// rows (Mann and Whitney 1947), in O(N log N). NaN if a class has no row.
///
/// # Errors
/// If the lists differ in length or a score is NaN.
pub fn auc(scores: &[f64], is_positive: &[bool]) -> Result<f64> {
    check_scores(scores, is_positive)?;
    let n_positive = is_positive.iter().filter(|&&positive| positive).count() as f64;
    let n_negative = scores.len() as f64 - n_positive;
    let rank_sum: f64 = midranks(scores)
        .iter()
        .zip(is_positive)
        .filter_map(|(rank, positive)| positive.then_some(rank))
        .sum();
    let wins = rank_sum - n_positive * (n_positive + 1.0) / 2.0;
    Ok(wins / (n_positive * n_negative))
}

/// Checks the inputs of every figure of scores and classes.
pub(crate) fn check_scores(scores: &[f64], is_positive: &[bool]) -> Result<()> {
    check_lengths(("scores", scores.len()), ("is_positive", is_positive.len()))?;
    check_not_nan("scores", scores)
}

/// A point of the ROC curve: the rates when rows that score at least the threshold are predicted
/// to be positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RocPoint {
    /// The threshold, in the unit of the scores; infinite at the first point.
    pub threshold: f64,
    /// Share of negative rows predicted to be positive, in [0, 1].
    pub false_positive_rate: f64,
    /// Share of positive rows predicted to be positive, in [0, 1].
    pub true_positive_rate: f64,
}

/// The ROC curve from (0, 0) to (1, 1): one point per distinct score. The rate of a class
/// without rows is NaN.
///
/// # Errors
/// If the lists differ in length or a score is NaN.
pub fn roc_curve(scores: &[f64], is_positive: &[bool]) -> Result<Vec<RocPoint>> {
    check_scores(scores, is_positive)?;
    let n_positive = is_positive.iter().filter(|&&positive| positive).count();
    let n_negative = scores.len() - n_positive;
    let point = |threshold: f64, false_positives: usize, true_positives: usize| RocPoint {
        threshold,
        false_positive_rate: false_positives as f64 / n_negative as f64,
        true_positive_rate: true_positives as f64 / n_positive as f64,
    };
    let mut descending = ascending(scores);
    descending.reverse();
    let mut points = vec![point(f64::INFINITY, 0, 0)];
    let (mut false_positives, mut true_positives) = (0, 0);
    for tied in descending.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let n_positive_tied = tied.iter().filter(|&&row| is_positive[row]).count();
        true_positives += n_positive_tied;
        false_positives += tied.len() - n_positive_tied;
        points.push(point(scores[tied[0]], false_positives, true_positives));
    }
    Ok(points)
}

/// Counts of rows by actual and predicted class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Positive rows predicted to be positive.
    pub true_positives: u64,
    /// Negative rows predicted to be positive.
    pub false_positives: u64,
    /// Negative rows predicted to be negative.
    pub true_negatives: u64,
    /// Positive rows predicted to be negative.
    pub false_negatives: u64,
}

impl Confusion {
    /// Counts predictions.
    ///
    /// # Errors
    /// If the lists differ in length.
    pub fn new(predicted_positive: &[bool], is_positive: &[bool]) -> Result<Self> {
        check_lengths(
            ("predicted_positive", predicted_positive.len()),
            ("is_positive", is_positive.len()),
        )?;
        let mut counts = Self::default();
        for (&predicted, &positive) in predicted_positive.iter().zip(is_positive) {
            let count = match (positive, predicted) {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (true, false) => &mut counts.false_negatives,
            };
            *count += 1;
        }
        Ok(counts)
    }

    /// Number of positive rows.
    pub fn positives(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Number of negative rows.
    pub fn negatives(&self) -> u64 {
        self.true_negatives + self.false_positives
    }

    /// Number of rows.
    pub fn total(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// Share of positive rows, in [0, 1]; NaN without rows.
    pub fn prevalence(&self) -> f64 {
        self.positives() as f64 / self.total() as f64
    }

    /// Share of right predictions, in [0, 1]; NaN without rows.
    pub fn accuracy(&self) -> f64 {
        (self.true_positives + self.true_negatives) as f64 / self.total() as f64
    }

    /// Share of right predictions in each class, averaged over the two classes, in [0, 1]; NaN if
    /// a class has no row.
    pub fn balanced_accuracy(&self) -> f64 {
        let sensitivity = self.true_positives as f64 / self.positives() as f64;
        let specificity = self.true_negatives as f64 / self.negatives() as f64;
        (sensitivity + specificity) / 2.0
    }

    /// Matthews' correlation coefficient, in [-1, 1]: `(TP TN - FP FN) /
    /// sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))` (Matthews 1975). 0 if only one class is predicted, NaN
    /// if a class has no row.
    ///
    /// ```
    /// use cntflow_statistics::binary::Confusion;
    ///
    /// let (true_positives, false_positives, true_negatives, false_negatives) = (6, 1, 3, 2);
    /// let confusion =
    ///     Confusion { true_positives, false_positives, true_negatives, false_negatives };
    /// assert!((confusion.matthews() - 16.0 / 1120_f64.sqrt()).abs() < 1e-12);
    /// ```
    pub fn matthews(&self) -> f64 {
        let (positives, negatives) = (self.positives() as f64, self.negatives() as f64);
        if positives == 0.0 || negatives == 0.0 {
            return f64::NAN;
        }
        let predicted_positive = (self.true_positives + self.false_positives) as f64;
        let predicted_negative = (self.true_negatives + self.false_negatives) as f64;
        if predicted_positive == 0.0 || predicted_negative == 0.0 {
            return 0.0;
        }
        let agreement = self.true_positives as f64 * self.true_negatives as f64
            - self.false_positives as f64 * self.false_negatives as f64;
        // Two roots, so that four large counts do not overflow.
        agreement
            / ((predicted_positive * predicted_negative).sqrt() * (positives * negatives).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 7] = [0.9, 0.8, 0.5, 0.3, 0.7, 0.5, 0.2];
    const IS_POSITIVE: [bool; 7] = [true, true, true, true, false, false, false];

    #[test]
    fn figures_equal_those_worked_out_by_hand() {
        // Pairs in order: 3 + 3 + (1 + .5) + 1 = 8.5 of 12.
        assert_eq!(auc(&SCORES, &IS_POSITIVE), Ok(8.5 / 12.0));
        let predicted = SCORES.map(|score| score >= 0.5);
        let confusion = Confusion::new(&predicted, &IS_POSITIVE).unwrap();
        assert_eq!(confusion.accuracy(), 4.0 / 7.0);
        assert_eq!(confusion.balanced_accuracy(), (3.0 / 4.0 + 1.0 / 3.0) / 2.0);
        let expected = (3.0 - 2.0) / (5.0 * 4.0 * 3.0 * 2.0_f64).sqrt();
        assert!((confusion.matthews() - expected).abs() < 1e-15);
    }

    #[test]
    fn the_area_below_the_roc_curve_is_the_auc() {
        let points = roc_curve(&SCORES, &IS_POSITIVE).unwrap();
        let area: f64 = points
            .windows(2)
            .map(|ends| {
                let width = ends[1].false_positive_rate - ends[0].false_positive_rate;
                width * (ends[0].true_positive_rate + ends[1].true_positive_rate) / 2.0
            })
            .sum();
        assert!((area - 8.5 / 12.0).abs() < 1e-15);
        // One point per distinct score, and the first.
        assert_eq!(points.len(), 7);
        let last = points[points.len() - 1];
        assert_eq!(
            (last.false_positive_rate, last.true_positive_rate),
            (1.0, 1.0)
        );
    }

    #[test]
    fn constant_scores_are_chance_and_a_missing_class_has_no_figures_but_accuracy() {
        assert_eq!(auc(&[0.0; 3], &[true, false, false]), Ok(0.5));
        let one_prediction = Confusion::new(&[true; 3], &[true, false, false]).unwrap();
        assert_eq!(one_prediction.matthews(), 0.0);
        assert!(auc(&[0.1, 0.9], &[true, true]).unwrap().is_nan());
        let one_class = Confusion::new(&[true, false], &[true, true]).unwrap();
        assert_eq!(one_class.accuracy(), 0.5);
        assert!(one_class.balanced_accuracy().is_nan());
        assert!(one_class.matthews().is_nan());
    }

    #[test]
    fn a_score_that_is_no_number_is_refused() {
        let message = auc(&[0.1, f64::NAN], &[true, false])
            .unwrap_err()
            .to_string();
        assert_eq!(message, "`scores` has NaN at index 1, it must be a number");
        assert!(auc(&[0.1], &[true, false]).is_err());
    }
}
