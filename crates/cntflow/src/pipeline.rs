//! Carrying out a plan: what is left to do, the dataflow over it, and what there is when it has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use cntflow_catalog::{Absence, Catalog, CatalogEntry, SkippedFile};
use cntflow_dataflow::{Executor, Finished, TaskQueue, deal, run};
use cntflow_sources::scan_within;
use cntflow_storage::Limits;
use cntflow_storage::store::{Folder, ObjectStores};
use cntflow_tables::{BatchLimits, Committed, Status};

use crate::args::{TalkArguments, WorkerArguments};
use crate::enter::{enter, label_columns, refuse_nothing, study_record};
use crate::exit::{ExitStatus, UsageError};
use crate::folder::StudyFolder;
use crate::interrupt::stop_on_interrupt;
use crate::left::{Resumed, digest, left_to_do, open_data};
use crate::populations::PopulationsMade;
use crate::printer;
use crate::progress::{Counts, Progress};
use crate::study::Plan;
use crate::work::{StudyWork, Task};

/// How far a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Training alone.
    Train,
    /// Training and measuring.
    Measure,
}

/// Where and how a plan is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Output folder.
    pub(crate) out: PathBuf,
    /// Whether to remove earlier output first.
    pub(crate) fresh: bool,
    /// Whether to measure again what failed before.
    pub(crate) retry_failed: bool,
    /// How far to go.
    pub(crate) extent: Extent,
    /// Threads and cluster.
    pub(crate) workers: WorkerArguments,
    /// How to show progress.
    pub(crate) talk: TalkArguments,
}

/// How a plan was carried out.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The folder with all output.
    pub(crate) folder: StudyFolder,
    /// What is left to others: whether this process leads (alone, or process 0 of a cluster).
    pub(crate) leads: bool,
    /// Whether everything was done.
    pub(crate) complete: bool,
    /// What this run did, in all processes.
    pub(crate) new: Counts,
    /// What earlier runs had committed.
    pub(crate) resumed: Resumed,
    /// Checkpoints by status now.
    pub(crate) totals: Totals,
    /// Files of the sources that are no checkpoints.
    pub(crate) passed_over: Vec<SkippedFile>,
    /// What became of the populations, where the study has any and everything was measured.
    pub(crate) populations: Option<PopulationsMade>,
    /// Wall time in seconds.
    pub(crate) seconds: f64,
}

/// Committed checkpoints by status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Measured.
    pub(crate) ok: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Skipped.
    pub(crate) skipped: usize,
}

impl Carried {
    /// The exit status of a run that ended so.
    pub(crate) fn status(&self) -> ExitStatus {
        match (self.complete, self.totals.failed) {
            (false, _) => ExitStatus::Failed,
            (true, 0) => ExitStatus::Done,
            (true, _) => ExitStatus::SomeFailed,
        }
    }
}

/// Carries out `plan`: everything that is not committed yet, by all workers.
///
/// # Errors
/// A source names nothing; the folder is another's or cannot be written to; a worker or another process failed.
pub(crate) fn carry_out(plan: &Plan, setting: &Setting) -> anyhow::Result<Carried> {
    let started = Instant::now();
    refuse_what_stores_do_not_take(plan, &setting.out)?;
    let stop = stop_on_interrupt()?;
    let (found, passed_over) = scan_within(&plan.sources, &plan.catalog, &plan.measure.limits)?;
    refuse_nothing(plan, &found, &passed_over)?;
    let labels = label_columns(plan, setting, &found)?;
    if let Some(populations) = &plan.measure.populations {
        populations.refuse_unknown_label(&labels)?;
    }
    let record = study_record(plan, labels.clone())?;
    let (folder, peers) = enter(plan, setting, &record)?;
    let (process, processes) = peers
        .as_ref()
        .map_or((0, 1), |peers| (peers.process(), peers.processes()));

    let left = left_to_do(plan, setting.extent, &folder, &found)?;
    let agreed = vec![("the list of tasks left", digest(&left.tasks))];
    let work = Arc::new(StudyWork {
        measure: plan.measure.clone(),
        data: open_data(&left.tasks)?,
        labels: labels.into(),
        metadata: record.metadata().into(),
        measure_trained: setting.extent == Extent::Measure,
        committed: left.committed,
        limits: limits(&setting.workers),
        batch_name: batch_name(process),
        progress: Progress::start(setting.talk.progress, left.planned),
        folder,
    });
    let share = deal(left.tasks, |(_, cost)| *cost as u64, process, processes);
    expect_objects(&share, &plan.measure.limits)?;
    let share: TaskQueue<Task> = share.into_iter().map(|(task, _)| task).collect();
    let executor = Executor {
        peers,
        agreed,
        ..Executor::threads(n_workers(&setting.workers))
    };
    let finished = run(executor, share, Arc::clone(&work), &stop);
    let new = work.progress.finish();
    let finished = finished?;
    let Some(work) = Arc::into_inner(work) else {
        bail!("a worker still holds the study's folder")
    };
    conclude(plan, setting, work.folder, &found, process == 0, finished).map(
        |(folder, complete, totals)| Carried {
            folder,
            leads: process == 0,
            complete,
            new,
            resumed: left.resumed,
            totals,
            passed_over,
            populations: None,
            seconds: started.elapsed().as_secs_f64(),
        },
    )
}

