//! Columns of the table `verdicts`.

use super::super::column::{Column, number, text};
use super::{EXPERIMENT, REPRESENTATION};

/// One row per comparison of two feature choices.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    text(
        "family",
        "`primary`: declared beforehand, adjusted by Holm. `exploratory`: all else, a hint and no result.",
    ),
    text(
        "a",
        "First choice: features, with `@` and the twin if they are a twin's.",
    ),
    text("b", "Second choice."),
    REPRESENTATION,
    text("figure", "The figure that is compared."),
    number(
        "difference",
        "Figure of a less figure of b on the test networks that both predict; null if one could not be judged.",
    ),
    number(
        "low",
        "Lower end of the interval of the difference, with the variance of test and training rows.",
    ),
    number("high", "Upper end of the interval."),
    number("standard_error", "Standard error of the difference."),
    text(
        "method",
        "How the variance of the interval was made: `delong_jackknife` (the larger of DeLong's and the jackknife's), `bootstrap_jackknife`, ...",
    ),
    number("p", "Two-sided p-value of a difference of 0."),
    number(
        "p_adjusted",
        "p-value adjusted by Holm within the primary family; of exploratory comparisons the same as p.",
    ),
    number(
        "equivalence_p",
        "p-value of the test that the difference is within the margin (two one-sided tests).",
    ),
    text(
        "finding",
        "`above`, `below`, `equivalent`, `undecided` or `not_judged`.",
    ),
];
