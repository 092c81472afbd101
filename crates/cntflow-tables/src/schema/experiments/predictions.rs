//! Columns of the table `predictions`.

use super::super::column::{Column, ColumnType, column, int64, number, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, TWIN};

/// One row per candidate and held-out network: from these another program can score again.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    FEATURES,
    REPRESENTATION,
    TWIN,
    MODEL,
    text(
        "set",
        "`test`: by the model fitted to all training groups. `validation`: by the model fitted without the fold of this network; of chosen models alone.",
    ),
    int64(
        "repeat",
        "Repeat of the cross-validation, from 0; null in the test set.",
    ),
    int64("fold", "Fold of the repeat, from 0; null in the test set."),
    text("checkpoint", "Name of the checkpoint."),
    text("group", "Group of the network."),
    number("label", "Value of the label, if it is a number."),
    text(
        "class",
        "Actual class, by the thresholds of the rows that the model was fitted to; null for numbers.",
    ),
    number(
        "score",
        "What the network is ranked by: larger for the second of two classes; a predicted number, of rankings the share of training networks below it; null for many classes.",
    ),
    number(
        "probability",
        "Calibrated probability of the second of two classes; in the test set alone.",
    ),
    text(
        "predicted_class",
        "Predicted class; in the test set alone, and null for numbers.",
    ),
    column(
        "class_scores",
        ColumnType::Float64List,
        None,
        "Score of each class, of more than two classes; empty otherwise.",
    ),
];
