//! Errors of saved models.

use std::path::PathBuf;

use cntflow_models::InconsistentModel;

/// Largest number of columns that a message names: 3.
pub const MAX_NAMED_COLUMNS: usize = 3;

/// Why a model cannot be saved, read or used.
#[derive(Debug, thiserror::Error)]
pub enum SavedModelError {
    /// The file could not be read.
    #[error("{}: cannot read the model", path.display())]
    Read {
        /// The model's file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file or its card could not be written.
    #[error("{}: cannot save the model", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not a saved model, or it is damaged.
    #[error("{}: not a model saved by cntflow", path.display())]
    Format {
        /// The model's file.
        path: PathBuf,
        /// Where and why parsing stopped.
        source: serde_json::Error,
    },
    /// The file has another version.
    #[error("{}: model of version {found}, this program reads version {expected}", path.display())]
    Version {
        /// The model's file.
        path: PathBuf,
        /// The version written in the file.
        found: u32,
        /// The version that this program reads.
        expected: u32,
    },
    /// The model contradicts itself.
    #[error("{}: damaged model", path.display())]
    Damaged {
        /// The model's file.
        path: PathBuf,
        /// The contradiction.
        source: Damage,
    },
    /// The chosen model could not be fitted again. This is a bug of this crate, never of the data.
    #[error("the model of `{features}` could not be fitted again: {reason}")]
    Refit {
        /// The features.
        features: String,
        /// Why the fit failed.
        reason: String,
    },
    /// Every network lacks too many features.
    #[error(
        "the model needs {expected} features, a network has {found} of them; missing: {}",
        first_missing.join(", ")
    )]
    MissingFeatures {
        /// Number of features that the training networks have.
        expected: usize,
        /// How many of these the first network has.
        found: usize,
        /// Names of the first missing features, at most [`MAX_NAMED_COLUMNS`].
        first_missing: Vec<String>,
    },
    /// The tables were measured with other options than the training networks.
    #[error(
        "the model was trained on metrics measured with `{trained}`, these were measured with \
         `{given}`"
    )]
    MeasuredDifferently {
        /// Digest of the measure options at training.
        trained: String,
        /// Digest of the measure options of the given tables.
        given: String,
    },
}

/// How a saved model contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The fitted model's parts do not agree.
    #[error(transparent)]
    Model(#[from] InconsistentModel),
    /// The ranges do not belong to the columns that the model reads.
    #[error("its ranges do not belong to its {n_columns} columns")]
    Ranges {
        /// Number of columns that the model reads.
        n_columns: usize,
    },
    /// The target has other classes than the model.
    #[error("the target has {target} classes, the model {model}")]
    Classes {
        /// Classes of the target, 0 for numbers.
        target: usize,
        /// Classes of the model, 0 for numbers.
        model: usize,
    },
    /// What was learned of the target is not what its kind learns.
    #[error("what was learned of the target does not belong to its kind")]
    Target,
    /// The calibration is damaged, or belongs to a model without two classes.
    #[error("its calibration is not one of two classes")]
    Calibration,
    /// The hashes of the training networks are damaged.
    #[error("its hashes of training networks are not a sorted list")]
    Hashes,
    /// A figure of the card is not a number with its interval.
    #[error("the figure `{name}` has {found} numbers instead of 3")]
    Figure {
        /// The figure.
        name: String,
        /// Its numbers.
        found: usize,
    },
}
