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
use super::task::Task;
use crate::folder::study_folder::StudyFolder;
use crate::measure::network::Missing;
use crate::progress::report::PlannedWork;
use crate::study::last_checkpoints::{LastCheckpoints, run_position};
use crate::study::plan::Plan;

/// The version of every checkpoint in a run, which trusts names.
const ANY_VERSION: Version = 0;

/// What is left to do, and what was done before.
pub(crate) struct PendingWork {
    /// Tasks of all processes, the costliest first.
    pub(crate) tasks: Vec<Task>,
    /// Their number and cost.
    pub(crate) planned: PlannedWork,
    /// What earlier runs have done.
    pub(crate) earlier: EarlierWork,
    /// Committed checkpoints and their status.
    pub(crate) committed: CommittedRows,
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
        let committed = CommittedRows::read(folder, &plan.measure.twins)?;
        let runs = runs_to_train(plan, &trained);
        let mut planned = PlannedWork {
            n_runs: runs.len(),
            n_checkpoints: 0,
            cost: runs.iter().map(|(_, spec)| spec.cost()).sum(),
        };
        let mut tasks: Vec<Task> = runs.iter().map(|&(run, _)| Task::Train { run }).collect();
        if until == RunUntil::Measured {
            let n_trained = runs.iter().map(|(_, spec)| spec.checkpoints.len());
            planned.n_checkpoints = n_trained.sum();
            let entries = trained.entries().iter().chain(scanned.entries());
            // Of all entries, not only of those that are left: a run's last one may be committed.
            let last = LastCheckpoints::of(entries.clone().map(|entry| run_position(entry)));
            let to_do = to_do(entries.clone(), &committed)?;
            let mut to_measure: Vec<(&Arc<CatalogEntry>, Missing)> = entries
                .filter(|entry| to_do.contains(&key_of(&entry.checkpoint)))
                .map(|entry| (entry, committed.missing(&entry.checkpoint)))
                .collect();
            to_measure.sort_by_cached_key(|(entry, _)| Reverse(entry.location.size()));
            planned.n_checkpoints += to_measure.len();
            if planned.n_runs == 0 {
                planned.cost = to_measure.len() as f64;
            }
            tasks.extend(
                to_measure
                    .into_iter()
                    .map(|(entry, missing)| Task::measure(entry, &last, missing)),
            );
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

    /// Keys of the checkpoints that are to be measured.
    pub(crate) fn keys(&self) -> HashSet<Key> {
        let names = self.tasks.iter().filter_map(Task::checkpoint);
        names.map(|entry| key_of(&entry.checkpoint)).collect()
    }

    /// The checkpoints whose networks are to be measured, and whether each is the last of its run.
    pub(crate) fn entries(&self) -> Vec<(Arc<CatalogEntry>, bool)> {
        let tasks = self.tasks.iter().filter_map(|task| match task {
            Task::Measure {
                entry,
                is_last,
                missing,
            } if missing.real => Some((Arc::clone(entry), *is_last)),
            Task::Measure { .. } | Task::Train { .. } => None,
        });
        tasks.collect()
    }
}

/// The checkpoints that are not committed, by the dataflow that also follows a study which is
/// watched. What is committed counts whatever the file has become since: a run trusts names.
fn to_do<'a>(
    entries: impl Iterator<Item = &'a Arc<CatalogEntry>>,
    committed: &CommittedRows,
) -> Result<HashSet<Key>, DataflowError> {
    let mut reconciler = Reconciler::start(1, Depth::ToDo)?;
    for entry in entries {
        reconciler.want(WantedCheckpoint {
            key: key_of(&entry.checkpoint),
            version: ANY_VERSION,
            position: None,
        });
    }
    for checkpoint in committed.real.keys() {
        reconciler.hold(HeldCheckpoint {
            key: key_of(checkpoint),
            version: ANY_VERSION,
            is_complete: committed.missing(checkpoint).is_nothing(),
            facts: Facts::default(),
        });
    }
    reconciler.settle()?;
    Ok(reconciler.to_do().iter().map(|(key, _)| *key).collect())
}

/// The runs of the plan without an entry in the catalog, with their index, the costliest first.
fn runs_to_train<'a>(plan: &'a Plan, trained: &Catalog) -> Vec<(usize, &'a RunSpec)> {
    let trained_runs: BTreeSet<&str> = trained
        .entries()
        .iter()
        .map(|entry| entry.run.as_str())
        .collect();
    let mut runs: Vec<(usize, &RunSpec)> = plan
        .runs
        .iter()
        .enumerate()
        .filter(|(_, spec)| !trained_runs.contains(spec.run.as_str()))
        .collect();
    runs.sort_by_cached_key(|(_, spec)| Reverse(spec.cost() as u64));
    runs
}