/// Checkpoints are made on a disk: a run writes them one after the other and reads them back. HTTP servers are read only.
fn refuse_what_stores_do_not_take(plan: &Plan, out: &Path) -> Result<(), UsageError> {
    let Folder::Remote(url) = Folder::at(out) else {
        return Ok(());
    };
    if url.starts_with("http") {
        return Err(UsageError(format!(
            "{url}: output goes to a folder, or to s3, gs or az"
        )));
    }
    if !plan.runs.is_empty() {
        return Err(UsageError(format!(
            "{url}: populations are trained into a folder on a disk; measure them from there with --out {url}"
        )));
    }
    Ok(())
}

/// Has the objects that will be measured read ahead; of those that hold many checkpoints, rows and members are read as they come.
fn expect_objects(share: &[(Task, f64)], limits: &Limits) -> anyhow::Result<()> {
    let urls = share.iter().filter_map(|(task, _)| match task {
        Task::Measure(entry) if entry.location.row.is_none() => entry.location.object(),
        Task::Measure(_) | Task::Train(_) => None,
    });
    let urls: Vec<String> = urls.map(str::to_owned).collect();
    if !urls.is_empty() {
        ObjectStores::of_process()?.read_ahead(urls, *limits);
    }
    Ok(())
}

/// A name no other run of the program gives to its parts: the time of its start, and its process.
pub(crate) fn batch_name(process: usize) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:015}-p{process:03}", now.as_micros())
}

fn limits(workers: &WorkerArguments) -> BatchLimits {
    let defaults = BatchLimits::default();
    let age = workers
        .commit_every
        .map(|seconds| Duration::from_secs(seconds.into()));
    BatchLimits {
        age: age.unwrap_or(defaults.age),
        ..defaults
    }
}

/// Threads of this process.
pub(crate) fn n_workers(workers: &WorkerArguments) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    workers.workers.map_or_else(cores, usize::from)
}

/// What is there after the run: nothing is taken from what the run believes, all from what is committed.
fn conclude(
    plan: &Plan,
    setting: &Setting,
    folder: StudyFolder,
    found: &Catalog,
    leads: bool,
    finished: Finished,
) -> anyhow::Result<(StudyFolder, bool, Totals)> {
    if !leads {
        return Ok((folder, finished == Finished::All, Totals::default()));
    }
    let mut left = left_to_do(plan, setting.extent, &folder, found)?;
    // It is read anew below, and there may be a million of them.
    left.committed.clear();
    if left.planned.runs == 0 && !plan.runs.is_empty() {
        folder.unite_catalog()?;
    }
    if left.tasks.is_empty()
        && let Err(error) = folder.tables().merge(&batch_name(0))
    {
        printer::note(&format!(
            "the tables stay in small parts, for they could not be merged: {error}"
        ));
    }
    let mut totals = totals(&folder.tables().committed()?);
    if setting.extent == Extent::Train {
        let trained = folder.trained()?;
        let failed = |entry: &&Arc<CatalogEntry>| matches!(entry.absent, Some(Absence::Failed(_)));
        totals.failed = trained.entries().iter().filter(failed).count();
    }
    Ok((folder, left.tasks.is_empty(), totals))
}

fn totals(committed: &Committed) -> Totals {
    let count = |status: Status| committed.values().filter(|found| **found == status).count();
    Totals {
        ok: count(Status::Ok),
        failed: count(Status::Failed),
        skipped: count(Status::Skipped),
    }
}

/// Name of a study that is given by its sources alone.
pub(crate) fn name_of_sources(sources: &[String]) -> String {
    let first = sources.first().map_or("", String::as_str);
    let stem = Path::new(first)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let name: String = stem
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_.".contains(*c))
        .collect();
    if name.trim_matches('.').is_empty() {
        "measure".to_owned()
    } else {
        name.trim_start_matches('.').to_owned()
    }
}
