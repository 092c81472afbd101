//! What a run would do, and how long it would take, before anything runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cntflow_catalog::{CatalogEntry, SkippedFile};
use cntflow_dataflow::{Stop, key_of};
use cntflow_metrics::OneByOne;
use cntflow_zoo::{RunSpec, TrainingData, train};

use super::committed_rows::CommittedRows;
use super::content_hasher::ContentHasher;
use super::label_columns::label_columns;
use super::options::{RunOptions, RunUntil};
use super::pending::PendingWork;
use super::reuse::Reusable;
use super::sources::scan_sources;
use super::task::Task;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::measure::checkpoint::measure_entry;
use crate::study::measure_plan::MeasurePlan;
use crate::study::plan::Plan;

/// Number of checkpoints that are measured to learn how long one takes.
const SAMPLE: usize = 8;

/// Longest time for that; training one epoch of a run may take four times as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Work of a checkpoint apart from its bytes: as much as for so many bytes.
const WORK_OF_CHECKPOINT: u64 = 1 << 14;

/// Memory of a process that does nothing, and of a checkpoint that is on a list, in bytes.
const BASE_MEMORY: u64 = 90 << 20;
const MEMORY_OF_ENTRY: u64 = 1 << 10;

/// Memory of a worker for each byte of the checkpoint that it measures: its values as f32, and
/// their order for quantiles.
const MEMORY_OF_BYTE: u64 = 3;

/// What a run would do.
#[derive(Debug)]
pub(crate) struct Forecast {
    /// Checkpoints of the sources and of trained runs.
    pub(crate) n_checkpoints: usize,
    /// Files of the sources that are not checkpoints.
    pub(crate) skipped_files: Vec<SkippedFile>,
    /// Committed checkpoints.
    pub(crate) n_done: usize,
    /// Runs that are trained, and that are to be trained.
    pub(crate) n_runs_done: usize,
    pub(crate) n_runs: usize,
    /// What can be taken from other folders.
    pub(crate) reusable: Reusable,
    /// Checkpoints to measure, those of runs to train included.
    pub(crate) n_to_measure: usize,
    /// Size of those that exist, in bytes, as far as it is known.
    pub(crate) bytes: u64,
    /// The largest of them.
    pub(crate) largest: Option<(String, u64)>,
    /// Why the run would be refused.
    pub(crate) refused: Option<String>,
    /// How long it would take, in seconds, and what that is based on.
    pub(crate) seconds: Option<f64>,
    pub(crate) basis: Vec<String>,
    /// How much memory a process would take, in bytes.
    pub(crate) memory: u64,
}

impl Forecast {
    /// Looks at a plan, its sources and its output folder. Nothing is written but temporary files.
    ///
    /// # Errors
    /// A source or a table cannot be read; a folder to reuse has no tables.
    pub(crate) fn of(plan: &Plan, options: &RunOptions, stop: &Stop) -> anyhow::Result<Self> {
        let sources = scan_sources(plan)?;
        let earlier = StudyRecord::read(&options.out)?;
        let identity = plan.identity()?;
        let refused = match &earlier {
            Some(earlier) if earlier.identity != identity => Some(format!(
                "{} holds the output of another study, '{}': name another folder with --out",
                options.out.display(),
                earlier.name
            )),
            _ => None,
        };
        let in_tables = earlier.filter(|earlier| earlier.identity == identity);
        let in_tables = in_tables.map(|earlier| earlier.labels).unwrap_or_default();
        let labels = label_columns(plan, &sources.catalog, &in_tables, &options.out)?;
        let measure = plan.measure.resolved(&labels);
        // Nothing of another study counts as done.
        let empty = tempfile::tempdir()?;
        let folder = StudyFolder::read_only(match refused {
            Some(_) => empty.path(),
            None => &options.out,
        });
        let pending = PendingWork::new(plan, RunUntil::Measured, &folder, &sources.catalog)?;
        let hasher = ContentHasher {
            limits: &measure.limits,
            n_threads: options.workers.n_threads,
            stop,
        };
        let reusable = Reusable::find(&options.reuse, &measure, &pending.entries(), hasher)?;
        let reused = reusable.keys();
        let to_measure: Vec<&Arc<CatalogEntry>> = pending
            .tasks
            .iter()
            .filter_map(Task::checkpoint)
            .filter(|entry| !reused.contains(&key_of(&entry.checkpoint)))
            .collect();
        let to_train: Vec<&RunSpec> = pending
            .tasks
            .iter()
            .filter_map(|task| match task {
                Task::Train { run } => Some(&plan.runs[*run]),
                Task::Measure { .. } => None,
            })
            .collect();
        let sized = |entry: &Arc<CatalogEntry>| {
            let is_part = entry.location.member.is_some() || entry.location.row.is_some();
            let size = entry.location.size().filter(|_| !is_part)?;
            Some((entry.checkpoint.clone(), size))
        };
        let sizes: Vec<(String, u64)> =
            to_measure.iter().filter_map(|entry| sized(entry)).collect();
        let largest = sizes.iter().max_by_key(|(_, size)| *size).cloned();
        let n_workers = options.workers.n_threads;
        let largest_size = largest.as_ref().map_or(0, |(_, size)| *size);
        let n_trained = pending.planned.n_checkpoints - to_measure.len() - reused.len();
        let mut forecast = Self {
            n_checkpoints: pending.planned.n_checkpoints + pending.earlier.n_checkpoints,
            skipped_files: sources.skipped_files,
            n_done: pending.earlier.n_checkpoints,
            n_runs_done: pending.earlier.n_runs,
            n_runs: to_train.len(),
            reusable,
            n_to_measure: to_measure.len() + n_trained,
            bytes: sizes.iter().map(|(_, size)| size).sum(),
            memory: BASE_MEMORY
                + MEMORY_OF_ENTRY * pending.planned.n_checkpoints as u64
                + MEMORY_OF_BYTE * largest_size * n_workers as u64,
            largest,
            refused,
            seconds: None,
            basis: Vec::new(),
        };
        forecast.foretell(&to_measure, &to_train, &measure, n_workers)?;
        Ok(forecast)
    }

