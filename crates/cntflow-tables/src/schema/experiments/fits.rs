//! Columns of the table `fits`.

use super::super::column::{Column, ColumnType, column, count, int64, number, text};
use super::{EXPERIMENT, FEATURES, MODEL, REPRESENTATION, TWIN};

/// One row per fit: what a stopped run goes on from.
pub const COLUMNS: &[Column] = &[
    EXPERIMENT,
    count(
        "candidate",
        "",
        "Index of the candidate, in the order of the study.",
    ),
    FEATURES,
    REPRESENTATION,
    TWIN,
    MODEL,
    text(
        "stage",
        "`fold`: fitted without one fold of the training groups. `refit`: fitted to all of them. `learning_curve`: fitted to some of them.",
    ),
    int64(
        "repeat",
        "Repeat of the cross-validation, or draw of a learning curve, from 0; null for a refit.",
    ),
    int64("fold", "Fold of the repeat, from 0; null without a fold."),
    int64(
        "n_groups",
        "Training groups of a fit of a learning curve; null otherwise.",
    ),
    int64(
        "setting_index",
        "Index of the setting among those of the model.",
    ),
    text("setting", "Hyperparameters of the model."),
    count("n_features", "columns", "Columns that the model reads."),
    number(
        "validation_figure",
        "Primary figure on the rows of the fold; null without a fold.",
    ),
    number(
        "test_figure",
        "Primary figure on the test set. In a fold it serves the jackknife alone: no choice looks at it.",
    ),
    column(
        "predictions",
        ColumnType::Float64List,
        None,
        "Predictions of the fold's rows, or of the test set, in the order of checkpoints; for many classes row by row; none of a learning curve. Of a transfer, those of the other populations follow.",
    ),
    column(
        "importance_columns",
        ColumnType::Int64List,
        None,
        "Index of each feature column that has an importance; of a refit alone.",
    ),
    column(
        "importance",
        ColumnType::Float64List,
        None,
        "Importance of these columns.",
    ),
    text("reason", "Why the fit failed; null otherwise."),
    text(
        "note",
        "What the fit did otherwise than asked; null otherwise.",
    ),
];
