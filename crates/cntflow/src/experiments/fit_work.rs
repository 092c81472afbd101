//! The fits of an experiment as tasks of the executor, and their commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cntflow_dataflow::{Collector, TaskContext, Work};
use cntflow_experiments::evaluation::{Experiment, FitRow, FitTask};
use cntflow_experiments::frames::fits_to_frame;
use cntflow_tables::{Table, TableStore};
use serde::{Deserialize, Serialize};

use super::fit_progress::FitProgress;
use crate::folder::lock::FolderGuard;
use crate::progress::trace;

/// Fits after which a batch is committed, whatever its age.
const MAX_ROWS: usize = 4_096;

/// What the workers of one process share.
#[derive(Debug)]
pub(super) struct FitWork {
    pub(super) experiment: Arc<Experiment>,
    /// The output folder.
    pub(super) folder: FolderGuard,
    /// The tables of the experiment.
    pub(super) tables: TableStore,
    /// Start of the names of the parts: the identity of the experiment, then this run's name.
    pub(super) batch_name: String,
    /// Keys and values for every part.
    pub(super) metadata: Arc<[(String, String)]>,
    /// Longest time that a fit waits to be committed.
    pub(super) max_age: Duration,
    pub(super) progress: FitProgress,
}

/// What a finished task reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FitReport {
    cost: f64,
}

impl Work for FitWork {
    type Task = FitTask;
    type Output = (FitTask, Vec<FitRow>);
    type Answer = ();
    type Report = FitReport;
    type Collector = FitBatch;

    fn run(&self, task: &FitTask, _: &TaskContext<'_, FitTask>) -> Option<Self::Output> {
        let _span = trace::span("fit", &self.experiment.spec.name);
        Some((*task, self.experiment.run(task)))
    }

    fn panicked(
        &self,
        task: &FitTask,
        message: &str,
        _: &TaskContext<'_, FitTask>,
    ) -> Self::Output {
        (*task, self.experiment.failed(task, message))
    }

    fn collector(&self, worker: usize) -> FitBatch {
        FitBatch {
            experiment: Arc::clone(&self.experiment),
            folder: self.folder.clone(),
            tables: self.tables.clone(),
            name: format!("{}-w{worker:03}", self.batch_name),
            metadata: Arc::clone(&self.metadata),
            max_age: self.max_age,
            rows: Vec::new(),
            since: None,
            n_parts: 0,
        }
    }

    fn reported(&self, report: FitReport) {
        self.progress.task_finished(report.cost);
    }
}

/// Uncommitted fits of one worker.
#[derive(Debug)]
pub(super) struct FitBatch {
    experiment: Arc<Experiment>,
    folder: FolderGuard,
    tables: TableStore,
    name: String,
    metadata: Arc<[(String, String)]>,
    max_age: Duration,
    rows: Vec<FitRow>,
    /// When the oldest uncommitted fit came.
    since: Option<Instant>,
    n_parts: usize,
}

impl Collector for FitBatch {
    type Output = (FitTask, Vec<FitRow>);
    type Report = FitReport;
    type Error = anyhow::Error;

    fn add(&mut self, (task, rows): Self::Output) -> anyhow::Result<FitReport> {
        self.rows.extend(rows);
        self.since.get_or_insert_with(Instant::now);
        if self.rows.len() >= MAX_ROWS {
            self.commit()?;
        }
        Ok(FitReport {
            cost: self.experiment.cost(&task),
        })
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.max_age)
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.folder.require()?;
        let frame = fits_to_frame(&self.experiment, &self.rows)?;
        let part = format!("{}-{:05}", self.name, self.n_parts);
        self.tables
            .write_part(Table::Fits, &part, &frame, &self.metadata)?;
        self.rows.clear();
        self.since = None;
        self.n_parts += 1;
        Ok(())
    }
}
