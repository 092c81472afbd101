//! Carrying out a plan: what is left to do, the dataflow over it, and what there is when it has ended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use cntflow_checkpoint::{Absence, Catalog, CatalogEntry, LabelColumn, PassedOver, scan};
use cntflow_dataflow::{Cluster, Executor, Finished, Peers, TaskQueue, deal, run};
use cntflow_tables::{BatchLimits, Committed, Status};
use cntflow_zoo::TrainingData;

use crate::args::{TalkArguments, WorkerArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::folder::{StudyFolder, StudyRecord};
use crate::interrupt::stop_on_interrupt;
use crate::printer;
use crate::progress::{Counts, Planned, Progress};
use crate::study::Plan;
use crate::work::{StudyWork, Task, planned_entry};

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
    pub(crate) passed_over: Vec<PassedOver>,
    /// Wall time in seconds.
    pub(crate) seconds: f64,
}

/// What earlier runs of the same study had committed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resumed {
    /// Runs trained.
    pub(crate) runs: usize,
    /// Checkpoints measured, failed or skipped.
    pub(crate) checkpoints: usize,
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

/// What is left to do, and what was done before.
struct Left {
    /// Each with its cost, asked for once: a file may grow while it is looked at, and all processes must deal alike.
    tasks: Vec<(Task, f64)>,
    planned: Planned,
    resumed: Resumed,
    committed: Committed,
}

/// Carries out `plan`: everything that is not committed yet, by all workers.
///
/// # Errors
/// A source names nothing; the folder is another's or cannot be written to; a worker or another process failed.
pub(crate) fn carry_out(plan: &Plan, setting: &Setting) -> anyhow::Result<Carried> {
    let started = Instant::now();
    let stop = stop_on_interrupt()?;
    let (found, passed_over) = scan(&plan.sources)?;
    refuse_nothing(plan, &found, &passed_over)?;
    let labels = label_columns(plan, setting, &found)?;
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
            seconds: started.elapsed().as_secs_f64(),
        },
    )
}

/// An empty result with no reason helps nobody.
fn refuse_nothing(plan: &Plan, found: &Catalog, passed_over: &[PassedOver]) -> anyhow::Result<()> {
    if !plan.runs.is_empty() || !found.entries().is_empty() {
        return Ok(());
    }
    let reason = match passed_over {
        [] => "no files".to_owned(),
        [first, ..] => format!(
            "{} files passed over, such as {}: {}",
            passed_over.len(),
            first.path.display(),
            first.reason
        ),
    };
    Err(UsageError(format!(
        "{}: no checkpoints here ({reason})",
        plan.sources.join(", ")
    ))
    .into())
}

