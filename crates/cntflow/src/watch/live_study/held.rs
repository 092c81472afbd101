//! What is held: the rows of the tables, and what is known of their files.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use cntflow_catalog::CatalogEntry;
use cntflow_dataflow::{Facts, HeldCheckpoint, Key, WantedCheckpoint, key_of};
use cntflow_network::Twin;
use cntflow_tables::{KnownFile, Status};

use super::{Held, LiveStudy};
use crate::watch::table_rows::{TableRow, read_rows};
use crate::watch::version::version_of;

impl LiveStudy<'_> {
    /// Notes what the file of a checkpoint looked like, and whether it was measured for
    /// populations.
    ///
    /// `inputs` are those that it was measured by, see `other_inputs`.
    pub(super) fn know(
        &mut self,
        entry: &CatalogEntry,
        stamp: String,
        inputs: String,
        for_populations: bool,
    ) {
        let known = KnownFile {
            checkpoint: entry.checkpoint.clone(),
            stamp,
            description: inputs,
            for_populations,
        };
        self.known.insert(key_of(&entry.checkpoint), known);
        self.is_known_changed = true;
    }

    /// Tells the reconciler of a row again: what it says depends on what is wanted.
    pub(super) fn tell_held(&mut self, key: Key) {
        let Some(held) = self.held.get(&key) else {
            return;
        };
        let told = self.held_checkpoint(key, &held.row.clone());
        if let Some(held) = self.held.get_mut(&key)
            && held.told != told
        {
            let before = std::mem::replace(&mut held.told, told.clone());
            self.reconciler.release(before);
            self.reconciler.hold(told);
        }
    }

    pub(super) fn held_checkpoint(&mut self, key: Key, row: &TableRow) -> HeldCheckpoint {
        let wanted = self.wanted.get(&key);
        let facts = match wanted {
            Some(wanted) => self.facts.facts(&wanted.entry, row),
            None => Facts::default(),
        };
        let could_have_values = row.status == Status::Ok && row.has_graph && !row.has_values;
        let lacks_values = could_have_values
            && wanted.is_some_and(|wanted| {
                let bin = self.measure.population_bin(&wanted.entry, wanted.is_last);
                bin.is_some()
            });
        let version = version_of(row.description, &row.content());
        let has_twin = |(_, names): &(Twin, BTreeSet<String>)| names.contains(&row.checkpoint);
        HeldCheckpoint {
            key,
            // It has become the last of its run: measured anew, with its values.
            version: version ^ u128::from(lacks_values),
            is_complete: self.twins.iter().all(has_twin),
            facts,
        }
    }

    /// Notes that the row of a checkpoint was made of what is wanted of it.
    pub(super) fn was_measured(&mut self, key: Key) {
        let (Some(wanted), Some(held)) = (self.wanted.get(&key), self.held.get_mut(&key)) else {
            return;
        };
        // Some networks have no values, though they were measured for them.
        let bin = self.measure.population_bin(&wanted.entry, wanted.is_last);
        held.row.has_values |= bin.is_some();
        let row = held.row.clone();
        let (entry, stamp) = (Arc::clone(&wanted.entry), wanted.stamp.clone());
        let inputs = wanted.inputs.clone();
        if let Some(stamp) = stamp {
            self.know(&entry, stamp, inputs, row.has_values);
        }
        self.tell_held(key);
        let held_version = version_of(row.description, &row.content());
        if let Some(wanted) = self.wanted.get_mut(&key)
            && wanted.told.version != held_version
        {
            let told = WantedCheckpoint {
                version: held_version,
                ..wanted.told.clone()
            };
            let before = std::mem::replace(&mut wanted.told, told.clone());
            self.reconciler.forget(before);
            self.reconciler.want(told);
        }
    }

    /// Reads the rows of batches that were not there before.
    pub(super) fn read_new_rows(&mut self) -> anyhow::Result<()> {
        self.twins = self
            .plan
            .measure
            .twins
            .iter()
            .map(|&twin| {
                let committed = self.session.folder.twin_tables(twin).committed()?;
                Ok((twin, committed.into_keys().collect()))
            })
            .collect::<anyhow::Result<_>>()?;
        let batches = self.tables.batches()?;
        let new: Vec<String> = batches
            .into_iter()
            .filter(|batch| !self.batches.contains(batch))
            .collect();
        let rows = read_rows(&self.tables, &new, &self.session.record.labels)
            .context("cannot read the tables that were written before")?;
        for (key, mut row) in rows {
            let known = self.known.get(&key);
            row.has_values |= known.is_some_and(|known| known.for_populations);
            let told = self.held_checkpoint(key, &row);
            if let Some(before) = self.held.insert(
                key,
                Held {
                    row,
                    told: told.clone(),
                },
            ) {
                self.reconciler.release(before.told);
            }
            self.reconciler.hold(told);
        }
        self.batches.extend(new);
        // Twins may have become complete.
        if !self.twins.is_empty() {
            let keys: Vec<Key> = self.held.keys().copied().collect();
            for key in keys {
                self.tell_held(key);
            }
        }
        Ok(())
    }

    /// Writes what the files looked like, so that the next start need not hash them. Called at
    /// quiet moments: without it the next start takes longer, and does the same.
    ///
    /// # Errors
    /// The list cannot be written.
    pub(in crate::watch) fn write_known_files(&mut self) -> anyhow::Result<()> {
        if !std::mem::take(&mut self.is_known_changed) {
            return Ok(());
        }
        let mut known: Vec<KnownFile> = self
            .known
            .iter()
            .filter(|(key, _)| self.held.contains_key(key))
            .map(|(_, file)| file.clone())
            .collect();
        known.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
        self.tables.write_known_files(known)?;
        Ok(())
    }
}
