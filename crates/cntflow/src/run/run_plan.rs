//! Runs a plan: all tasks that are not committed yet, on all workers.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cntflow_catalog::{Absence, Catalog, CatalogEntry};
use cntflow_dataflow::{Finished, Key, Stop, key_of, run};
use cntflow_network::Twin;
use cntflow_tables::{BatchLimits, Status};
use cntflow_zoo::{RunSpec, TrainingData, ZooError};

use super::committed_rows::CommittedRows;
use super::content_hasher::ContentHasher;
use super::known_files::{count_changed, remember_files};
use super::membership::Membership;
use super::options::{RunOptions, RunUntil};
use super::outcome::{CheckpointTotals, EarlierWork, RunOutcome};
use super::pending::PendingWork;
use super::probe_gaps::ProbeGaps;
use super::reuse::{Reusable, require_folders};
use super::session::Session;
use super::sources::{check_output_location, scan_sources};
use super::work::{StudyWork, announced};
use super::worker_time::WorkerTime;
use crate::folder::batch_name::new_batch_name;
use crate::folder::removal::remove_orphans;
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::progress::report::{PlannedWork, TaskCounts};
use crate::progress::run_progress::RunProgress;
use crate::study::plan::Plan;

/// Runs `plan` until every task is committed, or until the user interrupts it. In a cluster every
/// process calls this: process 0 looks for what is to do, and the others ask it for tasks.
///
/// # Errors
/// A source does not exist; the folder belongs to another study or cannot be written to; a worker
/// or another process failed.
pub(crate) fn run_plan(
    plan: &Plan,
    options: &RunOptions,
    membership: &Membership,
    stop: &Stop,
) -> anyhow::Result<RunOutcome> {
    check_output_location(plan, &options.out)?;
    require_folders(&options.reuse)?;
    let run = PlanRun {
        plan,
        options,
        membership,
        stop,
    };
    if membership.is_leader() {
        run.lead()
    } else {
        run.help()
    }
}

/// Where process 0 tells the others how many runs are to be trained.
const RUNS_TO_TRAIN: &str = "the number of runs to train";

/// One run of a plan in this process.
pub(crate) struct PlanRun<'a> {
    /// What to train and measure.
    pub(crate) plan: &'a Plan,
    /// Where and how.
    pub(crate) options: &'a RunOptions,
    /// The other processes.
    pub(crate) membership: &'a Membership,
    /// Set when the user interrupts the run.
    pub(crate) stop: &'a Stop,
}