/// Takes the folder, and connects the cluster around it: process 0 prepares the folder before anyone can reach it, the others join
/// what it has prepared.
fn enter(
    plan: &Plan,
    setting: &Setting,
    record: &StudyRecord,
) -> anyhow::Result<(StudyFolder, Option<Peers>)> {
    let (Some(hosts), Some(process)) = (&setting.workers.hosts, setting.workers.process) else {
        return Ok((claim(setting, record)?, None));
    };
    let cluster = Cluster::from_hosts_file(hosts, process);
    let cluster = cluster.map_err(|error| UsageError(error.to_string()))?;
    let fingerprint = [
        (
            "the version of cntflow",
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        ("the study", plan.identity()?),
        ("what is to be done", format!("{:?}", setting.extent)),
        (
            "the number of processes",
            cluster.addresses.len().to_string(),
        ),
    ];
    if process == 0 {
        let folder = claim(setting, record)?;
        return Ok((folder, Some(cluster.connect(&fingerprint)?)));
    }
    let peers = cluster.connect(&fingerprint)?;
    Ok((
        StudyFolder::join(&setting.out, record, process)?,
        Some(peers),
    ))
}

/// Takes the folder, and withdraws what failed before where it is to be tried again.
fn claim(setting: &Setting, record: &StudyRecord) -> anyhow::Result<StudyFolder> {
    let folder = StudyFolder::claim(&setting.out, record, setting.fresh)?;
    if setting.retry_failed {
        let tables = folder.tables();
        let committed = tables.committed()?.into_iter();
        let failed = committed.filter(|(_, status)| *status == Status::Failed);
        tables.withdraw(
            &failed.map(|(checkpoint, _)| checkpoint).collect(),
            &batch_name(0),
        )?;
    }
    Ok(folder)
}

/// The label columns of everything that may get a row, those of earlier runs of the study included.
fn label_columns(
    plan: &Plan,
    setting: &Setting,
    found: &Catalog,
) -> anyhow::Result<Vec<LabelColumn>> {
    let runs = plan.runs.iter().map(planned_entry);
    let entries: Vec<CatalogEntry> = runs.chain(found.entries().iter().cloned()).collect();
    let mut labels = Catalog::new(entries)?.label_columns();
    let identity = plan.identity()?;
    let earlier = StudyRecord::read(&setting.out)?
        .filter(|record| record.identity == identity && !setting.fresh);
    for column in earlier.map_or(Vec::new(), |record| record.labels) {
        match labels.iter_mut().find(|label| label.name == column.name) {
            None => labels.push(column),
            // A column of reals takes whole numbers in.
            Some(label) if label.kind.joined(column.kind) == column.kind => {
                label.kind = column.kind
            }
            Some(label) => bail!(
                "label '{}' is of type {:?} in the tables in {} and of type {:?} now; begin anew with --fresh, or choose another \
                 folder with --out",
                label.name,
                column.kind,
                setting.out.display(),
                label.kind
            ),
        }
    }
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(labels)
}

/// What a folder remembers of the study.
///
/// # Errors
/// The study cannot be written as JSON (a bug).
pub(crate) fn study_record(plan: &Plan, labels: Vec<LabelColumn>) -> anyhow::Result<StudyRecord> {
    Ok(StudyRecord {
        cntflow: env!("CARGO_PKG_VERSION").to_owned(),
        name: plan.name.clone(),
        identity: plan.identity()?,
        measured_with: plan.measure.measured_with(),
        labels,
        discriminate: plan.discriminate.clone(),
    })
}

fn left_to_do(
    plan: &Plan,
    extent: Extent,
    folder: &StudyFolder,
    found: &Catalog,
) -> anyhow::Result<Left> {
    let trained = folder.trained()?;
    let committed = folder.tables().committed()?;
    let trained_runs: BTreeSet<&str> = trained
        .entries()
        .iter()
        .map(|entry| entry.run.as_str())
        .collect();
    let to_train = plan
        .runs
        .iter()
        .filter(|spec| !trained_runs.contains(spec.run.as_str()));
    let with_cost = |task: Task| {
        let cost = task.cost();
        (task, cost)
    };
    let mut tasks: Vec<(Task, f64)> = to_train.cloned().map(Task::Train).map(with_cost).collect();
    let to_come: usize = tasks.iter().map(|(task, _)| n_checkpoints(task)).sum();
    let mut planned = Planned {
        runs: tasks.len(),
        cost: tasks.iter().map(|(_, cost)| cost).sum(),
        checkpoints: 0,
    };
    if extent == Extent::Measure {
        let known = trained.entries().iter().chain(found.entries());
        let new = known.filter(|entry| !committed.contains_key(&entry.checkpoint));
        let measure: Vec<(Task, f64)> = new.cloned().map(Task::Measure).map(with_cost).collect();
        planned.checkpoints = to_come + measure.len();
        if planned.runs == 0 {
            planned.cost = measure.len() as f64;
        }
        tasks.extend(measure);
    }
    let resumed = Resumed {
        runs: plan.runs.len() - planned.runs,
        checkpoints: committed.len(),
    };
    Ok(Left {
        tasks,
        planned,
        resumed,
        committed,
    })
}

fn n_checkpoints(task: &Task) -> usize {
    if let Task::Train(spec) = task {
        spec.checkpoints.len()
    } else {
        0
    }
}

/// What all processes must find to be left, in the order in which all deal it.
fn digest(tasks: &[(Task, f64)]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (task, cost) in tasks {
        hasher
            .update(task.name().as_bytes())
            .update(&cost.to_le_bytes());
    }
    format!(
        "{} ({} tasks)",
        &hasher.finalize().to_hex()[..16],
        tasks.len()
    )
}

fn open_data(tasks: &[(Task, f64)]) -> anyhow::Result<Vec<(String, TrainingData)>> {
    let names: BTreeSet<&str> = tasks
        .iter()
        .filter_map(|(task, _)| {
            if let Task::Train(spec) = task {
                Some(spec.dataset.as_str())
            } else {
                None
            }
        })
        .collect();
    let open = |name: &str| Ok((name.to_owned(), TrainingData::open(name)?));
    names.into_iter().map(open).collect()
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

fn n_workers(workers: &WorkerArguments) -> usize {
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
    let left = left_to_do(plan, setting.extent, &folder, found)?;
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
        let failed = |entry: &&CatalogEntry| matches!(entry.absent, Some(Absence::Failed(_)));
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
