//! Columns of the table `confusion`.

use super::super::column::{Column, count, flag, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, TWIN};

/// One row per candidate, stratum, actual and predicted class.
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
        "stratum",
        "`all`, or `<column>=<value>` for the networks with that label.",
    ),
    text("actual", "Class of the networks."),
    text("predicted", "Class that the model predicts."),
    count("n", "networks", "Networks of the test set."),
];
