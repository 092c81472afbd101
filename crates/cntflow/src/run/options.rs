//! Where and how a plan is run.

use std::path::PathBuf;
use std::time::Duration;

use crate::progress::display::ProgressMode;

/// Where and how a plan is run.
#[derive(Clone, Debug)]
pub(crate) struct RunOptions {
    /// Output folder: a path or a URL.
    pub(crate) out: PathBuf,
    /// Whether to remove earlier output first.
    pub(crate) fresh: bool,
    /// Whether to measure checkpoints again that failed in an earlier run.
    pub(crate) retry_failed: bool,
    /// The last stage of the run.
    pub(crate) until: RunUntil,
    /// Threads, commits and cluster.
    pub(crate) workers: WorkerOptions,
    /// How to show progress.
    pub(crate) progress: ProgressMode,
}

/// The last stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunUntil {
    /// All runs of the population are trained.
    Trained,
    /// All checkpoints are measured as well.
    Measured,
}

/// The workers of a run.
#[derive(Clone, Debug)]
pub(crate) struct WorkerOptions {
    /// Worker threads in this process.
    pub(crate) n_threads: usize,
    /// Longest time that results wait to be written; `None` for the default of the tables.
    pub(crate) commit_every: Option<Duration>,
    /// This process within a cluster; `None` without a cluster.
    pub(crate) cluster: Option<ClusterProcess>,
}

/// One process of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct ClusterProcess {
    /// File with one `host:port` per process.
    pub(crate) hosts: PathBuf,
    /// Index of this process, from 0.
    pub(crate) index: usize,
    /// File with the secret of the cluster.
    pub(crate) secret_file: Option<PathBuf>,
}

impl WorkerOptions {
    /// Threads of this process alone, with the default commit interval.
    pub(crate) fn local(n_threads: usize) -> Self {
        Self {
            n_threads,
            commit_every: None,
            cluster: None,
        }
    }
}
