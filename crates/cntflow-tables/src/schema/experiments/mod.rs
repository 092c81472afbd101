//! Columns of the tables of an experiment. Each experiment has its own files; queries see all
//! experiments as one table, distinguished by the column `experiment`.

pub mod confusion;
pub mod controls;
pub mod fits;
pub mod folds;
pub mod importance;
pub mod learning_curve;
pub mod predictions;
pub mod scores;
pub mod stopping;
pub mod transfer;
pub mod verdicts;

use super::column::{Column, text};

const EXPERIMENT: Column = text("experiment", "Name of the experiment.");
const FEATURES: Column = text(
    "features",
    "What the model sees: a feature set, a union such as `cnt + tensor_7`, or a difference such as `cnt - wiring`.",
);
const REPRESENTATION: Column = text(
    "representation",
    "How layers become columns: `position`, `role` or `role_normalised`.",
);
const TWIN: Column = text(
    "twin",
    "Twin population that the features are of, such as `shuffle`; null for the networks themselves.",
);
const MODEL: Column = text(
    "model",
    "Kind of model, such as `random_forest`; `majority` for the set of that name.",
);
const SETTING: Column = text(
    "setting",
    "Hyperparameters of the model that the cross-validation chose; null if there are none.",
);
