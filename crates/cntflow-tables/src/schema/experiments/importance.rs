//! Columns of the table `importance`.

use super::super::column::{Column, flag, number, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, TWIN};

/// One row per candidate and feature column.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    FEATURES,
    REPRESENTATION,
    TWIN,
    MODEL,
    flag(
        "chosen",
        "Whether the cross-validation chose this model for the features.",
    ),
    text(
        "column",
        "Name of the feature: a column of the table `features`.",
    ),
    number(
        "importance",
        "Decrease of impurity by the column's splits, or the size of its coefficient on standardised features; 0 for a column that the model does not read, null where the model has none.",
    ),
];
