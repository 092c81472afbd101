//! A study whose tables are kept current: what is wanted, what the tables hold, and one update
//! after the other.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_dataflow::{
    Depth, Finished, HeldCheckpoint, Key, Reconciler, Stop, Totals, Version, WantedCheckpoint,
    key_of,
};
use cntflow_network::Twin;
use cntflow_storage::{FullMessage, Location};
use cntflow_tables::{KnownFile, Status, TableStore};

use super::facts::FactPlan;
use super::files::{FileChanges, Sources};
use super::table_rows::TableRow;
use super::update::Update;
use super::version::version_of;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::measure::network::Missing;
use crate::printer;
use crate::progress::report::{PlannedWork, TaskCounts};
use crate::run::label_columns::label_columns;
use crate::run::membership::{Membership, OLD_LIST};
use crate::run::options::RunOptions;
use crate::run::pending::PendingWork;
use crate::run::pending_tasks::PendingTasks;
use crate::run::reuse::Reusable;
use crate::run::run_plan::PlanRun;
use crate::run::session::Session;
use crate::run::task::Task;
use crate::study::measure_plan::MeasurePlan;
use crate::study::plan::Plan;

mod held;
mod wanted;
mod withdrawn;

/// Number of committed batches above which the small ones are merged.
const MERGE_ABOVE: usize = 32;

/// A study whose tables are kept current.
pub(super) struct LiveStudy<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    membership: &'a Membership,
    stop: &'a Stop,
    session: Session,
    tables: TableStore,
    /// How to measure, resolved for the labels.
    measure: MeasurePlan,
    facts: FactPlan,
    reconciler: Reconciler,
    wanted: HashMap<Key, Wanted>,
    held: HashMap<Key, Held>,
    /// What the files looked like when they were measured or hashed last.
    known: HashMap<Key, KnownFile>,
    is_known_changed: bool,
    /// Committed batches whose rows are in `held`.
    batches: BTreeSet<String>,
    /// Checkpoints of the tables that the last look did not find, but could not look everywhere.
    unseen: BTreeSet<Key>,
    /// Whether there was an update since the start.
    has_updated: bool,
    /// Notes that were printed.
    notes: BTreeSet<String>,
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
    /// What its measurement depends on beside its file, when it was looked at.
    inputs: String,
    /// What the reconciler was told.
    told: WantedCheckpoint,
}

impl Wanted {
    /// The key of its run.
    fn run(&self) -> Option<Key> {
        self.told.position.as_ref().map(|position| position.run)
    }
}

