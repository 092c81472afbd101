//! A task of a run, and its output.

use std::sync::Arc;
use std::time::Instant;

use cntflow_catalog::CatalogEntry;
use serde::{Deserialize, Serialize};

use crate::measure::checkpoint::CheckpointRecords;
use crate::measure::network::Missing;
use crate::progress::report::TaskReport;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};

/// One task. A queue may hold a million of them, so each is an index or a pointer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Trains a run and saves its checkpoints.
    Train {
        /// Index of the run in the plan.
        run: usize,
    },
    /// Measures a checkpoint.
    Measure {
        /// Its entry.
        #[serde(with = "entry_by_value")]
        entry: Arc<CatalogEntry>,
        /// Size of its file, see [`Location::size`](cntflow_storage::Location::size).
        bytes: Option<u64>,
        /// Whether the catalog has no later checkpoint of its run.
        is_last: bool,
        /// What of it is not committed yet.
        missing: Missing,
    },
}

/// The output of a task. It stays on the worker that ran the task.
#[derive(Debug)]
pub(crate) enum TaskOutput {
    /// A run was trained, diverged, or failed.
    Trained {
        /// Its checkpoints.
        entries: Vec<CatalogEntry>,
        /// What is reported of it.
        report: TaskReport,
        /// When its training began. The age of the batch is counted from here, since all work from
        /// here on would be lost if the run were killed.
        started: Instant,
    },
    /// A checkpoint was measured, or failed.
    Measured(Box<CheckpointRecords>),
    /// Output cannot be saved any more, for example on a full disk. It ends the run.
    Fatal(anyhow::Error),
}

impl Task {
    /// A task that measures a checkpoint of the catalog.
    pub(crate) fn measure(
        entry: &Arc<CatalogEntry>,
        last: &LastCheckpoints<'_>,
        missing: Missing,
    ) -> Self {
        Self::Measure {
            entry: Arc::clone(entry),
            bytes: entry.location.size(),
            is_last: last.contains(run_position(entry)),
            missing,
        }
    }
}

/// An entry travels between processes by value.
mod entry_by_value {
    use serde::{Deserializer, Serializer};

    use super::{Arc, CatalogEntry, Deserialize, Serialize};

    pub(super) fn serialize<S: Serializer>(
        entry: &Arc<CatalogEntry>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        CatalogEntry::serialize(entry, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<CatalogEntry>, D::Error> {
        CatalogEntry::deserialize(deserializer).map(Arc::new)
    }
}
