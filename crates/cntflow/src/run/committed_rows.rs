//! Which checkpoints are committed, of the networks and of each twin.

use cntflow_network::Twin;
use cntflow_tables::{Committed, Status, TablesError};

use crate::folder::study_folder::StudyFolder;
use crate::measure::network::Missing;

/// Committed checkpoints and their status.
#[derive(Debug, Default)]
pub(crate) struct CommittedRows {
    /// Those of the networks.
    pub(crate) real: Committed,
    /// Those of the twins of the plan.
    pub(crate) twins: Vec<(Twin, Committed)>,
}

impl CommittedRows {
    /// Reads the tables of a folder and of some twins.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub(crate) fn read(folder: &StudyFolder, twins: &[Twin]) -> Result<Self, TablesError> {
        let read = |&twin: &Twin| Ok((twin, folder.twin_tables(twin).committed()?));
        Ok(Self {
            real: folder.tables().committed()?,
            twins: twins.iter().map(read).collect::<Result<_, TablesError>>()?,
        })
    }

    /// Leaves out what has failed, as a run with `--retry-failed` does.
    pub(super) fn leave_out_failed(&mut self) {
        let twins = self.twins.iter_mut().map(|(_, committed)| committed);
        for committed in std::iter::once(&mut self.real).chain(twins) {
            committed.retain(|_, status| *status != Status::Failed);
        }
    }

    /// What is missing of a checkpoint for which nothing is committed.
    pub(super) fn all_missing(twins: &[Twin]) -> Missing {
        Missing::new(true, twins)
    }

    /// What is missing of a checkpoint.
    pub(crate) fn missing(&self, checkpoint: &str) -> Missing {
        let twins = self.twins.iter();
        let missing = twins.filter(|(_, committed)| !committed.contains_key(checkpoint));
        let twins: Vec<Twin> = missing.map(|&(twin, _)| twin).collect();
        Missing::new(!self.real.contains_key(checkpoint), &twins)
    }
}