/// A checkpoint of the tables.
struct Held {
    row: TableRow,
    /// What the reconciler was told.
    told: HeldCheckpoint,
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
            measure: plan.measure.resolved(&session.record.labels),
            facts,
            reconciler: Reconciler::start(options.workers.n_threads, Depth::Totals)?,
            wanted: HashMap::new(),
            held: HashMap::new(),
            known: known
                .into_iter()
                .map(|file| (key_of(&file.checkpoint), file))
                .collect(),
            is_known_changed: false,
            batches: BTreeSet::new(),
            unseen: BTreeSet::new(),
            has_updated: false,
            notes: BTreeSet::new(),
            twins: Vec::new(),
            tables,
            session,
        };
        study.read_new_rows()?;
        study.withdraw_orphaned_twins()?;
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

    /// Names of the checkpoints that the tables have.
    pub(super) fn held_names(&self) -> impl Iterator<Item = &str> {
        self.held.values().map(|held| held.row.checkpoint.as_str())
    }

    /// The version of a checkpoint's rows: of its content, its labels, and what else they were
    /// measured by.
    pub(super) fn version_of(&self, checkpoint: &str) -> Option<Version> {
        let key = key_of(checkpoint);
        let held = self.held.get(&key)?;
        let inputs = self.known.get(&key).map(|known| known.description.as_str());
        Some(version_of(held.told.version, inputs.unwrap_or_default()))
    }

    /// Whether the tables have any.
    pub(super) fn has_rows(&self) -> bool {
        !self.held.is_empty()
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
        let entries = trained.entries().chain(scanned.entries());
        let mut entries: Vec<Arc<CatalogEntry>> = entries.collect();
        let mut gone: BTreeSet<Key> = self
            .wanted
            .keys()
            .chain(self.held.keys())
            .copied()
            .collect();
        for entry in &entries {
            gone.remove(&key_of(&entry.checkpoint));
        }
        self.unseen.clear();
        if sources.is_partial() {
            // What was not found may be where nobody could look: all of it stays as it is.
            for key in std::mem::take(&mut gone) {
                match self.wanted.get(&key) {
                    Some(wanted) => entries.push(Arc::clone(&wanted.entry)),
                    None => {
                        self.unseen.insert(key);
                    }
                }
            }
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
        let mut entries = changed.entries().collect::<Vec<_>>();
        let keys: BTreeSet<Key> = entries
            .iter()
            .map(|entry| key_of(&entry.checkpoint))
            .collect();
        // Of all runs that lose or get a checkpoint, all others: which is the last may change.
        let mut runs: BTreeSet<Key> = entries.iter().map(|entry| key_of(&entry.run)).collect();
        let changed = keys.iter().chain(&gone);
        let before = changed.filter_map(|key| self.wanted.get(key));
        runs.extend(before.filter_map(Wanted::run));
        // Children are compared with them.
        let gone_entries = gone.iter().filter_map(|key| self.wanted.get(key));
        let parents = entries
            .iter()
            .chain(gone_entries.map(|wanted| &wanted.entry));
        let parents: HashSet<Location> = parents.map(|entry| entry.location.clone()).collect();
        let others = self.wanted.iter().filter(|(key, wanted)| {
            let is_of_run = wanted.run().is_some_and(|run| runs.contains(&run));
            let parent = wanted.entry.parent.as_deref();
            let is_child = parent.is_some_and(|parent| parents.contains(&parent.location));
            (is_of_run || is_child) && !keys.contains(key) && !gone.contains(key)
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
        self.want(entries, gone, sources, quiet, &mut update)?;
        if self.stop.is_set() {
            update.is_stopped = true;
            return Ok(update);
        }
        self.reconciler.settle()?;
        if self.withdraw_stale()? {
            // Before anything is measured anew: a stamp must never be of another row than it was
            // made for.
            self.write_known_files()?;
        }
        self.reuse(&mut update)?;
        let tasks = self.tasks();
        if !tasks.is_empty() {
            update.is_stopped = self.run(tasks, &mut update)?;
        }
        // The program may have been stopped before it came to that.
        let is_first = !std::mem::replace(&mut self.has_updated, true);
        if has_new_labels || (is_first && self.has_several_schemas()?) {
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

    fn has_several_schemas(&self) -> anyhow::Result<bool> {
        for tables in self.session.folder.all_tables()? {
            if tables.has_several_schemas()? {
                return Ok(true);
            }
        }
        Ok(false)
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
            self.facts = self.facts.with_labels(self.plan, &record.labels);
            self.measure = self.plan.measure.resolved(&record.labels);
            self.session.record = record;
        }
        Ok(has_new)
    }

    fn plan_run(&self) -> PlanRun<'a> {
        PlanRun {
            plan: self.plan,
            options: self.options,
            membership: self.membership,
            stop: self.stop,
        }
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
                let bytes = wanted.entry.location.size();
                let task = Task::Measure {
                    entry: Arc::clone(&wanted.entry),
                    bytes,
                    is_last: wanted.is_last,
                    missing: Missing::new(!self.held.contains_key(key), &twins),
                };
                (Reverse(bytes), name.as_str(), task)
            })
            .collect();
        tasks.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        tasks.into_iter().map(|(_, _, task)| task).collect()
    }

    /// Takes rows from other folders, if the user has named some.
    fn reuse(&mut self, update: &mut Update) -> anyhow::Result<()> {
        if self.options.reuse.folders.is_empty() {
            return Ok(());
        }
        let to_do = self.reconciler.to_do().iter();
        let entries: Vec<(Arc<CatalogEntry>, bool)> = to_do
            .filter(|(key, _)| !self.held.contains_key(key))
            .filter_map(|(key, _)| self.wanted.get(key))
            .map(|wanted| (Arc::clone(&wanted.entry), wanted.is_last))
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        let reusable = match Reusable::find(
            &self.options.reuse,
            &self.measure,
            &entries,
            self.plan_run().hasher(),
        ) {
            Ok(reusable) => reusable,
            // Another program may be writing there; what is not reused is measured.
            Err(error) => {
                printer::note(&format!(
                    "nothing is reused now: {}",
                    (*error).full_message()
                ));
                return Ok(());
            }
        };
        for note in &reusable.notes {
            if self.notes.insert(note.clone()) {
                printer::note(note);
            }
        }
        reusable.commit(&self.tables, &self.session.record, &self.measure)?;
        self.read_new_rows()?;
        for key in reusable.keys() {
            self.was_measured(key);
        }
        update.n_reused = reusable.len();
        self.reconciler.settle()?;
        Ok(())
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
            tasks: PendingTasks::of(tasks),
            ..PendingWork::default()
        };
        self.membership
            .told_by_leader(super::NEXT, super::Next::Tasks.as_str())?;
        let run = self.plan_run();
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
}
