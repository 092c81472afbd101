//! What can end a run.

use std::path::PathBuf;

/// Why a run could not start or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DataflowError {
    /// The hosts file cannot be read.
    #[error("{path}: {reason}")]
    Hosts {
        /// The hosts file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `--process I` does not name a line of the hosts file.
    #[error(
        "process {process} is not one of the {processes} processes in the hosts file (they count from 0)"
    )]
    NoSuchProcess {
        /// The index given.
        process: usize,
        /// Number of addresses in the hosts file.
        processes: usize,
    },
    /// Another process of the cluster could not be reached, or did not come, in time.
    #[error("process {process} at {address}: {reason}")]
    Connect {
        /// The other process.
        process: usize,
        /// Its address, or ours when we waited for it.
        address: String,
        /// What happened.
        reason: String,
    },
    /// Another process runs another study, or the same study of another state.
    #[error(
        "process {process} runs something else: {what} is {theirs} there and {ours} here; start all processes with the \
         same program, study and output folder"
    )]
    Mismatch {
        /// The other process.
        process: usize,
        /// What differs.
        what: &'static str,
        /// Its value there.
        theirs: String,
        /// Its value here.
        ours: String,
    },
    /// Timely could not start its threads.
    #[error("the workers could not be started: {0}")]
    Start(String),
    /// A worker failed outside of any task; the run was ended.
    #[error("worker {worker} failed: {message}")]
    Worker {
        /// Index of the worker over all processes.
        worker: usize,
        /// Its panic message, or the error of its commit.
        message: String,
    },
    /// Another process of the cluster failed or was lost.
    #[error(
        "another process of the cluster failed or was lost (its own output says why); what was committed stays, and the \
         same command goes on from there"
    )]
    PeerLost,
}
