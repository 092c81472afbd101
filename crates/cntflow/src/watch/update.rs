//! What one update of a watched study has done.

use std::path::PathBuf;
use std::time::Duration;

use cntflow_dataflow::Totals;

/// What an update has done.
#[derive(Debug, Default)]
pub(super) struct Update {
    /// Checkpoints that were not there before.
    pub(super) new: Vec<String>,
    /// Checkpoints with other content.
    pub(super) changed: Vec<String>,
    /// Checkpoints of which something else is known than before: labels, run, step, architecture.
    pub(super) relabelled: Vec<String>,
    /// Checkpoints that are gone.
    pub(super) deleted: Vec<String>,
    /// Number of checkpoints whose rows were taken from other folders.
    pub(super) n_reused: usize,
    /// Checkpoints that were measured.
    pub(super) measured: Vec<String>,
    /// Those of them that failed, with the reason.
    pub(super) failed: Vec<(String, String)>,
    /// Totals before the update.
    pub(super) before: Totals,
    /// Whether the user has stopped it.
    pub(super) is_stopped: bool,
    /// Files that changed a moment ago, which are looked at again.
    pub(super) unsettled: Vec<PathBuf>,
    /// How long until the first of them may have settled.
    pub(super) settles_in: Duration,
}

impl Update {
    /// Whether anything is another than before.
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty()
            && self.changed.is_empty()
            && self.relabelled.is_empty()
            && self.deleted.is_empty()
            && self.measured.is_empty()
    }
}
