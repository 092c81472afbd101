//! Columns of the table `scores`.

use super::super::column::{Column, ColumnType, column, count, flag, number, quantity, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, SETTING, TWIN};

/// Doc of the lower ends of intervals.
const LOW: &str = "Lower end of the interval; null without one.";
/// Doc of the upper ends of intervals.
const HIGH: &str = "Upper end of the interval; null without one.";

/// One row per candidate and stratum: figures on the test set.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    text(
        "target",
        "What is predicted: `low_high`, `classes`, `regression` or `ranking`.",
    ),
    text("label", "Label column that the target is made of."),
    FEATURES,
    REPRESENTATION,
    TWIN,
    MODEL,
    SETTING,
    flag(
        "chosen",
        "Whether the cross-validation chose this model for the features. Comparisons use the chosen models.",
    ),
    text(
        "stratum",
        "`all`, or `<column>=<value>` for the networks with that label.",
    ),
    text("status", "`ok` or `failed`."),
    text("reason", "Why the row has no figures; null otherwise."),
    text(
        "note",
        "Remark on the fit, such as rows left out by a cap; null without one.",
    ),
    count("n_features", "columns", "Columns that the model reads."),
    count(
        "n_networks",
        "networks",
        "Networks of the test set and stratum that were predicted.",
    ),
    count("n_groups", "groups", "Groups of these networks."),
    quantity(
        "prevalence",
        "share",
        "Share of the high networks; of many classes, of the most frequent one; null for numbers.",
    ),
    number(
        "validation_figure",
        "Mean of the primary figure over the folds of the cross-validation: what the choice was made by. It flatters the chosen.",
    ),
    number(
        "auc",
        "Area under the ROC curve, of two classes. Its interval has the variance of test and training rows.",
    ),
    number("auc_low", LOW),
    number("auc_high", HIGH),
    number(
        "auc_pairs",
        "Mean AUC over pairs of classes (Hand and Till), of more than two classes.",
    ),
    number("auc_pairs_low", LOW),
    number("auc_pairs_high", HIGH),
    quantity(
        "accuracy",
        "share",
        "Share of right predictions. Like the other figures below, its interval is a bootstrap over groups for the model as it was fitted.",
    ),
    quantity("accuracy_low", "share", LOW),
    quantity("accuracy_high", "share", HIGH),
    quantity(
        "balanced_accuracy",
        "share",
        "Share of right predictions in each class, averaged over classes.",
    ),
    quantity("balanced_accuracy_low", "share", LOW),
    quantity("balanced_accuracy_high", "share", HIGH),
    number("mcc", "Matthews' correlation coefficient."),
    number("mcc_low", LOW),
    number("mcc_high", HIGH),
    number(
        "r2",
        "Coefficient of determination of the predicted numbers; of rankings on the scale of shares, see `mae`.",
    ),
    number("r2_low", LOW),
    number("r2_high", HIGH),
    number(
        "mae",
        "Mean absolute error, in the unit of the predicted number: the label's, or the share of training networks below it for rankings.",
    ),
    number("mae_low", LOW),
    number("mae_high", HIGH),
    number("tau", "Kendall's tau-b."),
    number("tau_low", LOW),
    number("tau_high", HIGH),
    number(
        "brier",
        "Brier score of the calibrated probabilities, of two classes.",
    ),
    number(
        "log_loss",
        "Log loss in nats of the calibrated probabilities, of two classes.",
    ),
    number(
        "calibration_error",
        "Expected calibration error over 10 bins of equal frequency, of two classes.",
    ),
    column(
        "confusion",
        ColumnType::Int64List,
        None,
        "Networks by actual and predicted class, row by row of the actual class; empty for numbers.",
    ),
    flag(
        "worst_stratum",
        "Whether the primary figure is the lowest of this candidate among the strata.",
    ),
];
