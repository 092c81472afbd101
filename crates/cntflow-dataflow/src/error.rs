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
    /// Too few ports of this machine are free.
    #[error("this machine has no {wanted} free ports between 10000 and 30000")]
    NoFreePorts {
        /// How many processes need one.
        wanted: usize,
    },
    /// The environment variables of a scheduler do not say what the processes of the cluster are.
    #[error("no place in the cluster: {reason}")]
    BadScheduler {
        /// What is wrong.
        reason: String,
    },
    /// `--process I` does not name a line of the hosts file.
    #[error("process {process} is not one of the {processes} of the cluster (they count from 0)")]
    NoSuchProcess {
        /// The index given.
        process: usize,
        /// Number of processes.
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
        source: Box<dyn Error + Send + Sync>,
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
    /// Another process refuses this one, or is not cntflow.
    #[error("process {process} at {address}: no connection: {reason}")]
    Refused {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// Why.
        reason: Box<dyn Error + Send + Sync>,
    },
    /// Processes on other machines need a secret.
    #[error(
        "{address} can be reached by others, so the cluster needs a secret: name a file with \
         --secret-file, or set CNTFLOW_SECRET"
    )]
    NoSecret {
        /// An address that is not of this machine alone.
        address: String,
    },
    /// A secret could be guessed.
    #[error("the secret of the cluster has {length} bytes, and needs at least {least}")]
    ShortSecret {
        /// Its length, in bytes.
        length: usize,
        /// The least length, in bytes.
        least: usize,
    },
    /// A file with a secret cannot be read or written. The source names the file.
    #[error("cannot read the secret of the cluster")]
    ReadSecret(#[source] std::io::Error),
    /// There is no folder for the secret of the user.
    #[error("no folder for the secret of the cluster: set HOME, or name a file with --secret-file")]
    NoSecretFolder,
    /// The user stopped the run before all processes were connected.
    #[error("stopped before all processes were connected")]
    StoppedEarly {
        /// The signal by which the user said so.
        signal: Option<i32>,
    },
    /// Two processes are at different points of a command.
    #[error(
        "process {process} is out of step with this one: it has come to '{theirs}', and this one to \
         '{ours}'"
    )]
    OutOfStep {
        /// The other process.
        process: usize,
        /// Where it is.
        theirs: String,
        /// Where this process is.
        ours: String,
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
    /// The system does not give what a run needs: threads, or sockets.
    #[error("cannot start a run")]
    Start(#[source] Box<dyn Error + Send + Sync>),
    /// A worker panicked outside of any task, which ended the run.
    #[error("worker {worker} failed: {message}")]
    Panicked {
        /// Index of the worker in its process.
        worker: usize,
        /// Its panic message.
        message: String,
    },
    /// A worker could not commit its outputs, which ended the run.
    #[error("worker {worker} failed to commit its outputs")]
    Commit {
        /// Index of the worker in its process.
        worker: usize,
        /// The collector's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Another process of the cluster ended because of an error.
    #[error("process {process} at {address} failed: {cause}")]
    PeerFailed {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// Its error.
        cause: String,
        /// Its exit code.
        code: u8,
    },
    /// Another process of the cluster was lost: it was killed, it hangs, its machine has no power,
    /// or the network is cut.
    #[error(
        "{} was lost: {how}; what was committed stays, and the same command goes on from there",
        peer_name(*process, address)
    )]
    PeerLost {
        /// The other process, if it is known.
        process: Option<usize>,
        /// Its address.
        address: String,
        /// What was seen of it.
        how: String,
    },
}

fn peer_name(process: Option<usize>, address: &str) -> String {
    match process {
        Some(process) => format!("process {process} at {address}"),
        None => "another process of the cluster".to_owned(),
    }
}
