//! The errors of this crate.

use polars::prelude::PolarsError;

use crate::population::PopulationCounts;
use crate::spec::SpecProblem;

/// Errors of this crate. A failed fit is not among them: it is a row of the scores, with its
/// reason.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// Polars could not read or combine the tables.
    #[error("the tables cannot be read")]
    Tables(#[from] PolarsError),
    /// A table lacks a column.
    #[error(
        "the table `{table}` has no column `{column}`{}",
        nearest_names(nearest)
    )]
    MissingColumn {
        /// The table's name.
        table: &'static str,
        /// The missing column.
        column: String,
        /// Columns of the table with similar names.
        nearest: Vec<String>,
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
    /// A key of the `[[experiment]]` section has a wrong value.
    #[error("{key}: {problem}")]
    Spec {
        /// The key in the study file.
        key: &'static str,
        /// What is allowed, and what was found.
        problem: SpecProblem,
    },
    /// A label of the study would take the place of a column that is no label.
    #[error(
        "[labels] {label}: the table `networks` has a column of this name that is no label; choose \
         another name"
    )]
    LabelName {
        /// Name of the label.
        label: String,
    },
    /// A label of the study is no SQL expression over the table `networks`.
    #[error(
        "[labels] {label}: `{expression}` is neither a column of the table `networks` nor an SQL \
         expression over its columns"
    )]
    LabelExpression {
        /// Name of the label.
        label: String,
        /// The text of the study file.
        expression: String,
        /// What Polars says.
        source: PolarsError,
    },
    /// The key `where` is no condition over the table `networks`.
    #[error("where: `{condition}` is not a condition over the table `networks`")]
    Where {
        /// The text of the study file.
        condition: String,
        /// What Polars says.
        source: PolarsError,
    },
    /// No network is left.
    #[error("no network is left: {counts}")]
    NothingLeft {
        /// How many there were, and why they were left out.
        counts: PopulationCounts,
    },
    /// There are too few groups for the test set and the folds.
    #[error(
        "{n_groups} groups have a usable network, the test set and {n_folds} folds need at least {needed}"
    )]
    TooFewGroups {
        /// Groups with at least one usable network.
        n_groups: usize,
        /// Folds asked for.
        n_folds: usize,
        /// Smallest number of groups.
        needed: usize,
    },
    /// The test set of a design has too few groups.
    #[error("{n_groups} groups are in the test set; at least {needed} are needed")]
    TooFewTestGroups {
        /// Its groups.
        n_groups: usize,
        /// Smallest number of groups.
        needed: usize,
    },
    /// A class has too few groups to be on both sides of the split.
    #[error("class `{class}` has {n_groups} groups; at least {needed} are needed")]
    TooFewGroupsOfClass {
        /// The class.
        class: String,
        /// Its groups.
        n_groups: usize,
        /// Smallest number of groups.
        needed: usize,
    },
    /// All networks are of one class, or all labels are equal.
    #[error("the target does not vary: {what}")]
    ConstantTarget {
        /// The only class or value.
        what: String,
    },
    /// Features need metrics over a probe, and the networks were measured without one.
    #[error("features `{features}` need a probe: set `probe` in [measure], or `--probe`")]
    NeedsProbe {
        /// The features in the study file.
        features: String,
    },
    /// A twin population was not measured.
    #[error(
        "the twin `{twin}` is not measured: add it to `twins` in [measure], or `--twin {twin}`"
    )]
    TwinNotMeasured {
        /// The twin.
        twin: &'static str,
    },
    /// The twin `untrained` is asked for, and no network has a checkpoint of step 0.
    #[error("controls: no network has a checkpoint of step 0, for `untrained`")]
    NothingUntrained,
    /// Features cannot be read.
    #[error(transparent)]
    Features(#[from] crate::features::FeatureError),
    /// A model cannot be saved, read or used.
    #[error(transparent)]
    SavedModel(#[from] crate::saved::SavedModelError),
    /// A split is broken. This is a bug of this crate, never of the data.
    #[error("group `{group}` is on both sides of {split}")]
    GroupOnBothSides {
        /// The group's name.
        group: String,
        /// The split.
        split: String,
    },
}

/// `; similar: a, b`, or nothing.
fn nearest_names(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; similar names: {}", names.join(", "))
    }
}

/// A result with this crate's error.
pub type Result<T, E = ExperimentError> = std::result::Result<T, E>;
