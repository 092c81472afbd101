//! Runs the tasks of a study: trains runs, measures checkpoints.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use cntflow_catalog::{Absence, CatalogEntry, LabelColumn};
use cntflow_dataflow::{LateTask, TaskContext, Work, WorkerTimes, key_of};
use cntflow_metrics::{MeasuredPart, RunParts};
use cntflow_storage::store::ObjectStores;
use cntflow_storage::{FullMessage, Limits, Stamp};
use cntflow_tables::{Batch, BatchLimits, Status, TableStore};
use cntflow_zoo::{RunSpec, RunStatus, TrainedRun, TrainingData, ZooError, train};
use serde::{Deserialize, Serialize};

use super::batch::StudyBatch;
use super::committed_rows::CommittedRows;
use super::task::{Task, TaskOutput};
use super::trained_entries::{absent_entry, checkpoint_entry};
use crate::folder::study_folder::StudyFolder;
use crate::measure::checkpoint::{failed_records, measure_entry, measure_part_of_entry};
use crate::measure::network::PartRunners;
use crate::printer;
use crate::progress::duration::duration_text;
use crate::progress::report::TaskReport;
use crate::progress::run_progress::RunProgress;
use crate::progress::trace;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};
use crate::study::measure_plan::MeasurePlan;

/// What the workers of one process share.
#[derive(Debug)]
pub(super) struct StudyWork {
    /// The output folder.
    pub(super) folder: Arc<StudyFolder>,
    /// How to measure.
    pub(super) measure: MeasurePlan,
    /// All runs of the plan.
    pub(super) runs: Vec<RunSpec>,
    /// The data sets that training needs, by name.
    pub(super) datasets: Vec<(String, TrainingData)>,
    /// Label columns of the table `networks`.
    pub(super) labels: Arc<[LabelColumn]>,
    /// Keys and values for every part of the tables.
    pub(super) metadata: Arc<[(String, String)]>,
    /// Whether trained checkpoints are measured next.
    pub(super) measure_trained: bool,
    /// Checkpoints that earlier runs of the program have measured; empty if none are to be trained.
    ///
    /// A checkpoint may be measured by another worker than the one that trained it, and that worker
    /// may commit first. If the program is killed in between, the training is repeated and gives
    /// the same bytes; its checkpoints are not measured again.
    pub(super) committed: Arc<CommittedRows>,
    /// When batches are committed.
    pub(super) batch_limits: BatchLimits,
    /// Start of the names of this run's batches.
    pub(super) batch_name: String,
    /// Index of this process.
    pub(super) process: usize,
    /// Longest time for measuring one checkpoint.
    pub(super) task_limit: Option<Duration>,
    /// Shows progress.
    pub(super) progress: RunProgress,
    /// Where the time of each worker went, at the end.
    pub(super) times: Mutex<Vec<WorkerTimes>>,
}

impl Work for StudyWork {
    type Task = Task;
    type Output = TaskOutput;
    type Answer = PartOutput;
    type Report = TaskReport;
    type Collector = StudyBatch;

    fn run(&self, task: &Task, context: &StudyContext<'_>) -> Option<TaskOutput> {
        match task {
            Task::Measure {
                entry,
                bytes,
                is_last,
                missing,
            } => {
                let _span = trace::span("checkpoint", &entry.checkpoint);
                let idle = |stamp| IdleWorkers {
                    context,
                    task,
                    stamp,
                };
                let run = PartRunners {
                    network: &idle(sent_stamp(entry, *bytes)),
                    twins: &idle(None),
                };
                let records = measure_entry(entry, *is_last, *missing, &self.measure, run);
                Some(TaskOutput::Measured(Box::new(records)))
            }
            Task::Train { run } => {
                let spec = &self.runs[*run];
                let _span = trace::span("train", &spec.run);
                self.train(spec, context)
            }
        }
    }

    fn run_part(&self, task: &Task, part: usize) -> Option<PartOutput> {
        let Task::Measure { entry, bytes, .. } = task else {
            return None;
        };
        let _span = trace::span("part", &entry.checkpoint);
        let stamp = sent_stamp(entry, *bytes)?;
        let measured = measure_part_of_entry(entry, &self.measure, part).ok()??;
        (sent_stamp(entry, *bytes)? == stamp).then_some(PartOutput {
            measured,
            stamp: Some(stamp),
        })
    }

    fn panicked(&self, task: &Task, message: &str, context: &StudyContext<'_>) -> TaskOutput {
        match task {
            Task::Measure { entry, missing, .. } => {
                let records = failed_records(entry, *missing, message);
                TaskOutput::Measured(Box::new(records))
            }
            Task::Train { run } => {
                self.training_failed(&self.runs[*run], format!("training {message}"), context)
            }
        }
    }

