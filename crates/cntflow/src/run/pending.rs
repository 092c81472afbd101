//! What is left to do of a plan, given what is committed.

use std::collections::BTreeSet;

use cntflow_catalog::Catalog;
use cntflow_zoo::{TrainingData, ZooError};

use super::committed_rows::CommittedRows;
use super::options::RunUntil;
use super::outcome::EarlierWork;
use super::task::Task;
use crate::folder::study_folder::StudyFolder;
use crate::progress::report::PlannedWork;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};
use crate::study::plan::Plan;

/// What is left to do, and what was done before.
pub(super) struct PendingWork {
    /// Tasks of all processes, in the order in which they are assigned.
    pub(super) tasks: Vec<PendingTask>,
    /// Their number and cost.
    pub(super) planned: PlannedWork,
    /// What earlier runs have done.
    pub(super) earlier: EarlierWork,
    /// Committed checkpoints and their status.
    pub(super) committed: CommittedRows,
}

/// A task with its cost.
///
/// The cost is computed once and kept. It may depend on the size of a file that is still growing;
/// computed again, it could differ from the cost in [`PendingWork::digest`], which all processes
/// have compared.
#[derive(Clone, Debug)]
pub(super) struct PendingTask {
    pub(super) task: Task,
    pub(super) cost: f64,
}

impl From<Task> for PendingTask {
    fn from(task: Task) -> Self {
        let cost = task.cost();
        Self { task, cost }
    }
}

impl PendingWork {
    /// Compares the plan with what is committed in its folder.
    ///
    /// # Errors
    /// The catalog or the tables cannot be read.
    pub(super) fn new(
        plan: &Plan,
        until: RunUntil,
        folder: &StudyFolder,
        scanned: &Catalog,
    ) -> anyhow::Result<Self> {
        let trained = folder.trained_catalog()?;
        let committed = CommittedRows::read(folder, &plan.measure.twins)?;
        let mut tasks = tasks_to_train(plan, &trained);
        let mut planned = PlannedWork {
            n_runs: tasks.len(),
            n_checkpoints: 0,
            cost: tasks.iter().map(|pending| pending.cost).sum(),
        };
        if until == RunUntil::Measured {
            planned.n_checkpoints = tasks.iter().map(PendingTask::n_checkpoints).sum();
            let entries = trained.entries().iter().chain(scanned.entries());
            // Of all entries, not only of those that are left: a run's last one may be committed.
            let last = LastCheckpoints::of(entries.clone().map(|entry| run_position(entry)));
            let to_measure: Vec<PendingTask> = entries
                .filter(|entry| !committed.has_all(&entry.checkpoint))
                .map(|entry| Task::measure(entry, &last).into())
                .collect();
            planned.n_checkpoints += to_measure.len();
            if planned.n_runs == 0 {
                planned.cost = to_measure.len() as f64;
            }
            tasks.extend(to_measure);
        }
        let earlier = EarlierWork {
            n_runs: plan.runs.len() - planned.n_runs,
            n_checkpoints: committed.real.len(),
        };
        Ok(Self {
            tasks,
            planned,
            earlier,
            committed,
        })
    }

    /// A digest of names and costs. It must be equal in all processes, or they would assign the
    /// tasks differently.
    pub(super) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for PendingTask { task, cost } in &self.tasks {
            hasher
                .update(task.name().as_bytes())
                .update(&cost.to_le_bytes());
        }
        let hash = hasher.finalize().to_hex();
        format!("{} ({} tasks)", &hash[..16], self.tasks.len())
    }

    /// Opens the data sets that training needs, each once.
    ///
    /// # Errors
    /// A data set cannot be opened.
    pub(super) fn open_datasets(&self) -> Result<Vec<(String, TrainingData)>, ZooError> {
        let names: BTreeSet<&str> = self
            .tasks
            .iter()
            .filter_map(|pending| match &pending.task {
                Task::Train(spec) => Some(spec.dataset.as_str()),
                Task::Measure { .. } => None,
            })
            .collect();
        names
            .into_iter()
            .map(|name| Ok((name.to_owned(), TrainingData::open(name)?)))
            .collect()
    }
}

impl PendingTask {
    /// Checkpoints that the task will add to those to be measured.
    fn n_checkpoints(&self) -> usize {
        match &self.task {
            Task::Train(spec) => spec.checkpoints.len(),
            Task::Measure { .. } => 0,
        }
    }
}

/// The runs of the plan without an entry in the catalog.
fn tasks_to_train(plan: &Plan, trained: &Catalog) -> Vec<PendingTask> {
    let trained_runs: BTreeSet<&str> = trained
        .entries()
        .iter()
        .map(|entry| entry.run.as_str())
        .collect();
    plan.runs
        .iter()
        .filter(|spec| !trained_runs.contains(spec.run.as_str()))
        .map(|spec| Task::train(spec).into())
        .collect()
}
