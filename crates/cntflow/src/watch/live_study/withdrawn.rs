//! What is withdrawn: rows that nothing is wanted of any more.

use std::collections::BTreeSet;

use cntflow_dataflow::key_of;

use super::LiveStudy;
use crate::folder::batch_name::new_batch_name;
use crate::study::population_choices::ComparedCheckpoints;

impl LiveStudy<'_> {
    /// Removes twins of networks that have no row. They were left when a row was removed, and may
    /// be of other content than the network is measured with next.
    pub(super) fn withdraw_orphaned_twins(&mut self) -> anyhow::Result<()> {
        for (twin, names) in &mut self.twins {
            let orphans: BTreeSet<String> = names
                .iter()
                .filter(|name| !self.held.contains_key(&key_of(name)))
                .cloned()
                .collect();
            let tables = self.session.folder.twin_tables(*twin);
            for name in tables.withdraw(&orphans, &new_batch_name(0))? {
                names.remove(&name);
            }
        }
        Ok(())
    }

    /// Removes rows that nothing is wanted of; returns whether there were any.
    pub(super) fn withdraw_stale(&mut self) -> anyhow::Result<bool> {
        let stale = self.reconciler.stale().iter();
        let seen = stale.filter(|(key, _)| !self.unseen.contains(key));
        let mut stale: BTreeSet<String> = seen
            .filter_map(|(key, _)| Some(self.held.get(key)?.row.checkpoint.clone()))
            .collect();
        if stale.is_empty() {
            return Ok(false);
        }
        let populations = self.measure.populations.as_ref();
        if populations.is_some_and(|spec| spec.checkpoints == ComparedCheckpoints::All) {
            // Twins have no values, so their tables do not tell what goes together.
            stale = self.tables.stored_with(&stale)?;
        }
        let mut removed = BTreeSet::new();
        // The networks last: as long as their rows are there, a start after a kill goes on here.
        for tables in self.session.folder.all_tables()?.iter().rev() {
            removed.extend(tables.withdraw(&stale, &new_batch_name(0))?);
        }
        for name in &removed {
            let key = key_of(name);
            if let Some(held) = self.held.remove(&key) {
                self.reconciler.release(held.told);
            }
            if self.known.remove(&key).is_some() {
                self.is_known_changed = true;
            }
        }
        for (_, names) in &mut self.twins {
            names.retain(|name| !removed.contains(name));
        }
        self.batches = self.tables.batches()?.into_iter().collect();
        self.reconciler.settle()?;
        Ok(true)
    }
}