    fn collector(&self, worker: usize) -> StudyBatch {
        let name = format!("{}-w{worker:03}", self.batch_name);
        let batch = |tables: TableStore| {
            Batch::new(
                tables,
                self.batch_limits,
                Arc::clone(&self.labels),
                Arc::clone(&self.metadata),
                name.clone(),
            )
        };
        let twins = self.measure.twins.iter();
        let twins = twins.map(|&twin| (twin, batch(self.folder.twin_tables(twin))));
        let (real, twins) = (batch(self.folder.tables()), twins.collect());
        let folder = self.folder.guard();
        StudyBatch::new(
            real,
            twins,
            name,
            folder,
            self.batch_limits.age,
            self.process,
        )
    }

    fn kind(&self, task: &Task) -> u8 {
        match task {
            Task::Train { .. } => 0,
            Task::Measure { .. } => 1,
        }
    }

    fn cost(&self, task: &Task) -> f64 {
        match task {
            Task::Train { run } => self.runs[*run].cost(),
            Task::Measure { bytes, .. } => bytes.map_or(1.0, |bytes| bytes as f64),
        }
    }

    fn is_late(&self, late: &LateTask<'_, Task>) {
        let doing = match late.task {
            Task::Train { run } => format!("training {}", self.runs[*run].run),
            Task::Measure { entry, .. } => format!("measuring {}", entry.checkpoint),
        };
        printer::note(&format!(
            "worker {} has been {doing} for {}, where {} is usual",
            late.worker,
            duration_text(late.elapsed.as_secs_f64()),
            duration_text(late.expected.as_secs_f64())
        ));
    }

    fn limit(&self, task: &Task) -> Option<Duration> {
        match task {
            Task::Measure { .. } => self.task_limit,
            // It may be asked to stop, and says how far it is.
            Task::Train { .. } => None,
        }
    }

    fn timed_out(&self, task: &Task, limit: Duration) -> Option<TaskOutput> {
        let Task::Measure { entry, missing, .. } = task else {
            return None;
        };
        let reason = format!(
            "{}: not measured within {} s (--task-limit)",
            entry.location,
            limit.as_secs()
        );
        let records = failed_records(entry, *missing, &reason);
        Some(TaskOutput::Measured(Box::new(records)))
    }

    fn ended(&self, times: &[WorkerTimes]) {
        let mut all = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        *all = times.to_vec();
    }

    fn received(&self, tasks: &[Task]) {
        // Reading reports what is wrong with the stores.
        if let Some(urls) = object_urls(tasks)
            && let Ok(stores) = ObjectStores::of_process()
        {
            stores.announce_more(urls.map(str::to_owned), self.measure.limits);
        }
    }

    fn given(&self, tasks: &[Task]) {
        if let Some(urls) = object_urls(tasks)
            && let Ok(stores) = ObjectStores::of_process()
        {
            stores.withdraw(urls);
        }
    }

    fn reported(&self, report: TaskReport) {
        self.progress.task_finished(&report);
    }
}

/// What a task of a study may ask for.
type StudyContext<'a> = TaskContext<'a, Task, PartOutput>;

/// A part of a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartOutput {
    measured: MeasuredPart,
    /// What the file looked like in the process that measured the part; `None` in that which has
    /// the task.
    stamp: Option<String>,
}

/// Fewest weights of a part that another process may measure.
const LEAST_SENT: usize = 2_000_000;

/// Smallest share, of all weights, of a part that another process may measure. It has to decode all
/// tensors of some formats.
const LEAST_SHARE: usize = 16;

/// What the file of a checkpoint looks like of which other processes may measure parts. They open
/// it anew, so it must still be the same file then. An object, or a member of an archive, would
/// have to be loaded once more.
fn sent_stamp(entry: &CatalogEntry, bytes: Option<u64>) -> Option<String> {
    let location = &entry.location;
    let is_file = location.object_url().is_none() && location.member.is_none();
    let is_large = is_file && bytes? >= LEAST_SENT as u64;
    is_large.then(|| Stamp::of_file(location).ok().map(|stamp| stamp.text))?
}

/// Runs parts of a large checkpoint on workers that have nothing else to do.
struct IdleWorkers<'a> {
    context: &'a StudyContext<'a>,
    task: &'a Task,
    /// What the file looked like before it was opened, if those of other processes may be asked.
    stamp: Option<String>,
}

impl RunParts for IdleWorkers<'_> {
    fn run_parts(
        &self,
        n_weights: &[usize],
        part: &(dyn Fn(usize) -> MeasuredPart + Sync),
    ) -> Vec<MeasuredPart> {
        let now = match self.task {
            Task::Measure { entry, bytes, .. } => sent_stamp(entry, *bytes),
            Task::Train { .. } => None,
        };
        // Else it is not known which file was opened.
        let is_same = self.stamp.is_some() && self.stamp == now;
        let n_all: usize = n_weights.iter().sum();
        let is_sent = |n: usize| is_same && n >= LEAST_SENT && n >= n_all / LEAST_SHARE;
        let may_leave: Vec<bool> = n_weights.iter().map(|&n| is_sent(n)).collect();
        let run = |index| PartOutput {
            measured: part(index),
            stamp: None,
        };
        let outputs = self.context.run_parts(self.task, &may_leave, &run);
        let outputs = outputs.into_iter().enumerate();
        let checked = outputs.map(|(index, output)| match output.stamp {
            Some(_) if output.stamp != self.stamp => part(index),
            _ => output.measured,
        });
        checked.collect()
    }
}

