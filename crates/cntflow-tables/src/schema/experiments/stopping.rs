//! Columns of the table `stopping`.

use super::super::column::{Column, count, number, quantity};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION};

/// One row per feature set and threshold: a rule that stops runs early.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    FEATURES,
    REPRESENTATION,
    MODEL,
    number(
        "threshold",
        "Runs are stopped whose calibrated probability of being low in the end is above this.",
    ),
    count(
        "n_runs",
        "runs",
        "Runs of the test set that are low or high in the end.",
    ),
    count("n_stopped", "runs", "Runs that are stopped."),
    quantity(
        "epochs_saved",
        "share",
        "Epochs left to the stopped runs, as a share of the epochs of all runs; null without the label `epochs`.",
    ),
    quantity(
        "epochs_saved_low",
        "share",
        "Lower end of the interval: a bootstrap over groups.",
    ),
    quantity("epochs_saved_high", "share", "Upper end of the interval."),
    quantity(
        "high_lost",
        "share",
        "Share of the runs that are high in the end and are stopped.",
    ),
    quantity(
        "high_lost_low",
        "share",
        "Lower end of the interval: a bootstrap over groups.",
    ),
    quantity("high_lost_high", "share", "Upper end of the interval."),
];
