//! Figures of an experiment, with their intervals, as texts.

use super::super::rows::{Row, Rows};
use crate::experiments::result::ExperimentResult;

/// The chosen candidate's row of all networks.
pub(super) fn chosen<'a>(
    result: &'a ExperimentResult,
    features: &str,
    twin: Option<&str>,
) -> Option<Row<'a>> {
    Rows(&result.scores).iter().find(|row| {
        row.flag("chosen")
            && row.text("stratum") == Some("all")
            && row.text("features") == Some(features)
            && row.text("twin") == twin
    })
}

/// `0.954 [0.920, 0.980]` of the networks themselves.
pub(super) fn score_text(result: &ExperimentResult, features: &str) -> Option<String> {
    interval(&chosen(result, features, None)?, result.description.figure)
}

pub(super) fn interval(row: &Row<'_>, figure: &str) -> Option<String> {
    let (low, high) = (format!("{figure}_low"), format!("{figure}_high"));
    unsigned_interval(row, [figure, &low, &high])
}

/// `0.954 [0.920, 0.980]`; `None` without a value.
pub(super) fn unsigned_interval(row: &Row<'_>, columns: [&str; 3]) -> Option<String> {
    let [value, low, high] = columns.map(|column| row.number(column));
    if value.is_nan() {
        None
    } else if low.is_nan() {
        Some(format!("{value:.3}"))
    } else {
        Some(format!("{value:.3} [{low:.3}, {high:.3}]"))
    }
}

/// `+0.010 [-0.020, +0.040]`; `None` without a value.
pub(super) fn signed_interval(row: &Row<'_>, columns: [&str; 3]) -> Option<String> {
    let [value, low, high] = columns.map(|column| row.number(column));
    if value.is_nan() {
        None
    } else if low.is_nan() {
        Some(format!("{value:+.3}"))
    } else {
        Some(format!("{value:+.3} [{low:+.3}, {high:+.3}]"))
    }
}

pub(super) fn figure_name(figure: &str) -> &'static str {
    match figure {
        "auc" => "AUC",
        "auc_pairs" => "AUC over pairs of classes",
        "r2" => "R2",
        "tau" => "tau",
        _ => "figure",
    }
}

/// What a figure means to someone who has not met it.
pub(super) fn figure_meaning(figure: &str) -> Option<&'static str> {
    match figure {
        "auc" => Some(
            "AUC: the share of pairs, one network of each class, that are ranked rightly; 0.5 is chance",
        ),
        "auc_pairs" => Some(
            "AUC over pairs of classes: the share of pairs that are ranked rightly; 0.5 is chance",
        ),
        "r2" => {
            Some("R2: the share of the variance that is predicted; 0 is what the mean predicts")
        }
        "tau" => Some("tau: Kendall's, 1 if all networks are ranked rightly; 0 is chance"),
        _ => None,
    }
}