    /// Measures and trains a little, to tell how long all of it takes.
    fn foretell(
        &mut self,
        to_measure: &[&Arc<CatalogEntry>],
        to_train: &[&RunSpec],
        measure: &MeasurePlan,
        n_workers: usize,
    ) -> anyhow::Result<()> {
        let mut seconds = 0.0;
        if let Some((of_all, n)) = measuring_time(to_measure, measure) {
            seconds += of_all;
            self.basis.push(format!("measuring {n} of the checkpoints"));
        }
        if let Some(cheapest) = to_train.iter().min_by(|a, b| a.cost().total_cmp(&b.cost())) {
            match training_rate(cheapest)? {
                Some(rate) => {
                    let cost: f64 = to_train.iter().map(|spec| spec.cost()).sum();
                    seconds += rate * cost;
                    self.basis
                        .push(format!("training one epoch of {}", cheapest.run));
                }
                None => return Ok(()),
            }
        }
        self.seconds = Some(seconds / n_workers as f64);
        Ok(())
    }
}

/// Time in seconds of measuring all on one worker, by some of all sizes; and how many these are.
fn measuring_time(entries: &[&Arc<CatalogEntry>], measure: &MeasurePlan) -> Option<(f64, usize)> {
    let mut sorted: Vec<(u64, &Arc<CatalogEntry>)> = entries
        .iter()
        .filter(|entry| entry.absent.is_none())
        .map(|entry| (entry.location.size().unwrap_or_default(), *entry))
        .collect();
    sorted.sort_by_key(|(size, _)| *size);
    let work = |bytes: u64| (bytes + WORK_OF_CHECKPOINT) as f64;
    let all: f64 = sorted.iter().map(|(bytes, _)| work(*bytes)).sum();
    let started = Instant::now();
    let n = SAMPLE.min(sorted.len());
    let missing = CommittedRows::all_missing(&measure.twins);
    let (mut seconds, mut measured, mut n_measured) = (0.0, 0.0, 0);
    for k in 0..n {
        // Each of the sample stands for the same number of checkpoints, of about its size.
        let (bytes, entry) = sorted[(2 * k + 1) * sorted.len() / (2 * n)];
        let one = Instant::now();
        // In a run, a checkpoint whose measurement panics is a failed row.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            measure_entry(entry, true, missing, measure, &OneByOne)
        }));
        seconds += one.elapsed().as_secs_f64();
        measured += work(bytes);
        n_measured += 1;
        if started.elapsed() > PATIENCE {
            break;
        }
    }
    // The large ones come last, and may not have been reached.
    (n_measured > 0).then(|| (seconds / measured * all, n_measured))
}

/// Seconds for each unit of cost, by one epoch of a run; `None` if even that takes too long.
///
/// # Errors
/// The data set cannot be opened.
fn training_rate(spec: &RunSpec) -> anyhow::Result<Option<f64>> {
    let spec = RunSpec {
        epochs: 1,
        checkpoints: vec![1],
        ..spec.clone()
    };
    let data = TrainingData::open(&spec.dataset)?;
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let is_late = || started.elapsed() > 4 * PATIENCE;
    let trained = train(&spec, &data, Path::new(folder.path()), &is_late);
    let seconds = started.elapsed().as_secs_f64();
    Ok(trained.is_ok().then(|| seconds / spec.cost()))
}
