//! What is planned, what a finished task reports, and the counts of finished tasks.

use cntflow_tables::Status;
use serde::{Deserialize, Serialize};

/// What a finished task reports. It travels between processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskReport {
    /// Name of the trained run or of the measured checkpoint.
    pub(crate) name: String,
    /// Whether the task trained a run; otherwise it measured a checkpoint.
    pub(crate) is_training: bool,
    /// How the task ended.
    pub(crate) status: Status,
    /// Why it failed or was skipped.
    pub(crate) reason: Option<String>,
    /// Size of the measured file in bytes; 0 if it is not known, and for a trained run.
    pub(crate) bytes: u64,
    /// The process that ran it.
    pub(crate) process: usize,
    /// Its share of the planned cost: multiply-adds of a trained run; 1 for a checkpoint.
    pub(crate) cost: f64,
}

/// The work that a run of the program starts with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlannedWork {
    /// Runs to train.
    pub(crate) n_runs: usize,
    /// Checkpoints to measure, including those of runs that are still to be trained.
    pub(crate) n_checkpoints: usize,
    /// Cost of all training; the number of checkpoints if nothing is trained.
    pub(crate) cost: f64,
}

/// Finished tasks, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskCounts {
    /// Runs trained to their end.
    pub(crate) trained: usize,
    /// Runs that diverged.
    pub(crate) diverged: usize,
    /// Runs that failed.
    pub(crate) train_failed: usize,
    /// Checkpoints measured.
    pub(crate) measured: usize,
    /// Checkpoints that failed.
    pub(crate) failed: usize,
    /// Checkpoints skipped.
    pub(crate) skipped: usize,
}

impl TaskCounts {
    /// Counts one more finished task.
    pub(crate) fn add(&mut self, report: &TaskReport) {
        let count = match (report.is_training, report.status) {
            (true, Status::Ok) => &mut self.trained,
            (true, Status::Skipped) => &mut self.diverged,
            (true, Status::Failed) => &mut self.train_failed,
            (false, Status::Ok) => &mut self.measured,
            (false, Status::Skipped) => &mut self.skipped,
            (false, Status::Failed) => &mut self.failed,
        };
        *count += 1;
    }

    /// Finished runs.
    pub(crate) fn n_runs(&self) -> usize {
        self.trained + self.diverged + self.train_failed
    }

    /// Finished checkpoints.
    pub(crate) fn n_checkpoints(&self) -> usize {
        self.measured + self.failed + self.skipped
    }

    /// Failed runs and checkpoints.
    pub(crate) fn n_failures(&self) -> usize {
        self.train_failed + self.failed
    }
}
