//! What may be wrong with the tables that features are read from.

use std::fmt;

use polars::prelude::PolarsError;

use crate::error::ExperimentError;

/// Errors of reading features.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// A feature set has metrics that no network of the population has.
    #[error("{set} needs {remedy}; not in the table `layers`: {}", missing.join(", "))]
    NotMeasured {
        /// The feature set.
        set: &'static str,
        /// Metrics without a row.
        missing: Vec<String>,
        /// How to get them.
        remedy: Remedy,
    },
    /// A list of the population has another length than its list of checkpoints.
    #[error("the population has {n_checkpoints} checkpoints, but {n_values} values of `{column}`")]
    Length {
        /// The list.
        column: String,
        /// Its length.
        n_values: usize,
        /// Number of checkpoints.
        n_checkpoints: usize,
    },
    /// The rows of `layers` came in another order, or in another number, than a moment before.
    #[error("the table `layers` changed while its column `{column}` was read")]
    Changed {
        /// The first column that was read from other rows.
        column: String,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Table(Box<ExperimentError>),
}

/// How missing metrics are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// With inputs.
    Probe,
    /// With inputs and their labels.
    LabelledProbe,
    /// By a version that writes rows of the whole network.
    NetworkRows,
    /// With the metrics among those asked for, and of networks whose architecture is known.
    Metrics,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "metrics over a probe: measure with --probe",
            Self::LabelledProbe => {
                "metrics over a probe with labels: measure with --probe and its labels"
            }
            Self::NetworkRows => "rows of the whole network: measure again with this version",
            Self::Metrics => {
                "metrics that were not measured: name them in `metrics`, and give the architecture \
                 of networks that lack it"
            }
        })
    }
}

impl From<ExperimentError> for FeatureError {
    fn from(error: ExperimentError) -> Self {
        Self::Table(Box::new(error))
    }
}

impl From<PolarsError> for FeatureError {
    fn from(error: PolarsError) -> Self {
        ExperimentError::from(error).into()
    }
}

/// A result of reading features.
pub type Result<T, E = FeatureError> = std::result::Result<T, E>;
