//! What is left to do of a plan, given what is committed.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_dataflow::{
    DataflowError, Depth, Facts, HeldCheckpoint, Key, Reconciler, Version, WantedCheckpoint, key_of,
};
use cntflow_zoo::RunSpec;

use super::committed_rows::CommittedRows;
use super::options::RunUntil;
use super::outcome::EarlierWork;
use super::pending_tasks::PendingTasks;
use super::task::Task;
use crate::folder::study_folder::StudyFolder;
use crate::progress::report::PlannedWork;
use crate::study::plan::Plan;

/// The version of every checkpoint in a run, which trusts names.
const ANY_VERSION: Version = 0;

/// Most checkpoints that are reconciled at once: the dataflow takes several hundred bytes for each.
const RECONCILED_AT_ONCE: usize = 1 << 16;

/// What is left to do, and what was done before.
#[derive(Default)]
pub(crate) struct PendingWork {
    /// Tasks of all processes.
    pub(crate) tasks: PendingTasks,
    /// Their number and cost.
    pub(crate) planned: PlannedWork,
    /// What earlier runs have done.
    pub(crate) earlier: EarlierWork,
    /// Committed checkpoints and their status.
    pub(crate) committed: Arc<CommittedRows>,
}

impl PendingWork {
    /// Compares the plan with what is committed in its folder.
    ///
    /// # Errors
    /// The catalog or the tables cannot be read.
    pub(crate) fn new(
        plan: &Plan,
        until: RunUntil,
        folder: &StudyFolder,
        scanned: &Catalog,
    ) -> anyhow::Result<Self> {
        let trained = folder.trained_catalog()?;
        let committed = Arc::new(CommittedRows::read(folder, &plan.measure.twins)?);
        let runs = runs_to_train(plan, &trained);
        let mut planned = PlannedWork {
            n_runs: runs.len(),
            n_checkpoints: 0,
            cost: runs.iter().map(|(_, spec)| spec.cost()).sum(),
        };
        let n_trained: usize = runs.iter().map(|(_, spec)| spec.checkpoints.len()).sum();
        let train = runs.iter().map(|&(run, _)| Task::Train { run });
        let mut tasks = PendingTasks::of(train.collect());
        if until == RunUntil::Measured {
            let wanted = trained.entries_with(scanned);
            let wanted: Vec<Key> = wanted.map(|entry| key_of(&entry.checkpoint)).collect();
            let to_do = to_do(&wanted, &committed)?;
            planned.n_checkpoints = n_trained + to_do.len();
            if planned.n_runs == 0 {
                planned.cost = to_do.len() as f64;
            }
            tasks = tasks.and_checkpoints([trained, scanned.clone()], to_do, &committed);
        }
        let earlier = EarlierWork {
            n_runs: plan.runs.len() - planned.n_runs,
            n_checkpoints: committed.keys().count(),
        };
        Ok(Self {
            tasks,
            planned,
            earlier,
            committed,
        })
    }

    /// The checkpoints whose networks are to be measured, and whether each is the last of its run.
    pub(crate) fn entries(&self) -> Vec<(Arc<CatalogEntry>, bool)> {
        let tasks = self.tasks.tasks().filter_map(|task| match task {
            Task::Measure {
                entry,
                is_last,
                missing,
                ..
            } if missing.real => Some((entry, is_last)),
            Task::Measure { .. } | Task::Train { .. } => None,
        });
        tasks.collect()
    }
}

/// The checkpoints that are not committed, by the dataflow that also follows a study which is
/// watched. What is committed counts whatever the file has become since: a run trusts names.
fn to_do(wanted: &[Key], committed: &CommittedRows) -> Result<HashSet<Key>, DataflowError> {
    let held: Vec<Key> = committed.keys().collect();
    let n_shares = wanted.len().max(held.len()).div_ceil(RECONCILED_AT_ONCE) as u64;
    let mut to_do = HashSet::new();
    for share in 0..n_shares {
        let is_of_share = |key: &&Key| **key as u64 % n_shares == share;
        let mut reconciler = Reconciler::start(1, Depth::ToDo)?;
        for &key in wanted.iter().filter(is_of_share) {
            reconciler.want(WantedCheckpoint {
                key,
                version: ANY_VERSION,
                position: None,
            });
        }
        for &key in held.iter().filter(is_of_share) {
            reconciler.hold(HeldCheckpoint {
                key,
                version: ANY_VERSION,
                is_complete: committed.missing(key).is_nothing(),
                facts: Facts::default(),
            });
        }
        reconciler.settle()?;
        to_do.extend(reconciler.to_do().iter().map(|(key, _)| *key));
    }
    Ok(to_do)
}

/// The runs of the plan without an entry in the catalog, with their index, the costliest first.
fn runs_to_train<'a>(plan: &'a Plan, trained: &Catalog) -> Vec<(usize, &'a RunSpec)> {
    let entries = trained.entries();
    let trained_runs: BTreeSet<Key> = entries.map(|entry| key_of(&entry.run)).collect();
    let mut runs: Vec<(usize, &RunSpec)> = plan
        .runs
        .iter()
        .enumerate()
        .filter(|(_, spec)| !trained_runs.contains(&key_of(&spec.run)))
        .collect();
    runs.sort_by_cached_key(|(_, spec)| Reverse(spec.cost() as u64));
    runs
}
