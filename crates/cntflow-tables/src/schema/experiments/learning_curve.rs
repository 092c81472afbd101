//! Columns of the table `learning_curve`.

use super::super::column::{Column, count, number, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, TWIN};

/// One row per feature choice and number of training groups.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    FEATURES,
    REPRESENTATION,
    TWIN,
    MODEL,
    count(
        "n_groups",
        "groups",
        "Training groups with a network that takes part, which the model was fitted to. The last row of a curve has all of them.",
    ),
    text("figure", "Name of the primary figure."),
    number(
        "value",
        "The figure on the test set, as a mean over draws of the groups; null if a figure is missing.",
    ),
    number(
        "lowest",
        "The lowest figure of a draw. It is no end of an interval.",
    ),
    number("highest", "The highest figure of a draw."),
    count(
        "n_draws",
        "draws",
        "Draws of that many groups; one of all groups.",
    ),
    text("reason", "Why a figure is missing; null otherwise."),
];
