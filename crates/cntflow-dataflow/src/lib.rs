#![doc = include_str!("../README.md")]

mod balance;
mod cluster;
mod error;
mod executor;
mod parts;
mod queue;
mod reconcile;
mod supervise;
mod watch;
mod work;
mod workers;

pub use cluster::{Cluster, DEFAULT_CONNECT_TIMEOUT, Peers, Secret, free_addresses};
pub use error::DataflowError;
pub use executor::{Executor, Finished, run};
pub use reconcile::{
    Changes, Depth, Facts, Group, HeldCheckpoint, Key, Position, Reconciler, Totals, Version,
    WantedCheckpoint, key_of,
};
pub use supervise::Stop;
pub use work::{Collector, LateTask, TaskContext, Work, WorkerTimes};