impl StudyWork {
    fn train(&self, spec: &RunSpec, context: &StudyContext<'_>) -> Option<TaskOutput> {
        let started = Instant::now();
        if let Err(error) = self.folder.guard().require() {
            return Some(TaskOutput::Fatal(error));
        }
        let checkpoints = self.folder.checkpoints();
        // A killed run may have left files. Training gives the same bytes again.
        let leftovers = checkpoints.join(&spec.run);
        if leftovers.exists()
            && let Err(error) = fs_err::remove_dir_all(leftovers)
        {
            return Some(TaskOutput::Fatal(error.into()));
        }
        let Some((_, data)) = self.datasets.iter().find(|(name, _)| *name == spec.dataset) else {
            let error = anyhow!("data set {} was not opened", spec.dataset);
            return Some(TaskOutput::Fatal(error));
        };
        match train(spec, data, &checkpoints, &|| context.is_stopping()) {
            Ok(trained) => Some(self.training_ended(spec, &trained, started, context)),
            Err(ZooError::Interrupted { .. }) => None,
            Err(ZooError::Io(error)) => Some(TaskOutput::Fatal(error.into())),
            Err(error) => Some(self.training_failed(spec, error.full_message(), context)),
        }
    }

    /// The output of a run that was trained or diverged.
    fn training_ended(
        &self,
        spec: &RunSpec,
        trained: &TrainedRun,
        started: Instant,
        context: &StudyContext<'_>,
    ) -> TaskOutput {
        let mut entries: Vec<CatalogEntry> = trained
            .checkpoints
            .iter()
            .map(|checkpoint| checkpoint_entry(spec, checkpoint))
            .collect();
        let report = if let RunStatus::Diverged(reason) = &trained.status {
            entries.push(absent_entry(spec, Absence::Diverged(reason.clone())));
            training_report(spec, Status::Skipped, Some(reason.clone()))
        } else {
            training_report(spec, Status::Ok, None)
        };
        self.measure_next(&entries, context);
        TaskOutput::Trained {
            entries,
            report,
            started,
        }
    }

    /// The output of a run that failed: one entry without weights.
    fn training_failed(
        &self,
        spec: &RunSpec,
        reason: String,
        context: &StudyContext<'_>,
    ) -> TaskOutput {
        let absence = Absence::Failed(reason);
        let report = training_report(spec, Status::Failed, Some(absence.to_string()));
        let entries = vec![absent_entry(spec, absence)];
        self.measure_next(&entries, context);
        TaskOutput::Trained {
            entries,
            report,
            started: Instant::now(),
        }
    }

    /// Queues the checkpoints of a run for measurement, except those that are committed already.
    fn measure_next(&self, entries: &[CatalogEntry], context: &StudyContext<'_>) {
        if self.measure_trained {
            let last = LastCheckpoints::of(entries.iter().map(run_position));
            context.follow_up(entries.iter().filter_map(|entry| {
                let missing = self.committed.missing(key_of(&entry.checkpoint));
                let entry = Arc::new(entry.clone());
                (!missing.is_nothing()).then(|| Task::measure(&entry, &last, missing))
            }));
        }
    }
}

/// How many tasks are looked at at once for the objects that they will measure.
const ANNOUNCED_AT_ONCE: usize = 1024;

/// The tasks; as some are made, the objects that they will measure are announced in place of those
/// of earlier tasks. Reading reports what is wrong with the stores.
pub(super) fn announced(
    mut tasks: impl Iterator<Item = Task> + Send,
    limits: Limits,
) -> impl Iterator<Item = Task> + Send {
    let mut is_first = true;
    let some = std::iter::from_fn(move || {
        let some: Vec<Task> = tasks.by_ref().take(ANNOUNCED_AT_ONCE).collect();
        if let Some(urls) = object_urls(&some)
            && let Ok(stores) = ObjectStores::of_process()
        {
            if std::mem::take(&mut is_first) {
                stores.announce([], limits);
            }
            stores.announce_more(urls.map(str::to_owned), limits);
        }
        (!some.is_empty()).then_some(some)
    });
    some.flatten()
}

/// The objects that tasks measure; `None` if there are none. Objects with many checkpoints are left
/// out: their rows and members are read as they come.
fn object_urls(tasks: &[Task]) -> Option<impl Iterator<Item = &str>> {
    let mut urls = tasks
        .iter()
        .filter_map(|task| match task {
            Task::Measure { entry, .. } if entry.location.row.is_none() => {
                entry.location.object_url()
            }
            Task::Measure { .. } | Task::Train { .. } => None,
        })
        .peekable();
    urls.peek().is_some().then_some(urls)
}

fn training_report(spec: &RunSpec, status: Status, reason: Option<String>) -> TaskReport {
    TaskReport {
        name: spec.run.clone(),
        is_training: true,
        status,
        reason,
        bytes: 0,
        process: 0,
        cost: spec.cost(),
    }
}
