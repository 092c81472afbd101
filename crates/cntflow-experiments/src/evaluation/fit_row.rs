//! Fits as tasks, and their results as rows of the table `fits`.

use serde::{Deserialize, Serialize};

/// One task: small, so that a queue may hold many and processes may agree on their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FitTask {
    /// Fits a candidate with each of its settings on one fold.
    Fold {
        /// Index of the candidate.
        candidate: u32,
        /// The repeat, from 0.
        repeat: u32,
        /// The fold of the repeat, from 0.
        fold: u32,
    },
    /// Fits a candidate with its chosen setting on all training rows, and looks at the test set.
    Refit {
        /// Index of the candidate.
        candidate: u32,
        /// Index of the setting.
        setting: u32,
    },
    /// Fits a candidate with its chosen setting to some of the training groups, and looks at the
    /// test set: a point of the learning curve.
    Curve {
        /// Index of the candidate.
        candidate: u32,
        /// Index of the setting.
        setting: u32,
        /// Number of groups.
        n_groups: u32,
        /// Which draw of that many groups, from 0.
        draw: u32,
    },
}

impl FitTask {
    /// The candidate.
    pub fn candidate(&self) -> u32 {
        match *self {
            Self::Fold { candidate, .. }
            | Self::Refit { candidate, .. }
            | Self::Curve { candidate, .. } => candidate,
        }
    }
}

/// The result of one fit.
#[derive(Clone, Debug, PartialEq)]
pub struct FitRow {
    /// The task that it belongs to.
    pub task: FitTask,
    /// Index of the setting.
    pub setting: u32,
    /// Number of columns that the model reads.
    pub n_features: u32,
    /// The primary figure on the validation rows; NaN without a fold.
    pub validation_figure: f64,
    /// The primary figure on the test set. In a fold it serves the jackknife of a refit alone: no
    /// choice looks at it.
    pub test_figure: f64,
    /// Predictions of the validation rows (fold) or of the test rows (refit), in the rows' order;
    /// none of a learning curve. For many classes `[rows, classes]`, row by row. Behind them are
    /// those of other populations.
    pub predictions: Vec<f64>,
    /// Columns of the feature source with their importance; of refits alone.
    pub importance: Vec<(u32, f64)>,
    /// Why the fit failed.
    pub failure: Option<String>,
    /// What the fit did otherwise than asked, such as leaving out rows.
    pub note: Option<String>,
}
