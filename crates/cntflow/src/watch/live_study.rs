//! A study whose tables are kept current: what is wanted, what the tables hold, and one update
//! after the other.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use arcstr::ArcStr;
use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_dataflow::{
    Facts, Finished, HeldCheckpoint, Key, Position, Reconciler, Stop, Totals, WantedCheckpoint,
};
use cntflow_network::Twin;
use cntflow_tables::{KnownFile, Status, TableStore};
use rayon::prelude::*;

use super::facts::FactPlan;
use super::files::{FileChanges, Sources};
use super::table_rows::{TableRow, read_rows};
use super::version::{Description, key_of, version_of};
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::measure::network::Missing;
use crate::progress::report::{PlannedWork, TaskCounts};
use crate::run::committed_rows::CommittedRows;
use crate::run::label_columns::label_columns;
use crate::run::membership::Membership;
use crate::run::options::RunOptions;
use crate::run::outcome::EarlierWork;
use crate::run::pending::PendingWork;
use crate::run::run_plan::PlanRun;
use crate::run::session::Session;
use crate::run::task::Task;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};
use crate::study::plan::Plan;

/// Number of committed batches above which the small ones are merged.
const MERGE_ABOVE: usize = 32;

/// How long a shared file system may show an old list of files.
const OLD_LIST: Duration = Duration::from_secs(60);

/// A study whose tables are kept current.
pub(super) struct LiveStudy<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    membership: &'a Membership,
    stop: &'a Stop,
    session: Session,
    tables: TableStore,
    facts: FactPlan,
    reconciler: Reconciler,
    wanted: HashMap<Key, Wanted>,
    held: HashMap<Key, Held>,
    /// What the files looked like when they were measured or hashed last.
    known: HashMap<Key, KnownFile>,
    is_known_changed: bool,
    /// Committed batches whose rows are in `held`.
    batches: BTreeSet<String>,
    /// Checkpoints that each twin has.
    twins: Vec<(Twin, BTreeSet<String>)>,
}

/// A checkpoint of the sources, or a trained one.
struct Wanted {
    entry: Arc<CatalogEntry>,
    /// The stamp of its file; `None` for one without weights.
    stamp: Option<String>,
    /// Whether the catalog has no later checkpoint of its run.
    is_last: bool,
    /// What the reconciler was told.
    told: WantedCheckpoint,
}

/// A checkpoint of the tables.
struct Held {
    row: TableRow,
    /// What the reconciler was told.
    told: HeldCheckpoint,
}

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

impl<'a> LiveStudy<'a> {
    /// Takes the output folder, and reads what its tables hold.
    ///
    /// # Errors
    /// The folder belongs to another study or cannot be read or written to.
    pub(super) fn open(
        plan: &'a Plan,
        options: &'a RunOptions,
        membership: &'a Membership,
        stop: &'a Stop,
        scanned: &Catalog,
    ) -> anyhow::Result<Self> {
        let session = Session::claim(plan, options, scanned)?;
        let tables = session.folder.tables();
        let facts = FactPlan::new(plan, &session.record.labels);
        let known = tables.known_files().unwrap_or_default();
        let mut study = Self {
            plan,
            options,
            membership,
            stop,
            facts,
            reconciler: Reconciler::start(options.workers.n_threads, true)?,
            wanted: HashMap::new(),
            held: HashMap::new(),
            known: known
                .into_iter()
                .map(|file| (key_of(&file.checkpoint), file))
                .collect(),
            is_known_changed: false,
            batches: BTreeSet::new(),
            twins: Vec::new(),
            tables,
            session,
        };
        study.read_new_rows()?;
        Ok(study)
    }

    /// The output folder.
    pub(super) fn folder(&self) -> &Arc<StudyFolder> {
        &self.session.folder
    }

    /// The record of the study.
    pub(super) fn record(&self) -> &StudyRecord {
        &self.session.record
    }

    /// What is counted and summed.
    pub(super) fn facts(&self) -> &FactPlan {
        &self.facts
    }

    /// Counts and sums as of the last update.
    pub(super) fn totals(&self) -> &Totals {
        self.reconciler.totals()
    }

    /// Number of checkpoints that failed.
    pub(super) fn n_failed(&self) -> usize {
        let held = self.held.values();
        held.filter(|held| held.row.status == Status::Failed)
            .count()
    }

