//! Columns of the table `folds`.

use super::super::column::{Column, int64, text};
use super::EXPERIMENT;

/// One row per network and repeat: on which side of every split it is.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    text("checkpoint", "Name of the checkpoint."),
    text(
        "group",
        "Group of the network. No group is on both sides of a split.",
    ),
    text("set", "`test` or `training`."),
    int64(
        "repeat",
        "Repeat of the cross-validation, from 0; null in the test set.",
    ),
    int64(
        "fold",
        "Fold in which the network is validated, from 0; null in the test set.",
    ),
];
