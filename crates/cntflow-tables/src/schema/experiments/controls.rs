//! Columns of the table `controls`.

use super::super::column::{Column, count, number, text};
use super::{EXPERIMENT, FEATURES, REPRESENTATION};

/// One row per control and feature choice.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    text(
        "control",
        "A twin such as `shuffle`; `permutation`, `noise_ceiling`, `granulated_tau` or `conditional_information`.",
    ),
    FEATURES,
    REPRESENTATION,
    text(
        "figure",
        "The figure: `auc`, `auc_pairs`, `r2`, `tau` or `information`.",
    ),
    number("real", "Figure of the networks themselves on the test set."),
    number(
        "control_value",
        "Figure of the twin; mean over permutations; noise ceiling. Null where the control is a figure by itself.",
    ),
    number("gain", "`real - control_value`. Of a twin: the graph gain."),
    number(
        "low",
        "Lower end of the interval of the gain; of a noise ceiling, of the ceiling.",
    ),
    number("high", "Upper end of that interval."),
    number(
        "p",
        "Two-sided p-value of a gain of 0; of permutations one-sided, within strata.",
    ),
    count(
        "n",
        "",
        "Networks of a twin's test set, permutations, pairs or test images.",
    ),
];
