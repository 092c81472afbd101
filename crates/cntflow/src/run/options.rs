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
    /// Where rows may be taken from.
    pub(crate) reuse: ReuseOptions,
    /// The last stage of the run.
    pub(crate) until: RunUntil,
    /// Threads, commits and cluster.
    pub(crate) workers: WorkerOptions,
    /// How to show progress.
    pub(crate) progress: ProgressMode,
}

/// Where rows may be taken from.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReuseOptions {
    /// Output folders of other studies, or their URLs.
    pub(crate) folders: Vec<PathBuf>,
    /// Whether a file with the same size, times and number as when it was measured is taken as the
    /// same, without hashing it.
    pub(crate) is_lenient: bool,
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
    /// Longest time for measuring one checkpoint; `None` for any.
    pub(crate) task_limit: Option<Duration>,
    /// File for the trace of what workers do.
    pub(crate) trace: Option<PathBuf>,
    /// This process within a cluster; `None` without a cluster.
    pub(crate) cluster: Option<ClusterProcess>,
}

/// One process of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct ClusterProcess {
    /// Who says where the processes are.
    pub(crate) place: ClusterPlace,
    /// File with the secret of the cluster.
    pub(crate) secret_file: Option<PathBuf>,
    /// How long to wait until all processes have started; `None` for the default.
    pub(crate) connect_timeout: Option<Duration>,
}

/// Who says where the processes of a cluster are, and which of them this one is.
#[derive(Clone, Debug)]
pub(crate) enum ClusterPlace {
    /// The user.
    Hosts {
        /// File with one `host:port` per process.
        hosts: PathBuf,
        /// Index of this process, from 0.
        index: usize,
    },
    /// Slurm, in its environment variables.
    Slurm {
        /// Port of the first process on each node; `None` for one by the number of the job.
        port: Option<u16>,
    },
    /// Kubernetes, in the environment variables of an indexed job.
    Kubernetes {
        /// Port of each process; `None` for the default.
        port: Option<u16>,
    },
}

impl WorkerOptions {
    /// Threads of this process alone, with the default commit interval.
    pub(crate) fn local(n_threads: usize) -> Self {
        Self {
            n_threads,
            commit_every: None,
            task_limit: None,
            trace: None,
            cluster: None,
        }
    }
}
