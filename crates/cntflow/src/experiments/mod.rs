//! Experiments on the tables of a folder: their fits as tasks on all workers, their results as
//! tables.

mod fit_progress;
mod fit_work;
mod identity;
pub(crate) mod result;
pub(crate) mod run_experiments;
