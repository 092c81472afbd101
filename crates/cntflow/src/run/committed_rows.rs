//! Which checkpoints are committed, of the networks and of each twin.

use std::collections::HashMap;

use cntflow_dataflow::{Key, key_of};
use cntflow_network::Twin;
use cntflow_tables::{Status, TablesError};

use super::outcome::CheckpointTotals;
use crate::folder::study_folder::StudyFolder;
use crate::measure::network::Missing;

/// Committed checkpoints and their status. There may be a million: they are told by the keys of
/// their names.
#[derive(Debug, Default)]
pub(crate) struct CommittedRows {
    by_key: HashMap<Key, CommittedRow>,
    /// The twins of the plan, at most 8.
    twins: Vec<Twin>,
}

#[derive(Clone, Copy, Debug, Default)]
struct CommittedRow {
    /// That of the network, if it is committed.
    status: Option<Status>,
    /// Bit k is set if the twin k of the plan is committed.
    twins: u8,
    /// Bit k is set if the twin k of the plan has failed.
    failed_twins: u8,
}

impl CommittedRows {
    /// Reads the tables of a folder and of some twins.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub(crate) fn read(folder: &StudyFolder, twins: &[Twin]) -> Result<Self, TablesError> {
        let mut by_key: HashMap<Key, CommittedRow> = HashMap::new();
        folder.tables().each_committed(|checkpoint, status| {
            by_key.entry(key_of(checkpoint)).or_default().status = Some(status);
        })?;
        for (k, &twin) in twins.iter().enumerate() {
            folder
                .twin_tables(twin)
                .each_committed(|checkpoint, status| {
                    let row = by_key.entry(key_of(checkpoint)).or_default();
                    row.twins |= 1 << k;
                    row.failed_twins |= u8::from(status == Status::Failed) << k;
                })?;
        }
        Ok(Self {
            by_key,
            twins: twins.to_vec(),
        })
    }

    /// Leaves out what has failed, as a run with `--retry-failed` does.
    pub(super) fn leave_out_failed(&mut self) {
        for row in self.by_key.values_mut() {
            row.status = row.status.filter(|status| *status != Status::Failed);
            row.twins &= !row.failed_twins;
        }
    }

    /// What is missing of a checkpoint for which nothing is committed.
    pub(super) fn all_missing(twins: &[Twin]) -> Missing {
        Missing::new(true, twins)
    }

    /// What is missing of a checkpoint.
    pub(crate) fn missing(&self, checkpoint: Key) -> Missing {
        let row = self.by_key.get(&checkpoint).copied().unwrap_or_default();
        let twins = self.twins.iter().enumerate();
        let missing = twins.filter(|(k, _)| row.twins >> k & 1 == 0);
        let twins: Vec<Twin> = missing.map(|(_, &twin)| twin).collect();
        Missing::new(row.status.is_none(), &twins)
    }

    /// Whether the network of a checkpoint is committed.
    pub(crate) fn has(&self, checkpoint: Key) -> bool {
        let row = self.by_key.get(&checkpoint);
        row.is_some_and(|row| row.status.is_some())
    }

    /// Keys of the checkpoints whose networks are committed.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let rows = self.by_key.iter();
        rows.filter(|(_, row)| row.status.is_some())
            .map(|(key, _)| *key)
    }

    /// The networks by status.
    pub(crate) fn totals(&self) -> CheckpointTotals {
        let mut totals = CheckpointTotals::default();
        for status in self.by_key.values().filter_map(|row| row.status) {
            match status {
                Status::Ok => totals.ok += 1,
                Status::Failed => totals.failed += 1,
                Status::Skipped => totals.skipped += 1,
            }
        }
        totals
    }
}