impl PlanRun<'_> {
    fn lead(&self) -> anyhow::Result<RunOutcome> {
        let (plan, until) = (self.plan, self.options.until);
        let started = SystemTime::now();
        let sources = scan_sources(plan)?;
        let session = Session::claim(plan, self.options, &sources.catalog)?;
        let mut pending = PendingWork::new(plan, until, &session.folder, &sources.catalog)?;
        let earlier = pending.earlier;
        self.note_other_files(&session, &sources.catalog, &pending)?;
        let measured = pending.tasks.keys();
        let reused = self.reuse(&session, &pending)?;
        if reused.iter().any(|(_, n)| *n > 0) {
            pending = PendingWork::new(plan, until, &session.folder, &sources.catalog)?;
        }
        self.membership
            .told_by_leader(RUNS_TO_TRAIN, &pending.planned.n_runs.to_string())?;
        self.membership.require_shared(&self.options.out)?;
        let outcome = self.run_tasks(&session, pending);
        if outcome.is_err() {
            remove_orphans(&self.options.out)?;
        }
        let (finished, new, times) = outcome?;
        let mut measured = Arc::unwrap_or_clone(measured);
        if finished == Finished::Stopped {
            let committed = CommittedRows::read(&session.folder, &[])?;
            measured.retain(|key| committed.has(*key));
        }
        self.remember_files(&session, &sources.catalog, measured, started)?;
        let (is_complete, totals) = collect_totals(plan, until, &session.folder, &sources.catalog)?;
        let probe_gaps = match plan.measure.probe {
            Some(_) => ProbeGaps::of(&session.folder.tables())?,
            None => None,
        };
        Ok(RunOutcome {
            folder: session.folder,
            record: session.record,
            is_complete,
            new,
            earlier,
            reused,
            totals,
            skipped_files: sources.skipped_files,
            metadata: sources.metadata,
            probe_gaps,
            times,
            stop: self.stop.clone(),
        })
    }

    /// Says how many files have changed or gone since they were measured. A run trusts names, so
    /// their rows stay as they are.
    fn note_other_files(
        &self,
        session: &Session,
        scanned: &Catalog,
        pending: &PendingWork,
    ) -> anyhow::Result<()> {
        let n_committed = pending.earlier.n_checkpoints;
        if n_committed == 0 || self.plan.sources.is_empty() {
            return Ok(());
        }
        let trained = session.folder.trained_catalog()?;
        let is_committed =
            |entry: &Arc<CatalogEntry>| pending.committed.has(key_of(&entry.checkpoint));
        let entries = trained.entries().chain(scanned.entries());
        let n_gone = n_committed.saturating_sub(entries.filter(is_committed).count());
        // Without a list nothing is known of their files.
        let known = session.folder.tables().known_files().unwrap_or_default();
        let n_changed = count_changed(&known, scanned.entries().filter(is_committed));
        if n_changed + n_gone > 0 {
            printer::note(&format!(
                "since they were measured, {n_changed} files have changed and {n_gone} are gone; \
                 their rows stay as they are. 'cntflow watch' with --once, on the same sources \
                 and output folder, brings the tables up to date"
            ));
        }
        Ok(())
    }

    /// Takes rows from other folders, as far as the user has named some and they have any.
    fn reuse(
        &self,
        session: &Session,
        pending: &PendingWork,
    ) -> anyhow::Result<Vec<(PathBuf, usize)>> {
        let options = &self.options.reuse;
        if options.folders.is_empty() {
            return Ok(Vec::new());
        }
        let measure = self.plan.measure.resolved(&session.record.labels);
        let reusable = Reusable::find(options, &measure, &pending.entries(), self.hasher())?;
        for note in &reusable.notes {
            printer::note(note);
        }
        reusable.commit(&session.folder.tables(), &session.record, &measure)?;
        let taken = reusable.taken.into_iter();
        Ok(taken.map(|(folder, taken)| (folder, taken.len())).collect())
    }

    /// What hashes checkpoints.
    pub(crate) fn hasher(&self) -> ContentHasher<'_> {
        ContentHasher {
            limits: &self.plan.measure.limits,
            n_threads: self.options.workers.n_threads,
            stop: self.stop,
        }
    }

    /// Writes down what the files looked like that this run has measured.
    fn remember_files(
        &self,
        session: &Session,
        scanned: &Catalog,
        mut measured: HashSet<Key>,
        started: SystemTime,
    ) -> anyhow::Result<()> {
        if self.options.until == RunUntil::Trained {
            return Ok(());
        }
        let trained = session.folder.trained_catalog()?;
        // A list that cannot be read is made again.
        let known = session.folder.tables().known_files().unwrap_or_default();
        let ours = trained.entries().map(|entry| key_of(&entry.checkpoint));
        let ours: HashSet<Key> = ours.collect();
        let listed: HashSet<Key> = known.iter().map(|file| key_of(&file.checkpoint)).collect();
        measured.extend(ours.difference(&listed));
        if measured.is_empty() {
            return Ok(());
        }
        let now = SystemTime::now();
        let remembered = remember_files(
            &session.folder.tables(),
            known,
            &measured,
            trained.entries_with(scanned),
            &self.plan.measure.resolved(&session.record.labels),
            |entry| {
                // Files of trained checkpoints are this program's own.
                if ours.contains(&key_of(&entry.checkpoint)) {
                    now
                } else {
                    started
                }
            },
        );
        if let Err(error) = remembered {
            printer::note(&format!(
                "cannot write the list of files, without which they are hashed again: {error}"
            ));
        }
        Ok(())
    }

    fn help(&self) -> anyhow::Result<RunOutcome> {
        // However long process 0 takes to look for checkpoints, it is alive.
        let n_runs = self.membership.told_by_leader(RUNS_TO_TRAIN, "")?.parse()?;
        self.membership.require_shared(&self.options.out)?;
        let session = Session::join(self.plan, self.options, self.membership.process())?;
        let pending = PendingWork {
            planned: PlannedWork {
                n_runs,
                ..PlannedWork::default()
            },
            committed: if n_runs > 0 {
                let twins = &self.plan.measure.twins;
                Arc::new(CommittedRows::read(&session.folder, twins)?)
            } else {
                Arc::default()
            },
            ..PendingWork::default()
        };
        let (finished, new, times) = self.run_tasks(&session, pending)?;
        Ok(RunOutcome {
            folder: session.folder,
            record: session.record,
            is_complete: finished == Finished::All,
            new,
            earlier: EarlierWork::default(),
            reused: Vec::new(),
            totals: CheckpointTotals::default(),
            skipped_files: Vec::new(),
            metadata: None,
            probe_gaps: None,
            times,
            stop: self.stop.clone(),
        })
    }

    /// Runs the pending tasks, or those of other processes.
    ///
    /// # Errors
    /// A worker or another process failed.
    pub(crate) fn run_tasks(
        &self,
        session: &Session,
        pending: PendingWork,
    ) -> anyhow::Result<(Finished, TaskCounts, Vec<WorkerTime>)> {
        let (plan, options) = (self.plan, self.options);
        let progress = if self.membership.is_leader() {
            options.progress
        } else {
            ProgressMode::None
        };
        let work = Arc::new(StudyWork {
            folder: Arc::clone(&session.folder),
            measure: plan.measure.resolved(&session.record.labels),
            datasets: open_datasets(&plan.runs, pending.planned.n_runs)?,
            runs: plan.runs.clone(),
            labels: session.record.labels.clone().into(),
            metadata: session.record.metadata().into(),
            measure_trained: options.until == RunUntil::Measured,
            committed: pending.committed,
            batch_limits: batch_limits(options),
            batch_name: new_batch_name(self.membership.process()),
            process: self.membership.process(),
            task_limit: options.workers.task_limit,
            progress: RunProgress::start(progress, pending.planned),
            times: Mutex::default(),
        });
        let executor = self.membership.executor(options.workers.n_threads);
        let tasks = announced(pending.tasks.tasks(), plan.measure.limits);
        drop(pending.tasks);
        let finished = run(executor, tasks, &work, self.stop);
        // The bar is removed before an error is printed.
        let new = work.progress.finish();
        let finished = finished?;
        let times = work.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = WorkerTime::of_all(self.membership, &times)?;
        Ok((finished, new, times))
    }
}

