//! The primary figure of a target, and the truth that predictions are held against.

use cntflow_statistics::binary::auc;
use cntflow_statistics::multiclass::hand_till_auc;
use cntflow_statistics::rank_correlation::kendall_tau;
use cntflow_statistics::regression::r_squared;

use crate::spec::Target;
use crate::target::{LearnedTarget, RawTarget};

/// What is true of some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Truth {
    /// The class of each row.
    Classes {
        /// Index of each row's class.
        of_row: Vec<u32>,
        /// Number of classes.
        n_classes: u32,
    },
    /// The label of each row, on the scale of the models.
    Values(Vec<f64>),
}

/// Those of `rows` that take part under the learned target, and what is true of them. A row between
/// low and high, or of a class without training rows, does not take part.
pub(crate) fn truth(
    learned: &LearnedTarget,
    raw: &RawTarget,
    rows: &[usize],
) -> (Vec<usize>, Truth) {
    let n_classes = learned.class_names().len() as u32;
    if n_classes == 0 {
        let values = rows.iter().map(|&row| learned.value(raw, row)).collect();
        return (rows.to_vec(), Truth::Values(values));
    }
    let (rows, of_row) = rows
        .iter()
        .filter_map(|&row| Some((row, learned.class(raw, row)?)))
        .unzip();
    (rows, Truth::Classes { of_row, n_classes })
}

/// Name of the figure that models are chosen by and comparisons are made with.
pub(crate) fn primary_name(target: &Target, n_classes: usize) -> &'static str {
    match target {
        Target::LowHigh { .. } => "auc",
        Target::Classes { .. } if n_classes == 2 => "auc",
        Target::Classes { .. } => "auc_pairs",
        Target::Regression { .. } => "r2",
        Target::Ranking { .. } => "tau",
    }
}

/// The primary figure of predictions: AUC of two classes, Hand and Till's mean AUC over pairs of
/// more classes, R2 of a regression, Kendall's tau of a ranking. NaN where it is not defined.
pub(crate) fn primary_figure(target: &Target, predictions: &[f64], truth: &Truth) -> f64 {
    let figure = match truth {
        Truth::Classes { of_row, n_classes } if *n_classes == 2 => {
            let is_second: Vec<bool> = of_row.iter().map(|class| *class == 1).collect();
            auc(predictions, &is_second)
        }
        Truth::Classes { of_row, n_classes } => {
            let scores = by_class(predictions, *n_classes as usize);
            let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
            let actual: Vec<usize> = of_row.iter().map(|class| *class as usize).collect();
            hand_till_auc(&scores, &actual)
        }
        Truth::Values(actual) => match target {
            Target::Ranking { .. } => kendall_tau(predictions, actual),
            _ => r_squared(predictions, actual),
        },
    };
    figure.unwrap_or(f64::NAN)
}

/// Scores `[rows, classes]` as one list per class.
pub(crate) fn by_class(predictions: &[f64], n_classes: usize) -> Vec<Vec<f64>> {
    (0..n_classes)
        .map(|class| {
            predictions
                .iter()
                .skip(class)
                .step_by(n_classes)
                .copied()
                .collect()
        })
        .collect()
}
