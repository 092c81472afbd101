//! Running a plan: what is left to do, the tasks, the workers, and the outcome.

mod batch;
pub(crate) mod committed_rows;
pub(crate) mod content_hasher;
pub(crate) mod forecast;
pub(crate) mod interrupt;
pub(crate) mod known_files;
pub(crate) mod label_columns;
pub(crate) mod local_cluster;
pub(crate) mod membership;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod pending;
pub(crate) mod pending_tasks;
pub(crate) mod probe_gaps;
pub(crate) mod reuse;
pub(crate) mod run_plan;
pub(crate) mod session;
pub(crate) mod sources;
pub(crate) mod supervised;
pub(crate) mod task;
mod trained_entries;
mod work;
pub(crate) mod worker_time;
