//! What can end a run.

use std::error::Error;
use std::path::PathBuf;

/// Why a run could not start or did not finish.
#[derive(Debug, thiserror::Error)]
pub enum DataflowError {
    /// The hosts file cannot be read. The source names the file.
    #[error("cannot read the hosts file")]
    ReadHosts(#[source] std::io::Error),
    /// The hosts file lists no process.
    #[error("{path}: no host:port in it")]
    NoHosts {
        /// The hosts file.
        path: PathBuf,
    },
    /// A line of the hosts file is not an address.
    #[error("{path}: '{line}' is not host:port")]
    BadHost {
        /// The hosts file.
        path: PathBuf,
        /// The line, without its comment.
        line: String,
    },
    /// `--process I` does not name a line of the hosts file.
    #[error(
        "process {process} is not one of the {processes} processes in the hosts file (they count \
         from 0)"
    )]
    NoSuchProcess {
        /// The index given.
        process: usize,
        /// Number of addresses in the hosts file.
        processes: usize,
    },
    /// This process cannot listen at its own address.
    #[error("process {process} cannot listen at {address}")]
    Listen {
        /// This process.
        process: usize,
        /// Its address.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process did not accept a connection in time.
    #[error("process {process} at {address}: not reached within {waited} s")]
    NotReached {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// How long this process tried, in seconds.
        waited: u64,
        /// Why the last attempt failed.
        #[source]
        source: std::io::Error,
    },
    /// Another process did not connect to this one in time.
    #[error("process {process} at {address}: did not connect within {waited} s")]
    DidNotConnect {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// How long this process waited, in seconds.
        waited: u64,
    },
    /// The connection to another process broke before the run started.
    #[error("process {process} at {address}: connection failed")]
    Connection {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process runs another study, or the same study from another state.
    #[error(
        "process {process} does not match this one: {what} is {theirs} there and {ours} here; \
         start all processes with the same program, study and output folder"
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
    #[error("cannot start the workers")]
    Start(#[source] Box<dyn Error + Send + Sync>),
    /// A worker panicked outside of any task, which ended the run.
    #[error("worker {worker} failed: {message}")]
    Panicked {
        /// Index of the worker over all processes.
        worker: usize,
        /// Its panic message.
        message: String,
    },
    /// A worker could not commit its outputs, which ended the run.
    #[error("worker {worker} failed to commit its outputs")]
    Commit {
        /// Index of the worker over all processes.
        worker: usize,
        /// The collector's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Another process of the cluster failed or was lost.
    #[error(
        "another process of the cluster failed or was lost (its own output says why); what was \
         committed stays, and the same command goes on from there"
    )]
    PeerLost,
}
