//! Figures of predictions of several classes.

use serde::Serialize;

use crate::binary::auc;
use crate::error::{Result, check_classes, check_lengths, check_not_nan};

/// Counts of rows by actual and predicted class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// `counts[actual][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts predictions. Classes are indices below `n_classes`.
    ///
    /// # Errors
    /// If the lists differ in length or a class is not below `n_classes`.
    pub fn new(predicted: &[usize], actual: &[usize], n_classes: usize) -> Result<Self> {
        check_lengths(("predicted", predicted.len()), ("actual", actual.len()))?;
        check_classes("predicted", predicted, n_classes)?;
        check_classes("actual", actual, n_classes)?;
        let mut counts = vec![vec![0; n_classes]; n_classes];
        for (&predicted, &actual) in predicted.iter().zip(actual) {
            counts[actual][predicted] += 1;
        }
        Ok(Self { counts })
    }

    /// Number of rows.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Share of right predictions, in [0, 1]; NaN without rows.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.total() as f64
    }

    /// Share of right predictions in each class, averaged over the classes, in [0, 1]; NaN if a
    /// class has no row.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls = self.counts.iter().enumerate().map(|(class, row)| {
            let n_rows: u64 = row.iter().sum();
            row[class] as f64 / n_rows as f64
        });
        recalls.sum::<f64>() / self.counts.len() as f64
    }

    /// Matthews' correlation coefficient for several classes, in [-1, 1]: `(c s - sum(p t)) /
    /// sqrt((s^2 - sum(p^2)) (s^2 - sum(t^2)))`, with s rows, c right ones, p rows predicted and t
    /// rows in each class (Gorodkin 2004). 0 if only one class is predicted, NaN if fewer than two
    /// classes have rows.
    pub fn matthews(&self) -> f64 {
        let n_rows = self.total() as f64;
        let (mut both, mut predicted_squares, mut actual_squares) = (0.0, 0.0, 0.0);
        for (class, row) in self.counts.iter().enumerate() {
            let actual = row.iter().sum::<u64>() as f64;
            let predicted = self.counts.iter().map(|row| row[class]).sum::<u64>() as f64;
            both += predicted * actual;
            predicted_squares += predicted * predicted;
            actual_squares += actual * actual;
        }
        let actual_spread = n_rows * n_rows - actual_squares;
        let predicted_spread = n_rows * n_rows - predicted_squares;
        if actual_spread == 0.0 {
            f64::NAN
        } else if predicted_spread == 0.0 {
            0.0
        } else {
            let agreement = self.right() as f64 * n_rows - both;
            agreement / (predicted_spread.sqrt() * actual_spread.sqrt())
        }
    }

    fn right(&self) -> u64 {
        let classes = self.counts.iter().enumerate();
        classes.map(|(class, row)| row[class]).sum()
    }
}

/// The mean of one AUC per class: rows of the class against all other rows, by the score of the
/// class. In [0, 1]. It depends on the prevalence of classes. NaN if a class has no row.
///
/// `scores` has one list per class, with one score per row.
///
/// # Errors
/// If lists differ in length, a score is NaN, or a class has no list.
pub fn one_against_rest_auc(scores: &[&[f64]], actual: &[usize]) -> Result<f64> {
    check(scores, actual)?;
    let mut sum = 0.0;
    for (class, class_scores) in scores.iter().enumerate() {
        let is_class: Vec<bool> = actual.iter().map(|&row| row == class).collect();
        sum += auc(class_scores, &is_class)?;
    }
    Ok(sum / scores.len() as f64)
}

/// The mean over ordered pairs of classes (i, j) of the AUC of class i against class j, by the
/// score of class i. In [0, 1]. It does not depend on the prevalence of classes. NaN if a class has
/// no row or there is one class only. Hand and Till, Machine Learning 45 (2001) 171.
///
/// `scores` has one list per class, with one score per row.
///
/// # Errors
/// If lists differ in length, a score is NaN, or a class has no list.
pub fn hand_till_auc(scores: &[&[f64]], actual: &[usize]) -> Result<f64> {
    check(scores, actual)?;
    let mut sum = 0.0;
    for (class, class_scores) in scores.iter().enumerate() {
        for other in (0..scores.len()).filter(|&other| other != class) {
            let of_pair: (Vec<f64>, Vec<bool>) = class_scores
                .iter()
                .zip(actual)
                .filter(|&(_, &row)| row == class || row == other)
                .map(|(&score, &row)| (score, row == class))
                .unzip();
            sum += auc(&of_pair.0, &of_pair.1)?;
        }
    }
    let n_pairs = scores.len() * scores.len().saturating_sub(1);
    Ok(sum / n_pairs as f64)
}

fn check(scores: &[&[f64]], actual: &[usize]) -> Result<()> {
    check_classes("actual", actual, scores.len())?;
    for class_scores in scores {
        check_lengths(("scores", class_scores.len()), ("actual", actual.len()))?;
        check_not_nan("scores", class_scores)?;
    }
    Ok(())
}
