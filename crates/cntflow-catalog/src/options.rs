//! What a catalog is told beside its sources.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the checkpoints that are found become a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogOptions {
    /// The column that is the run; that which the source or its layout has, where none is given.
    pub run: Option<String>,
    /// The column that is the step, of whole numbers.
    pub step: Option<String>,
    /// A table (CSV, JSON lines, Parquet) with a row for each checkpoint or each run, whose columns become labels. A column `path`,
    /// `checkpoint`, `file`, `filename`, `name` or `run` says which: a checkpoint by its name, path, file name or file name without
    /// ending; or a run, together with a column `step` if there is one.
    pub metadata: Option<PathBuf>,
}
