//! Columns of the table `transfer`.

use super::super::column::{Column, count, number, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION};

/// One row per population that models were fitted to, population that they are judged on, and
/// feature set.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    text(
        "trained_on",
        "What the model was chosen and fitted by: a value of the column, or the condition `train`.",
    ),
    text(
        "tested_on",
        "What it is judged on: another value, the same one (its own test set), or the condition `test`.",
    ),
    FEATURES,
    REPRESENTATION,
    MODEL,
    text("figure", "The figure: `auc`, `auc_pairs`, `r2` or `tau`."),
    number("value", "The figure; null where it is not defined."),
    number(
        "low",
        "Lower end of its interval, with the variance of test and training rows.",
    ),
    number("high", "Upper end of the interval."),
    count(
        "n_train",
        "networks",
        "Networks that the model was fitted to.",
    ),
    count("n_test", "networks", "Networks that it is judged on."),
    number(
        "difference",
        "The figure less that of `tensor_7` on the same networks; null for `tensor_7` itself.",
    ),
    number("difference_low", "Lower end of the difference's interval."),
    number("difference_high", "Upper end of the difference's interval."),
    number(
        "difference_p",
        "Two-sided p-value of a difference of 0, not adjusted.",
    ),
    number(
        "graph_gain",
        "The figure less that of the shuffled twins of the same networks, by a model that was fitted to twins; null without the control `shuffle`.",
    ),
    number("graph_gain_low", "Lower end of the graph gain's interval."),
    number("graph_gain_high", "Upper end of the graph gain's interval."),
    number(
        "graph_gain_p",
        "Two-sided p-value of a graph gain of 0, not adjusted.",
    ),
];
