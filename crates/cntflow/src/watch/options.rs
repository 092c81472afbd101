//! Options of a watched study.

use std::time::Duration;

use cntflow_experiments::saved::TrainedModel;

/// How a study is watched.
#[derive(Debug)]
pub(crate) struct WatchOptions {
    /// Whether to end after one update.
    pub(crate) once: bool,
    /// End once nothing has changed for this long.
    pub(crate) until_idle: Option<Duration>,
    /// A file that changed less than this ago may still be written to.
    pub(crate) quiet: Duration,
    /// Longest time between two looks at the sources.
    pub(crate) poll: Duration,
    /// Populations and experiments are made once nothing has changed for this long.
    pub(crate) results_after: Duration,
    /// A model that predicts what is new.
    pub(crate) model: Option<TrainedModel>,
}