    /// Makes the tables current with these sources: removes rows of what is gone or has changed,
    /// and measures what is new. Files that changed less than `quiet` ago are left for the next
    /// update.
    ///
    /// # Errors
    /// A table cannot be read or written; a worker or another process failed.
    pub(super) fn update(
        &mut self,
        scanned: &Catalog,
        sources: &Sources<'_>,
        quiet: Duration,
    ) -> anyhow::Result<Update> {
        let has_new_labels = self.take_in_labels(scanned)?;
        let trained = self.session.folder.trained_catalog()?;
        let entries = trained.entries().iter().chain(scanned.entries());
        let entries: Vec<Arc<CatalogEntry>> = entries.cloned().collect();
        let mut gone: BTreeSet<Key> = self
            .wanted
            .keys()
            .chain(self.held.keys())
            .copied()
            .collect();
        for entry in &entries {
            gone.remove(&key_of(&entry.checkpoint));
        }
        self.update_to(&entries, gone, has_new_labels, sources, quiet)
    }

    /// As [`LiveStudy::update`], where all that has changed is known.
    ///
    /// # Errors
    /// As [`LiveStudy::update`].
    pub(super) fn update_some(
        &mut self,
        changes: FileChanges,
        sources: &Sources<'_>,
        quiet: Duration,
    ) -> anyhow::Result<Update> {
        let changed = Catalog::new(changes.entries)?;
        let has_new_labels = self.take_in_labels(&changed)?;
        let gone: BTreeSet<Key> = changes.gone.iter().map(|name| key_of(name)).collect();
        let mut entries = changed.entries().to_vec();
        let keys: BTreeSet<Key> = entries
            .iter()
            .map(|entry| key_of(&entry.checkpoint))
            .collect();
        // Of all runs that lose or get a checkpoint, all others: which is the last may change.
        let mut runs: BTreeSet<ArcStr> = entries.iter().map(|entry| entry.run.clone()).collect();
        let before = keys
            .iter()
            .chain(&gone)
            .filter_map(|key| self.wanted.get(key));
        runs.extend(before.map(|wanted| wanted.entry.run.clone()));
        let others = self.wanted.iter().filter(|(key, wanted)| {
            runs.contains(&wanted.entry.run) && !keys.contains(key) && !gone.contains(key)
        });
        entries.extend(others.map(|(_, wanted)| Arc::clone(&wanted.entry)));
        self.update_to(&entries, gone, has_new_labels, sources, quiet)
    }

    /// Makes the tables current with these checkpoints, which are whole runs, and without those
    /// that are gone.
    fn update_to(
        &mut self,
        entries: &[Arc<CatalogEntry>],
        gone: BTreeSet<Key>,
        has_new_labels: bool,
        sources: &Sources<'_>,
        quiet: Duration,
    ) -> anyhow::Result<Update> {
        let mut update = Update {
            before: self.reconciler.totals().clone(),
            ..Update::default()
        };
        self.want(entries, gone, sources, quiet, &mut update);
        self.reconciler.settle()?;
        self.withdraw_stale()?;
        let tasks = self.tasks();
        if !tasks.is_empty() {
            update.is_stopped = self.run(tasks, &mut update)?;
        }
        if has_new_labels {
            // Other programs cannot read parts with different columns as one table.
            self.merge()?;
        } else if self.batches.len() > MERGE_ABOVE {
            for tables in self.session.folder.all_tables()? {
                tables.merge_small(&new_batch_name(0))?;
            }
            self.batches = self.tables.batches()?.into_iter().collect();
        }
        Ok(update)
    }

    /// Merges the parts of the tables, as a run does at its end.
    ///
    /// # Errors
    /// A part cannot be read or written.
    pub(super) fn merge(&mut self) -> anyhow::Result<()> {
        for tables in self.session.folder.all_tables()? {
            tables.merge(&new_batch_name(0))?;
        }
        self.batches = self.tables.batches()?.into_iter().collect();
        Ok(())
    }

    /// Adds columns for labels that the tables do not have yet; returns whether there are any.
    fn take_in_labels(&mut self, scanned: &Catalog) -> anyhow::Result<bool> {
        let record = &self.session.record;
        let labels = label_columns(self.plan, scanned, &record.labels, &self.options.out)?;
        let has_new = labels != record.labels;
        if has_new {
            let record = StudyRecord {
                labels,
                ..record.clone()
            };
            record.write(&self.options.out)?;
            self.facts = FactPlan::new(self.plan, &record.labels);
            self.session.record = record;
        }
        Ok(has_new)
    }

