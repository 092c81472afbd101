//! Experiments on the tables of a folder: their fits as tasks on all workers, their results as
//! tables.

pub(crate) mod check;
mod fit_progress;
mod fit_work;
mod identity;
pub(crate) mod result;
mod result_tables;
pub(crate) mod run_experiments;
mod stage;
pub(crate) mod tables_run;
