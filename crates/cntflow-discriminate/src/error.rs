//! The errors of this crate.

use std::path::PathBuf;

use polars::prelude::PolarsError;

/// Errors of this crate. A failed fit is not among them: it is a row of the
/// outcome, with its reason.
#[derive(Debug, thiserror::Error)]
pub enum DiscriminateError {
    /// Polars could not read or combine the tables.
    #[error("the tables cannot be read")]
    Tables(#[from] PolarsError),
    /// A table lacks a required column.
    #[error("the table `{table}` has no column `{column}`")]
    MissingColumn {
        /// The table's name.
        table: &'static str,
        /// The missing column.
        column: String,
    },
    /// A column has another type than expected.
    #[error("the column `{column}` of the table `{table}` does not hold {expected}")]
    ColumnType {
        /// The table's name.
        table: &'static str,
        /// The column read.
        column: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A value of the study's `[discriminate]` section is outside its range.
    #[error("discriminate.{key}: {problem}")]
    Spec {
        /// The key in the study file.
        key: &'static str,
        /// What is allowed, and what was found.
        problem: SpecProblem,
    },
    /// There are fewer groups than folds.
    #[error(
        "{n_groups} groups (`{column}`) have a usable network, {n_folds} folds need at least {n_folds}"
    )]
    TooFewGroups {
        /// The group column.
        column: String,
        /// Groups with at least one usable network.
        n_groups: usize,
        /// Folds asked for; each needs a group.
        n_folds: usize,
    },
    /// A split is broken. This is a bug of this crate, never of the data.
    #[error("group `{group}` is on both sides of fold {fold}")]
    GroupOnBothSides {
        /// The group's name.
        group: String,
        /// Index of the fold, from 0.
        fold: usize,
    },
    /// A saved classifier could not be read.
    #[error("{}: cannot read the classifier", path.display())]
    Read {
        /// The classifier's file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A classifier could not be saved.
    #[error("{}: cannot save the classifier", path.display())]
    Save {
        /// The classifier's file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is not a saved classifier, or it is damaged.
    #[error("{}: not a classifier saved by cntflow", path.display())]
    Format {
        /// The classifier's file.
        path: PathBuf,
        /// Where and why parsing stopped.
        source: serde_json::Error,
    },
    /// A saved classifier contradicts itself.
    #[error("{}: damaged classifier: {damage}", path.display())]
    Damaged {
        /// The classifier's file.
        path: PathBuf,
        /// The contradiction.
        damage: Damage,
    },
    /// A saved classifier has another version.
    #[error("{}: classifier of version {found}, this program reads version {expected}", path.display())]
    Version {
        /// The classifier's file.
        path: PathBuf,
        /// The version written in the file.
        found: u32,
        /// The version that this program reads.
        expected: u32,
    },
    /// The tables lack features that the classifier was trained on.
    #[error(
        "the classifier needs {expected} features, the tables have {found} of them; missing: {}",
        first_missing.join(", ")
    )]
    MissingFeatures {
        /// Number of features that the classifier was trained on.
        expected: usize,
        /// How many of these the tables have.
        found: usize,
        /// Names of the first missing features, at most [`MAX_MISSING_NAMES`].
        first_missing: Vec<String>,
    },
    /// The tables were measured with other options than the classifier's training tables.
    #[error(
        "the classifier was trained on metrics measured with `{trained}`, these were measured with `{given}`"
    )]
    MeasuredDifferently {
        /// Digest of the measure options at training.
        trained: String,
        /// Digest of the measure options of the given tables.
        given: String,
    },
}

/// What is wrong with a value of the `[discriminate]` section.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecProblem {
    /// A count is too small.
    #[error("at least {least}, found {found}")]
    TooSmall {
        /// The smallest count allowed.
        least: usize,
        /// The count in the study file.
        found: usize,
    },
    /// A share is not strictly between 0 and 1.
    #[error("above 0 and below 1, found {found}")]
    NotBetweenZeroAndOne {
        /// The share in the study file.
        found: f64,
    },
    /// The list of rules is empty.
    #[error("at least one rule is needed")]
    NoRule,
    /// The two quantiles of a rule are out of range or in the wrong order.
    #[error("quantiles must be two numbers in [0, 1], the lower one first; found [{low}, {high}]")]
    Quantiles {
        /// The first quantile.
        low: f64,
        /// The second quantile.
        high: f64,
    },
    /// The two thresholds of a rule are not finite or in the wrong order.
    #[error("absolute must be two finite numbers, the lower one first; found [{low}, {high}]")]
    Absolute {
        /// The first threshold.
        low: f64,
        /// The second threshold.
        high: f64,
    },
    /// The label that is to be predicted is also a feature.
    #[error("`{column}` is the label to be predicted")]
    PredictsItself {
        /// The label column.
        column: String,
    },
}

/// How a saved classifier contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The list of thresholds has the wrong length.
    #[error("{found} thresholds instead of 2")]
    Thresholds {
        /// Length of the list.
        found: usize,
    },
    /// The list of the AUC and its interval has the wrong length.
    #[error("{found} numbers instead of 3 for the AUC and its interval")]
    HeldOutAuc {
        /// Length of the list.
        found: usize,
    },
    /// The lists of parameters do not have the lengths that the number of features needs.
    #[error("its parameters do not belong to its {n_features} features")]
    Parameters {
        /// Number of feature names in the file.
        n_features: usize,
    },
}

/// Largest number of feature names in [`DiscriminateError::MissingFeatures`]: 5.
pub const MAX_MISSING_NAMES: usize = 5;

/// A result with this crate's error.
pub type Result<T, E = DiscriminateError> = std::result::Result<T, E>;
