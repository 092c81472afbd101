//! The outcome of a run, for its summary and exit status.

use std::path::PathBuf;
use std::sync::Arc;

use cntflow_catalog::{MetadataMismatch, SkippedFile};
use cntflow_dataflow::Stop;

use super::probe_gaps::ProbeGaps;
use super::worker_time::WorkerTime;
use crate::exit::ExitStatus;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::progress::report::TaskCounts;

/// How a run ended, and what is in its folder now.
#[derive(Debug)]
pub(crate) struct RunOutcome {
    /// The output folder.
    pub(crate) folder: Arc<StudyFolder>,
    /// The record of the study.
    pub(crate) record: StudyRecord,
    /// Whether nothing is left to do.
    pub(crate) is_complete: bool,
    /// Tasks finished by this run, in all processes.
    pub(crate) new: TaskCounts,
    /// What earlier runs had committed.
    pub(crate) earlier: EarlierWork,
    /// Checkpoints whose rows were taken from each other folder.
    pub(crate) reused: Vec<(PathBuf, usize)>,
    /// All committed checkpoints.
    pub(crate) totals: CheckpointTotals,
    /// Files of the sources that are not checkpoints.
    pub(crate) skipped_files: Vec<SkippedFile>,
    /// What of the table of labels does not fit the checkpoints.
    pub(crate) metadata: Option<MetadataMismatch>,
    /// How many networks lack results over the probe.
    pub(crate) probe_gaps: Option<ProbeGaps>,
    /// Where the time of each worker went.
    pub(crate) times: Vec<WorkerTime>,
    /// Set when the user interrupts the program.
    pub(crate) stop: Stop,
}

/// What earlier runs of the same study had committed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EarlierWork {
    /// Trained runs.
    pub(crate) n_runs: usize,
    /// Checkpoints that were measured, failed or skipped.
    pub(crate) n_checkpoints: usize,
}

/// Committed checkpoints by status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CheckpointTotals {
    /// Measured.
    pub(crate) ok: usize,
    /// Failed. After `cntflow train`: runs that failed.
    pub(crate) failed: usize,
    /// Skipped: their training diverged.
    pub(crate) skipped: usize,
}

impl CheckpointTotals {
    /// Checkpoints of any status.
    pub(crate) fn total(&self) -> usize {
        self.ok + self.failed + self.skipped
    }
}

impl RunOutcome {
    /// The exit status of the command.
    pub(crate) fn status(&self) -> ExitStatus {
        if !self.is_complete {
            ExitStatus::of_stop(&self.stop)
        } else if self.totals.failed > 0 {
            ExitStatus::SomeFailed
        } else {
            ExitStatus::Done
        }
    }
}
