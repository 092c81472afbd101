//! What a run would do, and how long it would take, before anything runs.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cntflow_catalog::{CatalogEntry, MetadataMismatch, SkippedFile};
use cntflow_dataflow::{Stop, key_of};
use cntflow_network::Twin;
use cntflow_zoo::{RunSpec, TrainingData, train};

use super::committed_rows::CommittedRows;
use super::content_hasher::ContentHasher;
use super::options::{RunOptions, RunUntil};
use super::pending::PendingWork;
use super::reuse::{Reusable, require_folders};
use super::session::new_record;
use super::sources::scan_sources;
use super::task::Task;
use crate::exit::UsageError;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::{StudyFolder, require_own_folder};
use crate::measure::checkpoint::measure_entry;
use crate::measure::network::ONE_BY_ONE;
use crate::study::last_checkpoints::last_of_runs;
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
const MEMORY_OF_ENTRY: u64 = 640;

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
    /// What of the table of labels does not fit the checkpoints.
    pub(crate) metadata: Option<MetadataMismatch>,
    /// Committed checkpoints, and those of them that failed.
    pub(crate) n_done: usize,
    pub(crate) n_failed: usize,
    /// Committed checkpoints that lack twins, and the names of these twins.
    pub(crate) n_without_twin: usize,
    pub(crate) twins_to_measure: BTreeSet<&'static str>,
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
    pub(crate) fn of(
        plan: &Plan,
        options: &RunOptions,
        n_processes: usize,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        require_folders(&options.reuse)?;
        let sources = scan_sources(plan)?;
        let earlier = StudyRecord::read(&options.out)?;
        let record = new_record(plan, options, &sources.catalog, earlier.as_ref())?;
        let refused = match require_own_folder(&options.out, &record, earlier.as_ref(), false) {
            Ok(()) => None,
            Err(error) => Some(error.downcast::<UsageError>()?.0),
        };
        let measure = plan.measure.resolved(&record.labels);
        // Nothing of another study counts as done.
        let empty = tempfile::tempdir()?;
        let folder = StudyFolder::read_only(match refused {
            Some(_) => empty.path(),
            None => &options.out,
        });
        let pending = PendingWork::new(plan, RunUntil::Measured, &folder, &sources.catalog)?;
        let mut committed = CommittedRows::read(&folder, &plan.measure.twins)?;
        if options.retry_failed {
            committed.leave_out_failed();
        }
        let trained = folder.trained_catalog()?;
        let entries = trained.entries_with(&sources.catalog);
        let is_last = last_of_runs(entries.clone());
        let (mut new, mut without_twin) = (Vec::new(), Vec::new());
        for (entry, is_last) in entries.zip(is_last) {
            let missing = committed.missing(key_of(&entry.checkpoint));
            if missing.real {
                new.push((entry, is_last));
            } else if !missing.is_nothing() {
                without_twin.push((entry, missing));
            }
        }
        let twins_to_measure = without_twin.iter().flat_map(|(_, missing)| missing.twins());
        let hasher = ContentHasher {
            limits: &measure.limits,
            n_threads: options.workers.n_threads,
            stop,
        };
        let reusable = Reusable::find(&options.reuse, &measure, &new, hasher)?;
        let reused = reusable.keys();
        let to_do = new.iter().map(|(entry, _)| entry);
        let to_do = to_do.chain(without_twin.iter().map(|(entry, _)| entry));
        let to_measure: Vec<&Arc<CatalogEntry>> = to_do
            .filter(|entry| !reused.contains(&key_of(&entry.checkpoint)))
            .collect();
        let to_train = pending.tasks.tasks().filter_map(|task| match task {
            Task::Train { run } => Some(&plan.runs[run]),
            Task::Measure { .. } => None,
        });
        let to_train: Vec<&RunSpec> = to_train.collect();
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
        let n_of_runs: usize = to_train.iter().map(|run| run.checkpoints.len()).sum();
        let totals = committed.totals();
        let mut forecast = Self {
            n_checkpoints: totals.total() + new.len() + n_of_runs,
            skipped_files: sources.skipped_files,
            metadata: sources.metadata,
            n_done: totals.total(),
            n_failed: totals.failed,
            n_without_twin: without_twin.len(),
            twins_to_measure: twins_to_measure.map(Twin::as_str).collect(),
            n_runs_done: pending.earlier.n_runs,
            n_runs: to_train.len(),
            n_to_measure: new.len() - reusable.len() + n_of_runs,
            reusable,
            bytes: sizes.iter().map(|(_, size)| size).sum(),
            memory: BASE_MEMORY
                + MEMORY_OF_ENTRY * (new.len() + without_twin.len() + n_of_runs) as u64
                + MEMORY_OF_BYTE * largest_size * n_workers as u64,
            largest,
            refused,
            seconds: None,
            basis: Vec::new(),
        };
        forecast.foretell(&to_measure, &to_train, &measure, n_workers * n_processes)?;
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
            measure_entry(entry, true, missing, measure, ONE_BY_ONE)
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