    /// Tells the reconciler which checkpoints there are now.
    fn want(
        &mut self,
        entries: &[Arc<CatalogEntry>],
        gone: BTreeSet<Key>,
        sources: &Sources<'_>,
        quiet: Duration,
        update: &mut Update,
    ) {
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
                None => Some(sources.stamp(&entry.location)),
            };
            let modified = stamp.as_ref().and_then(|stamp| stamp.modified);
            let age = modified.and_then(|time| now.duration_since(time).ok());
            let settles_in = age.and_then(|age| quiet.checked_sub(age));
            let stamp = stamp.map(|stamp| stamp.text);
            let before = self.wanted.get(&key);
            let is_same = before.is_some_and(|before| {
                before.entry == *entry && before.stamp == stamp && before.is_last == is_last
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
        let limits = &self.plan.measure.limits;
        let hashed: HashMap<Key, String> = to_hash
            .par_iter()
            .filter_map(|(key, entry)| {
                use cntflow_formats::OpenCheckpoint;

                // What cannot be opened is measured, so that its row has the reason.
                let checkpoint = OpenCheckpoint::open_at(&entry.location, limits).ok()?;
                Some((*key, checkpoint.digest()))
            })
            .collect();
        for (key, entry, stamp, is_last) in changed {
            self.want_one(key, entry, stamp, is_last, hashed.get(&key), update);
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
    }

    /// Keeps the row of a file that is being written, until it is known what becomes of it.
    fn want_as_held(&mut self, key: Key, entry: &Arc<CatalogEntry>, is_last: bool) {
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
            told,
        };
        self.wanted.insert(key, wanted);
        self.tell_held(key);
    }

    /// Whether only hashing its file tells whether a checkpoint has changed.
    fn needs_hash(&self, key: Key, entry: &CatalogEntry, stamp: Option<&str>) -> bool {
        let held = self.held.get(&key);
        let has_digest = held.is_some_and(|held| held.row.digest.is_some());
        has_digest && stamp.is_some() && !self.is_known(key, entry, stamp)
    }

    /// Whether the row of a checkpoint was made of its file as it is now.
    fn is_known(&self, key: Key, entry: &CatalogEntry, stamp: Option<&str>) -> bool {
        self.known.get(&key).is_some_and(|known| {
            Some(known.stamp.as_str()) == stamp && known.description == other_inputs(entry)
        })
    }

    /// What identifies the content of a checkpoint now, in the words of its row.
    fn content(
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
            known.is_some_and(|known| known.description != other_inputs(entry));
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

    fn want_one(
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
            if let (Some(stamp), Some(digest)) = (&stamp, digest) {
                self.know(&entry, stamp.clone(), Some(digest.clone()));
            }
        } else if !self.wanted.contains_key(&key) {
            update.new.push(entry.checkpoint.clone());
        }
        let wanted = Wanted {
            entry,
            stamp,
            is_last,
            told: told.clone(),
        };
        if let Some(before) = self.wanted.insert(key, wanted) {
            self.reconciler.forget(before.told);
        }
        self.reconciler.want(told);
        self.tell_held(key);
    }

    fn know(&mut self, entry: &CatalogEntry, stamp: String, digest: Option<String>) {
        let known = KnownFile {
            checkpoint: entry.checkpoint.clone(),
            stamp,
            digest,
            description: other_inputs(entry),
        };
        self.known.insert(key_of(&entry.checkpoint), known);
        self.is_known_changed = true;
    }

    /// Tells the reconciler of a row again: what it says depends on what is wanted.
    fn tell_held(&mut self, key: Key) {
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

    fn held_checkpoint(&mut self, key: Key, row: &TableRow) -> HeldCheckpoint {
        let wanted = self.wanted.get(&key);
        let facts = match wanted {
            Some(wanted) => self.facts.facts(&wanted.entry, row),
            None => Facts::default(),
        };
        let could_have_values = row.status == Status::Ok && row.has_graph && !row.has_values;
        let lacks_values = could_have_values
            && wanted.is_some_and(|wanted| self.needs_values(&wanted.entry, wanted.is_last));
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

    /// Whether the values of a checkpoint belong to populations.
    fn needs_values(&self, entry: &CatalogEntry, is_last: bool) -> bool {
        let measure = self.plan.measure.resolved(&self.session.record.labels);
        let has_bin = measure.populations.as_ref().is_some_and(|spec| {
            let label = entry.labels.get(&spec.label);
            label.and_then(|label| spec.bin(label)).is_some()
        });
        has_bin && !measure.sampled_metrics(is_last).is_empty()
    }

    /// Removes rows that nothing is wanted of.
    fn withdraw_stale(&mut self) -> anyhow::Result<()> {
        let stale: BTreeSet<String> = self
            .reconciler
            .stale()
            .iter()
            .filter_map(|(key, _)| Some(self.held.get(key)?.row.checkpoint.clone()))
            .collect();
        if stale.is_empty() {
            return Ok(());
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
        Ok(())
    }

    /// The tasks of everything that is to do, the costliest first.
    fn tasks(&self) -> Vec<Task> {
        let wanted = self.reconciler.to_do().iter();
        let wanted = wanted.filter_map(|(key, _)| self.wanted.get(key).map(|found| (key, found)));
        let mut tasks: Vec<(Reverse<Option<u64>>, &str, Task)> = wanted
            .map(|(key, wanted)| {
                let name = &wanted.entry.checkpoint;
                let twins = self.twins.iter();
                let twins = twins.filter(|(_, names)| !names.contains(name));
                let twins: Vec<Twin> = twins.map(|(twin, _)| *twin).collect();
                let task = Task::Measure {
                    entry: Arc::clone(&wanted.entry),
                    is_last: wanted.is_last,
                    missing: Missing::new(!self.held.contains_key(key), &twins),
                };
                (Reverse(wanted.entry.location.size()), name.as_str(), task)
            })
            .collect();
        tasks.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        tasks.into_iter().map(|(_, _, task)| task).collect()
    }

    /// Measures, and takes in the new rows. Returns whether the user has stopped it.
    fn run(&mut self, tasks: Vec<Task>, update: &mut Update) -> anyhow::Result<bool> {
        let names: Vec<(Key, String)> = tasks
            .iter()
            .filter_map(|task| match task {
                Task::Measure { entry, .. } => {
                    Some((key_of(&entry.checkpoint), entry.checkpoint.clone()))
                }
                Task::Train { .. } => None,
            })
            .collect();
        let pending = PendingWork {
            planned: PlannedWork {
                n_runs: 0,
                n_checkpoints: tasks.len(),
                cost: tasks.len() as f64,
            },
            tasks,
            earlier: EarlierWork::default(),
            committed: CommittedRows::default(),
        };
        self.membership
            .told_by_leader(super::NEXT, super::Next::Tasks.as_str())?;
        let run = PlanRun {
            plan: self.plan,
            options: self.options,
            membership: self.membership,
            stop: self.stop,
        };
        let (finished, _, _): (Finished, TaskCounts, _) = run.run_tasks(&self.session, pending)?;
        let since = Instant::now();
        loop {
            self.read_new_rows()?;
            let missing = names
                .iter()
                .filter(|(key, _)| !self.held.contains_key(key))
                .count();
            if missing == 0 || finished == Finished::Stopped {
                break;
            }
            // A shared file system may show an old list of the files that others have written.
            if !self.membership.has_others() || since.elapsed() > OLD_LIST {
                bail!(
                    "{missing} checkpoints were measured, but are not in the tables; do all \
                     processes write to the same folder?"
                );
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        for (key, name) in names {
            let Some(held) = self.held.get(&key) else {
                continue;
            };
            if held.row.status == Status::Failed {
                let reason = held.row.reason.clone().unwrap_or_default();
                update.failed.push((name.clone(), reason));
            }
            update.measured.push(name);
            self.was_measured(key);
        }
        self.reconciler.settle()?;
        Ok(finished == Finished::Stopped)
    }

    /// Notes that the row of a checkpoint was made of what is wanted of it.
    fn was_measured(&mut self, key: Key) {
        let (Some(wanted), Some(held)) = (self.wanted.get(&key), self.held.get_mut(&key)) else {
            return;
        };
        // Some networks have no values, whatever their place in the run.
        held.row.has_values = true;
        let row = held.row.clone();
        let (entry, stamp) = (Arc::clone(&wanted.entry), wanted.stamp.clone());
        if let Some(stamp) = stamp {
            self.know(&entry, stamp, row.digest.clone());
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
    fn read_new_rows(&mut self) -> anyhow::Result<()> {
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
        for (key, row) in rows {
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
    pub(super) fn write_known_files(&mut self) -> anyhow::Result<()> {
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
        self.tables.write_known_files(&known)?;
        Ok(())
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

/// What a measurement depends on that neither the file nor the tables have: the architecture of a
/// catalog.
fn other_inputs(entry: &CatalogEntry) -> String {
    let architecture = entry.architecture.as_deref();
    architecture.map_or_else(String::new, |text| {
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    })
}
