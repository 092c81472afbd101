//! Runs a plan: all tasks that are not committed yet, on all workers.

use std::sync::Arc;

use cntflow_catalog::{Absence, Catalog};
use cntflow_dataflow::{Executor, Finished, Stop, TaskQueue, assign, run};
use cntflow_network::Twin;
use cntflow_storage::Limits;
use cntflow_storage::store::ObjectStores;
use cntflow_tables::{BatchLimits, Committed, Status};

use super::committed_rows::CommittedRows;
use super::interrupt::stop_on_interrupt;
use super::options::{RunOptions, RunUntil};
use super::outcome::{CheckpointTotals, RunOutcome};
use super::pending::{PendingTask, PendingWork};
use super::session::Session;
use super::sources::{check_output_location, scan_sources};
use super::task::Task;
use super::work::StudyWork;
use crate::folder::batch_name::new_batch_name;
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::report::TaskCounts;
use crate::progress::run_progress::RunProgress;
use crate::study::plan::Plan;

/// Runs `plan` until every task is committed, or until the user interrupts it.
///
/// # Errors
/// A source does not exist; the folder belongs to another study or cannot be written to; a worker
/// or another process failed.
pub(crate) fn run_plan(plan: &Plan, options: &RunOptions) -> anyhow::Result<RunOutcome> {
    check_output_location(plan, &options.out)?;
    let stop = stop_on_interrupt()?;
    let sources = scan_sources(plan)?;
    let mut session = Session::open(plan, options, &sources.catalog)?;
    let pending = PendingWork::new(plan, options.until, &session.folder, &sources.catalog)?;
    let earlier = pending.earlier;
    let (finished, new) = run_tasks(plan, options, &mut session, pending, &stop)?;
    let is_leader = session.process == 0;
    let (is_complete, totals) = if is_leader {
        collect_totals(plan, options.until, &session.folder, &sources.catalog)?
    } else {
        (finished == Finished::All, CheckpointTotals::default())
    };
    Ok(RunOutcome {
        folder: session.folder,
        record: session.record,
        is_leader,
        is_complete,
        new,
        earlier,
        totals,
        skipped_files: sources.skipped_files,
        stop,
    })
}

/// Runs this process' share of the pending tasks.
fn run_tasks(
    plan: &Plan,
    options: &RunOptions,
    session: &mut Session,
    pending: PendingWork,
    stop: &Stop,
) -> anyhow::Result<(Finished, TaskCounts)> {
    let executor = Executor {
        peers: session.peers.take(),
        agreed: vec![("the list of tasks left", pending.digest())],
        ..Executor::threads(options.workers.n_threads)
    };
    let work = Arc::new(StudyWork {
        folder: Arc::clone(&session.folder),
        measure: plan.measure.resolved(&session.record.labels),
        datasets: pending.open_datasets()?,
        labels: session.record.labels.clone().into(),
        metadata: session.record.metadata().into(),
        measure_trained: options.until == RunUntil::Measured,
        committed: pending.committed,
        batch_limits: batch_limits(options),
        batch_name: new_batch_name(session.process),
        progress: RunProgress::start(options.progress, pending.planned),
    });
    let share = assign(
        pending.tasks,
        |pending| pending.cost as u64,
        session.process,
        session.n_processes,
    );
    prefetch_objects(&share, &plan.measure.limits)?;
    let queue: TaskQueue<Task> = share.into_iter().map(|pending| pending.task).collect();
    let finished = run(executor, queue, Arc::clone(&work), stop);
    // The bar is removed before an error is printed.
    let new = work.progress.finish();
    Ok((finished?, new))
}

/// Starts to read objects that will be measured.
///
/// Objects with many checkpoints are left out: their rows and members are read as they come.
fn prefetch_objects(share: &[PendingTask], limits: &Limits) -> anyhow::Result<()> {
    let urls: Vec<String> = share
        .iter()
        .filter_map(|pending| match &pending.task {
            Task::Measure { entry, .. } if entry.location.row.is_none() => {
                entry.location.object_url()
            }
            Task::Measure { .. } | Task::Train(_) => None,
        })
        .map(str::to_owned)
        .collect();
    if !urls.is_empty() {
        ObjectStores::of_process()?.announce(urls, *limits);
    }
    Ok(())
}

fn batch_limits(options: &RunOptions) -> BatchLimits {
    let defaults = BatchLimits::default();
    BatchLimits {
        age: options.workers.commit_every.unwrap_or(defaults.age),
        ..defaults
    }
}

/// Returns whether nothing is left to do, and the number of checkpoints by status. Merges the
/// catalog once all runs are trained, and the tables once nothing is left.
///
/// Both come from what is committed, not from what this run has counted.
fn collect_totals(
    plan: &Plan,
    until: RunUntil,
    folder: &StudyFolder,
    scanned: &Catalog,
) -> anyhow::Result<(bool, CheckpointTotals)> {
    let mut pending = PendingWork::new(plan, until, folder, scanned)?;
    // There may be a million checkpoints, and they are read again below.
    pending.committed = CommittedRows::default();
    if pending.planned.n_runs == 0 && !plan.runs.is_empty() {
        folder.merge_catalog()?;
    }
    let is_complete = pending.tasks.is_empty();
    let stores = folder.all_tables()?;
    for store in stores.iter().filter(|_| is_complete) {
        if let Err(error) = store.merge(&new_batch_name(0)) {
            printer::note(&format!(
                "cannot merge the small parts of the tables, which are complete nevertheless: \
                 {error}"
            ));
        }
    }
    note_failed_twins(folder, &plan.measure.twins)?;
    let mut totals = count_by_status(&folder.tables().committed()?);
    if until == RunUntil::Trained {
        totals.failed = count_failed_runs(&folder.trained_catalog()?);
    }
    Ok((is_complete, totals))
}

/// Says which twins failed for some checkpoints: the totals count the networks themselves.
fn note_failed_twins(folder: &StudyFolder, twins: &[Twin]) -> anyhow::Result<()> {
    for &twin in twins {
        let n_failed = count_by_status(&folder.twin_tables(twin).committed()?).failed;
        if n_failed > 0 {
            printer::note(&format!(
                "twin {twin}: {n_failed} checkpoints failed; the table 'networks_{twin}' has the \
                 reasons"
            ));
        }
    }
    Ok(())
}

fn count_by_status(committed: &Committed) -> CheckpointTotals {
    let mut totals = CheckpointTotals::default();
    for status in committed.values() {
        match status {
            Status::Ok => totals.ok += 1,
            Status::Failed => totals.failed += 1,
            Status::Skipped => totals.skipped += 1,
        }
    }
    totals
}

fn count_failed_runs(trained: &Catalog) -> usize {
    trained
        .entries()
        .iter()
        .filter(|entry| matches!(entry.absent, Some(Absence::Failed(_))))
        .count()
}
