#![doc = include_str!("../README.md")]

mod cluster;
mod error;
mod executor;
mod queue;
mod supervise;
mod work;

pub use cluster::{Cluster, DEFAULT_CONNECT_TIMEOUT, Peers};
pub use error::DataflowError;
pub use executor::{Executor, Finished, run};
pub use queue::{TaskQueue, assign};
pub use supervise::Stop;
pub use work::{Collector, TaskContext, Work};
