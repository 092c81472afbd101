//! What of a plan is left to do, by what is committed.

use std::collections::BTreeSet;

use cntflow_catalog::Catalog;
use cntflow_tables::Committed;
use cntflow_zoo::TrainingData;

use crate::folder::StudyFolder;
use crate::pipeline::Extent;
use crate::progress::Planned;
use crate::study::Plan;
use crate::work::Task;

/// What earlier runs of the same study had committed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resumed {
    /// Runs trained.
    pub(crate) runs: usize,
    /// Checkpoints measured, failed or skipped.
    pub(crate) checkpoints: usize,
}

/// What is left to do, and what was done before.
pub(crate) struct Left {
    /// Each with its cost, asked for once: a file may grow while it is looked at, and all processes must deal alike.
    pub(crate) tasks: Vec<(Task, f64)>,
    pub(crate) planned: Planned,
    pub(crate) resumed: Resumed,
    pub(crate) committed: Committed,
}

/// Compares the plan with what is committed in its folder.
///
/// # Errors
/// The catalog or the tables cannot be read.
pub(crate) fn left_to_do(
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
    let mut tasks: Vec<(Task, f64)> = to_train.map(Task::train).map(with_cost).collect();
    let to_come: usize = tasks.iter().map(|(task, _)| n_checkpoints(task)).sum();
    let mut planned = Planned {
        runs: tasks.len(),
        cost: tasks.iter().map(|(_, cost)| cost).sum(),
        checkpoints: 0,
    };
    if extent == Extent::Measure {
        let known = trained.entries().iter().chain(found.entries());
        let new = known.filter(|entry| !committed.contains_key(&entry.checkpoint));
        let measure: Vec<(Task, f64)> = new.map(Task::measure).map(with_cost).collect();
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
pub(crate) fn digest(tasks: &[(Task, f64)]) -> String {
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

/// Opens the data sets that training needs, each once.
pub(crate) fn open_data(tasks: &[(Task, f64)]) -> anyhow::Result<Vec<(String, TrainingData)>> {
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
