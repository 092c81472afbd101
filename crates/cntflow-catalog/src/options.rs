//! Options of a catalog beside its sources.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How scanned checkpoints become a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogOptions {
    /// The column to use as the run; `None` keeps the run that the source or its layout gives.
    pub run: Option<String>,
    /// The column of whole numbers to use as the step; `None` keeps the step that the source or its
    /// layout gives.
    pub step: Option<String>,
    /// A table (CSV, JSON lines, Parquet) with a row for each checkpoint or each run, whose columns
    /// become labels. The first of the columns `path`, `checkpoint`, `file`, `filename`, `name` and
    /// `run` that a row has says what the row is about: a checkpoint (by its name, its path, its
    /// file name, or its file name without ending), or else a run. For a run, a column `step`
    /// selects one checkpoint of it.
    pub metadata: Option<PathBuf>,
}
