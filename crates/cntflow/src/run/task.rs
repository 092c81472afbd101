//! A task of a run, and its output.

use std::sync::Arc;
use std::time::Instant;

use cntflow_catalog::CatalogEntry;
use cntflow_zoo::RunSpec;

use crate::measure::checkpoint::CheckpointRecords;
use crate::progress::report::TaskReport;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};

/// One task. A queue may hold a million of them, so each is a pointer to its subject.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Trains a run and saves its checkpoints.
    Train(Arc<RunSpec>),
    /// Measures a checkpoint.
    Measure {
        /// Its entry.
        entry: Arc<CatalogEntry>,
        /// Whether the catalog has no later checkpoint of its run.
        is_last: bool,
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
    /// A task that trains a run.
    pub(crate) fn train(spec: &RunSpec) -> Self {
        Self::Train(Arc::new(spec.clone()))
    }

    /// A task that measures a checkpoint of the catalog.
    pub(crate) fn measure(entry: &Arc<CatalogEntry>, last: &LastCheckpoints<'_>) -> Self {
        Self::Measure {
            entry: Arc::clone(entry),
            is_last: last.contains(run_position(entry)),
        }
    }

    /// Cost for balancing the work between processes: multiply-adds of training, bytes of a
    /// checkpoint.
    ///
    /// The two units cannot be compared. Where both occur, training costs far more than the bytes
    /// of any checkpoint and is assigned first, as it should be.
    pub(crate) fn cost(&self) -> f64 {
        match self {
            Self::Train(spec) => spec.cost(),
            Self::Measure { entry, .. } => entry.location.size().map_or(1.0, |bytes| bytes as f64),
        }
    }

    /// Name of the run or the checkpoint.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Train(spec) => &spec.run,
            Self::Measure { entry, .. } => &entry.checkpoint,
        }
    }
}
