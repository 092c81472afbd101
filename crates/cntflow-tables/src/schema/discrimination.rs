//! Columns of the table `discrimination`.

use super::column::{Column, ColumnType, column, count, flag, number, quantity, text};

/// One row per rule, feature set, classifier and stratum.
pub const COLUMNS: &[Column] = &[
    text("experiment", "Name of the experiment."),
    text("target", "What is predicted: `performance`."),
    text(
        "rule",
        "Rule that divides networks into low and high, such as `median` or `quantiles 0.25 0.75`.",
    ),
    text("label", "Label column that the rule looks at."),
    text(
        "better",
        "Whether `higher` or `lower` values of the label are better.",
    ),
    number(
        "threshold_low",
        "Best label of a low network, by the rule on all usable networks.",
    ),
    number(
        "threshold_high",
        "Worst label of a high network, by the rule on all usable networks.",
    ),
    text(
        "features",
        "Feature set, such as `cnt`, `link_weights` or `hyperparameters`.",
    ),
    text(
        "classifier",
        "Classifier, such as `random_forest`; `majority` for the set of that name.",
    ),
    text(
        "stratum",
        "`all`, or `<column>=<value>` for the networks with that label.",
    ),
    text("status", "`ok` or `failed`."),
    text("reason", "Why the row has no figures; null otherwise."),
    text(
        "note",
        "Remark on the fits, such as training rows left out by a cap; null without one.",
    ),
    count(
        "n_features",
        "features",
        "Columns that the fits used, the most over folds.",
    ),
    count(
        "n_networks",
        "networks",
        "Networks of the stratum that were predicted in at least one repeat.",
    ),
    count("n_groups", "groups", "Groups of these networks."),
    quantity(
        "prevalence",
        "share",
        "Share of high networks among the predictions.",
    ),
    quantity(
        "accuracy",
        "share",
        "Share of correct predictions, mean over repeats.",
    ),
    quantity(
        "accuracy_low",
        "share",
        "Lower end of the bootstrap interval of `accuracy`.",
    ),
    quantity(
        "accuracy_high",
        "share",
        "Upper end of the bootstrap interval of `accuracy`.",
    ),
    quantity(
        "balanced_accuracy",
        "share",
        "Mean of both classes' shares of correct predictions, mean over repeats.",
    ),
    quantity(
        "balanced_accuracy_low",
        "share",
        "Lower end of the bootstrap interval of `balanced_accuracy`.",
    ),
    quantity(
        "balanced_accuracy_high",
        "share",
        "Upper end of the bootstrap interval of `balanced_accuracy`.",
    ),
    number(
        "mcc",
        "Matthews correlation coefficient, mean over repeats.",
    ),
    number("mcc_low", "Lower end of the bootstrap interval of `mcc`."),
    number("mcc_high", "Upper end of the bootstrap interval of `mcc`."),
    number("auc", "Area under the ROC curve, mean over repeats."),
    number("auc_low", "Lower end of the bootstrap interval of `auc`."),
    number("auc_high", "Upper end of the bootstrap interval of `auc`."),
    quantity(
        "true_high",
        "predictions",
        "High networks predicted high, mean over repeats.",
    ),
    quantity(
        "false_high",
        "predictions",
        "Low networks predicted high, mean over repeats.",
    ),
    quantity(
        "true_low",
        "predictions",
        "Low networks predicted low, mean over repeats.",
    ),
    quantity(
        "false_low",
        "predictions",
        "High networks predicted low, mean over repeats.",
    ),
    flag(
        "worst_stratum",
        "Whether the row has the lowest AUC among the larger strata of its features and classifier.",
    ),
    number(
        "permutation_p",
        "p-value of the permutation test; null in rows that were not tested.",
    ),
    count(
        "permutations",
        "permutations",
        "Permutations of the test; null in rows that were not tested.",
    ),
    count("folds", "folds", "Folds of each repeat."),
    count("repeats", "repeats", "Repeats of the folds."),
    column(
        "seed",
        ColumnType::UInt64,
        None,
        "Seed of splits, forests, bootstrap and permutations.",
    ),
    count(
        "draws",
        "draws",
        "Bootstrap draws over groups; 0 for no intervals.",
    ),
    quantity(
        "confidence",
        "share",
        "Share of the draws inside an interval.",
    ),
    count("networks_in", "networks", "Networks of the whole table."),
    count("groups_in", "groups", "Groups of the whole table."),
    count(
        "networks_usable",
        "networks",
        "Networks that could be used, before the rule leaves out its middle.",
    ),
    count("groups_usable", "groups", "Groups of the usable networks."),
    count(
        "left_failed",
        "networks",
        "Networks left out because measuring them failed.",
    ),
    count(
        "left_skipped",
        "networks",
        "Networks left out because they were skipped.",
    ),
    count(
        "left_without_group",
        "networks",
        "Networks left out because they have no group.",
    ),
    count(
        "left_earlier",
        "networks",
        "Networks left out because a later checkpoint of their run is used.",
    ),
    count(
        "left_without_accuracy",
        "networks",
        "Networks left out because their label is null, NaN or infinite.",
    ),
    count(
        "left_middle",
        "networks",
        "Networks left out because they are between the rule's thresholds.",
    ),
];
