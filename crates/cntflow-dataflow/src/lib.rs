//! Spreads tasks over the workers of one process or of a cluster with timely dataflow.
//!
//! A [`Work`] says what a task is and how it is performed; [`run`] performs all tasks of a [`TaskQueue`] on the workers
//! of an [`Executor`]. Workers pull: a slow task holds up nobody but the worker that has it, and no more than one task per worker
//! is in flight. What tasks yield stays on the worker that performed them, is gathered there and committed in batches;
//! only small reports travel. A task that panics becomes an output that says so; a panic outside of tasks, or a commit
//! that fails, ends the run with that first failure's message, in every process.
//!
//! Only this crate knows timely. It knows neither the command line nor what the tasks are.

mod cluster;
mod error;
mod executor;
mod queue;
mod supervise;
mod work;

pub use cluster::{Cluster, DEFAULT_CONNECT_TIMEOUT, Peers};
pub use error::DataflowError;
pub use executor::{Executor, Finished, run};
pub use queue::{TaskQueue, deal};
pub use supervise::Stop;
pub use work::{Cue, Gather, Work};