/// Opens the data sets of the runs, each once, if any are to be trained.
fn open_datasets(
    runs: &[RunSpec],
    n_to_train: usize,
) -> Result<Vec<(String, TrainingData)>, ZooError> {
    let names: BTreeSet<&str> = runs.iter().map(|spec| spec.dataset.as_str()).collect();
    names
        .into_iter()
        .filter(|_| n_to_train > 0)
        .map(|name| Ok((name.to_owned(), TrainingData::open(name)?)))
        .collect()
}

fn batch_limits(options: &RunOptions) -> BatchLimits {
    let defaults = BatchLimits::default();
    BatchLimits {
        age: options.workers.commit_every.unwrap_or(defaults.age),
        ..defaults
    }
}

/// Returns whether nothing is left to do, and the number of checkpoints by status. Merges the
/// catalog once all runs are trained, and the tables once nothing is left.
///
/// Both come from what is committed, not from what this run has counted.
fn collect_totals(
    plan: &Plan,
    until: RunUntil,
    folder: &StudyFolder,
    scanned: &Catalog,
) -> anyhow::Result<(bool, CheckpointTotals)> {
    let pending = PendingWork::new(plan, until, folder, scanned)?;
    if pending.planned.n_runs == 0 && !plan.runs.is_empty() {
        folder.merge_catalog()?;
    }
    let is_complete = pending.tasks.is_empty();
    let stores = folder.all_tables()?;
    for store in stores.iter().filter(|_| is_complete) {
        if let Err(error) = store.merge(&new_batch_name(0)) {
            printer::note(&format!(
                "cannot merge the small parts of the tables, which are complete nevertheless: \
                 {error}"
            ));
        }
    }
    note_failed_twins(folder, &plan.measure.twins)?;
    let mut totals = pending.committed.totals();
    if until == RunUntil::Trained {
        totals.failed = count_failed_runs(&folder.trained_catalog()?);
    }
    Ok((is_complete, totals))
}

/// Says which twins failed for some checkpoints: the totals count the networks themselves.
fn note_failed_twins(folder: &StudyFolder, twins: &[Twin]) -> anyhow::Result<()> {
    for &twin in twins {
        let mut n_failed = 0;
        folder.twin_tables(twin).each_committed(|_, status| {
            n_failed += usize::from(status == Status::Failed);
        })?;
        if n_failed > 0 {
            printer::note(&format!(
                "twin {twin}: {n_failed} checkpoints failed; the table 'networks_{twin}' has the \
                 reasons"
            ));
        }
    }
    Ok(())
}

fn count_failed_runs(trained: &Catalog) -> usize {
    trained
        .entries()
        .filter(|entry| matches!(entry.absent, Some(Absence::Failed(_))))
        .count()
}
