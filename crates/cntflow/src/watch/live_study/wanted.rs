//! What is wanted: the checkpoints of the sources, each in a version.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cntflow_catalog::CatalogEntry;
use cntflow_dataflow::{Key, Position, WantedCheckpoint, key_of};
use cntflow_tables::Status;

use super::{LiveStudy, Sources, Update, Wanted};
use crate::run::known_files::other_inputs;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};
use crate::watch::version::{Description, version_of};

impl LiveStudy<'_> {
    /// Tells the reconciler which checkpoints there are now. If the user stops it, nothing is told.
    ///
    /// # Errors
    /// The threads that hash cannot be started.
    pub(super) fn want(
        &mut self,
        entries: &[Arc<CatalogEntry>],
        gone: BTreeSet<Key>,
        sources: &Sources<'_>,
        quiet: Duration,
        update: &mut Update,
    ) -> anyhow::Result<()> {
        let now = SystemTime::now();
        let last = LastCheckpoints::of(entries.iter().map(|entry| run_position(entry)));
        // Hashing takes time, so it is done for all of them together.
        let mut to_hash: Vec<(Key, Arc<CatalogEntry>)> = Vec::new();
        let mut changed: Vec<(Key, Arc<CatalogEntry>, Option<String>, bool)> = Vec::new();
        for entry in entries {
            let key = key_of(&entry.checkpoint);
            let is_last = last.contains(run_position(entry));
            let stamp = match entry.absent {
                Some(_) => None,
                None => sources.stamp(&entry.location),
            };
            if entry.absent.is_none() && stamp.is_none() && self.held.contains_key(&key) {
                // It cannot be looked at now: as before.
                self.want_as_held(key, entry, is_last);
                continue;
            }
            let modified = stamp.as_ref().and_then(|stamp| stamp.modified);
            let age = modified.and_then(|time| now.duration_since(time).ok());
            let settles_in = age.and_then(|age| quiet.checked_sub(age));
            let stamp = stamp.map(|stamp| stamp.text);
            let before = self.wanted.get(&key);
            let is_same = before.is_some_and(|before| {
                before.entry == *entry
                    && before.stamp == stamp
                    && before.is_last == is_last
                    && !self.has_other_parent(before)
            });
            if is_same {
                continue;
            }
            if let Some(settles_in) = settles_in {
                // As before, if it was there.
                if update.unsettled.is_empty() || settles_in < update.settles_in {
                    update.settles_in = settles_in;
                }
                update.unsettled.push(entry.location.path.to_path_buf());
                self.want_as_held(key, entry, is_last);
                continue;
            }
            if self.needs_hash(key, entry, stamp.as_deref()) {
                to_hash.push((key, Arc::clone(entry)));
            }
            changed.push((key, Arc::clone(entry), stamp, is_last));
        }
        // What cannot be opened is measured, so that its row has the reason.
        let hashed = self.plan_run().hasher().digests(&to_hash)?;
        if self.stop.is_set() {
            return Ok(());
        }
        for (key, entry, stamp, is_last) in changed {
            let digest = hashed.get(&key).and_then(Option::as_ref);
            self.want_one(key, entry, stamp, is_last, digest, update);
        }
        for key in gone {
            let held = self.held.get(&key);
            let held = held.map(|held| held.row.checkpoint.clone());
            let wanted = self.wanted.remove(&key);
            let name = wanted
                .as_ref()
                .map(|wanted| wanted.entry.checkpoint.clone())
                .or(held);
            update.deleted.extend(name);
            if let Some(wanted) = wanted {
                self.reconciler.forget(wanted.told);
                self.tell_held(key);
            }
        }
        Ok(())
    }

    /// Whether the parent that a checkpoint is compared with has changed since the last look.
    fn has_other_parent(&self, before: &Wanted) -> bool {
        let (entry, measure) = (&before.entry, &self.plan.measure);
        entry.parent.is_some()
            && measure.is_against_parent()
            && other_inputs(entry, measure) != before.inputs
    }

    /// Keeps the row of a file that is being written, until it is known what becomes of it.
    pub(super) fn want_as_held(&mut self, key: Key, entry: &Arc<CatalogEntry>, is_last: bool) {
        let Some(held) = self.held.get(&key) else {
            return;
        };
        if self.wanted.contains_key(&key) {
            return;
        }
        let told = WantedCheckpoint {
            key,
            version: version_of(held.row.description, &held.row.content()),
            position: Some(position(entry)),
        };
        self.reconciler.want(told.clone());
        let wanted = Wanted {
            entry: Arc::clone(entry),
            // Another one than it will have, so that it is looked at again.
            stamp: None,
            is_last,
            inputs: String::new(),
            told,
        };
        self.wanted.insert(key, wanted);
        self.tell_held(key);
    }

    /// Whether only hashing its file tells whether a checkpoint has changed.
    pub(super) fn needs_hash(&self, key: Key, entry: &CatalogEntry, stamp: Option<&str>) -> bool {
        let held = self.held.get(&key);
        let has_digest = held.is_some_and(|held| held.row.digest.is_some());
        has_digest && stamp.is_some() && !self.is_known(key, entry, stamp)
    }

    /// Whether the row of a checkpoint was made of its file as it is now.
    pub(super) fn is_known(&self, key: Key, entry: &CatalogEntry, stamp: Option<&str>) -> bool {
        self.known.get(&key).is_some_and(|known| {
            Some(known.stamp.as_str()) == stamp
                && known.description == other_inputs(entry, &self.plan.measure)
        })
    }

    /// What identifies the content of a checkpoint now, in the words of its row.
    pub(super) fn content(
        &self,
        key: Key,
        entry: &CatalogEntry,
        stamp: Option<&str>,
        digest: Option<&String>,
    ) -> String {
        if let Some(absence) = &entry.absent {
            return absence.to_string();
        }
        let stamp_text = stamp.unwrap_or_default();
        let Some(held) = self.held.get(&key) else {
            return format!("new {stamp_text}");
        };
        let known = self.known.get(&key);
        // The architecture of a catalog is not in the tables: a change of it shows here alone.
        let is_described_otherwise =
            known.is_some_and(|known| known.description != other_inputs(entry, &self.plan.measure));
        if self.is_known(key, entry, stamp) {
            return held.row.content();
        }
        match digest {
            Some(digest) if !is_described_otherwise => digest.clone(),
            // Tables without digests, made by a run: the size is all that is known.
            None if known.is_none()
                && held.row.digest.is_none()
                && held.row.status == Status::Ok
                && held.row.bytes == entry.location.size() =>
            {
                held.row.content()
            }
            _ => format!("changed {stamp_text}"),
        }
    }

    pub(super) fn want_one(
        &mut self,
        key: Key,
        entry: Arc<CatalogEntry>,
        stamp: Option<String>,
        is_last: bool,
        digest: Option<&String>,
        update: &mut Update,
    ) {
        let content = self.content(key, &entry, stamp.as_deref(), digest);
        let labels = Description::of_entry(&entry, &self.session.record.labels);
        let inputs = other_inputs(&entry, &self.plan.measure);
        let told = WantedCheckpoint {
            key,
            version: version_of(labels, &content),
            position: Some(position(&entry)),
        };
        if let Some(held) = self.held.get(&key) {
            if held.row.content() != content {
                update.changed.push(entry.checkpoint.clone());
            } else if held.row.description != labels {
                update.relabelled.push(entry.checkpoint.clone());
            }
            // So that it is not hashed again.
            if let (Some(stamp), Some(_)) = (&stamp, digest) {
                let for_populations = held.row.has_values;
                self.know(&entry, stamp.clone(), inputs.clone(), for_populations);
            }
        } else if !self.wanted.contains_key(&key) {
            update.new.push(entry.checkpoint.clone());
        }
        let wanted = Wanted {
            entry,
            stamp,
            is_last,
            inputs,
            told: told.clone(),
        };
        if let Some(before) = self.wanted.insert(key, wanted) {
            self.reconciler.forget(before.told);
        }
        self.reconciler.want(told);
        self.tell_held(key);
    }
}

/// The place of a checkpoint in its run.
fn position(entry: &CatalogEntry) -> Position {
    Position {
        run: key_of(&entry.run),
        step: entry.step,
        name: entry.checkpoint.clone(),
    }
}
