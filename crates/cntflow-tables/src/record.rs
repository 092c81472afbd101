//! The outcome of measuring one checkpoint.

use cntflow_catalog::CatalogEntry;
use cntflow_metrics::NetworkMetrics;

use crate::population::NetworkSamples;

/// How measuring a checkpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Status {
    /// Measured.
    Ok,
    /// Not measured, because the file is unreadable or contradicts itself; or measured, but some
    /// weights are NaN or infinite, so that the results cannot be trusted.
    Failed,
    /// Nothing to measure: the catalog says that there are no weights (a run that diverged).
    Skipped,
}

impl Status {
    /// Name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The status of that name; [`Status::Failed`] for every name other than `ok` and `skipped`.
    pub fn of(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "skipped" => Self::Skipped,
            _ => Self::Failed,
        }
    }
}

/// One tensor of a checkpoint, and what it was used as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageRow {
    /// Name of the tensor.
    pub tensor: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its elements, by the name that safetensors gives it.
    pub dtype: &'static str,
    /// `kernel of fc1`, `bias of fc1`, ...; `None` where it was not used.
    pub used_as: Option<String>,
    /// Why it was not used, or what is assumed of its use.
    pub reason: Option<String>,
}

/// What the tables store about one checkpoint.
#[derive(Debug)]
pub struct Record {
    /// The checkpoint and its labels.
    pub entry: CatalogEntry,
    /// How measuring ended.
    pub status: Status,
    /// Why it failed or was skipped, or what was left out of a measured one.
    pub reason: Option<String>,
    /// BLAKE3 hash of the file; `None` if it could not be read.
    pub digest: Option<String>,
    /// Size of the file in bytes; `None` if it could not be read.
    pub bytes: Option<u64>,
    /// The metrics; `None` unless it was measured.
    pub metrics: Option<NetworkMetrics>,
    /// Every tensor of the file, and what it is used as.
    pub coverage: Vec<CoverageRow>,
    /// The values that it adds to its populations; `None` if it belongs to none.
    pub samples: Option<NetworkSamples>,
    /// Wall time of reading and measuring, in seconds.
    pub seconds: f64,
}
