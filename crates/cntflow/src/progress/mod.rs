//! Progress of long work, shown on stderr: how it is shown, what is counted, and the display of a
//! run.

pub(crate) mod display;
pub(crate) mod duration;
pub(crate) mod fetch_progress;
pub(crate) mod report;
pub(crate) mod run_progress;
pub(crate) mod trace;
