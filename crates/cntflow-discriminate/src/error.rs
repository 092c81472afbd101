//! What can go wrong between the tables and a verdict.

use std::path::PathBuf;

use polars::prelude::PolarsError;

/// Errors of this crate. A fit that fails is none of them: it is a row of the outcome, with its reason.
#[derive(Debug, thiserror::Error)]
pub enum DiscriminateError {
    /// Polars could not read or combine the tables.
    #[error("the tables cannot be read")]
    Tables(#[from] PolarsError),
    /// A column that every table of this version has is not there.
    #[error("the table `{table}` has no column `{column}`")]
    MissingColumn {
        /// The table's name.
        table: &'static str,
        /// The column looked for.
        column: String,
    },
    /// A column holds something else than expected.
    #[error("the column `{column}` of the table `{table}` holds no {expected}")]
    ColumnType {
        /// The table's name.
        table: &'static str,
        /// The column read.
        column: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A value of the study's `[discriminate]` section is outside its range.
    #[error("discriminate.{key}: {message}")]
    Spec {
        /// The key in the study file.
        key: &'static str,
        /// What is allowed, and what was found.
        message: String,
    },
    /// There are fewer training runs than folds.
    #[error(
        "{found} groups (`{column}`) have a usable network, {folds} folds need at least {needed}"
    )]
    TooFewGroups {
        /// The group column.
        column: String,
        /// Groups with at least one usable network.
        found: usize,
        /// Folds asked for.
        folds: usize,
        /// Groups needed.
        needed: usize,
    },
    /// The invariant of every split is broken: a bug of this crate, never of the data.
    #[error("group `{group}` stands on both sides of fold {fold}")]
    GroupOnBothSides {
        /// The group's name.
        group: String,
        /// The fold's number, from 0.
        fold: usize,
    },
    /// A saved classifier could not be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// The classifier's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no saved classifier, or a damaged one.
    #[error("{}: not a classifier saved by cntflow: {source}", path.display())]
    Format {
        /// The classifier's file.
        path: PathBuf,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },
    /// A saved classifier contradicts itself.
    #[error("{}: a damaged classifier: {message}", path.display())]
    Damaged {
        /// The classifier's file.
        path: PathBuf,
        /// What does not fit together.
        message: String,
    },
    /// A saved classifier of another layout.
    #[error("{}: classifier layout {found}, this program reads layout {expected}", path.display())]
    Version {
        /// The classifier's file.
        path: PathBuf,
        /// The layout written in the file.
        found: u32,
        /// The layout of this program.
        expected: u32,
    },
    /// The tables lack features that the classifier was trained on.
    #[error(
        "the classifier expects {expected} features, the tables give {found} of them; missing: {}",
        first_missing.join(", ")
    )]
    MissingFeatures {
        /// Features the classifier was trained on.
        expected: usize,
        /// How many of these the tables give.
        found: usize,
        /// The first missing names, at most [`MISSING_NAMES_SHOWN`].
        first_missing: Vec<String>,
    },
    /// The tables were measured with other options than those the classifier was trained on.
    #[error(
        "the classifier was trained on metrics measured with `{trained}`, these were measured with `{given}`"
    )]
    MeasuredOtherwise {
        /// The measure options' digest at training.
        trained: String,
        /// The measure options' digest of the tables given.
        given: String,
    },
}

/// Missing feature names that [`DiscriminateError::MissingFeatures`] carries, default is 5.
pub const MISSING_NAMES_SHOWN: usize = 5;

/// This crate's result.
pub type Result<T, E = DiscriminateError> = std::result::Result<T, E>;
