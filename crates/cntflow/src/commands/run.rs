//! `cntflow run` and `cntflow train`.

use std::path::Path;
use std::time::Instant;

use crate::analysis::population_tables::write_population_tables;
use crate::args::{RunArguments, TrainArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::{ExperimentRun, Experiments};
use crate::experiments::tables_run::TablesRun;
use crate::output::run_summary::{ExperimentsSummary, RunSummary};
use crate::printer;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::options::{RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::study::plan::Plan;

/// Runs a study, or its experiments on the tables of another folder.
pub(crate) fn run(arguments: RunArguments) -> anyhow::Result<ExitStatus> {
    match arguments.tables {
        None => run_study(arguments.study, &arguments.source, RunUntil::Measured),
        Some(tables) => run_on_tables(arguments.study, &tables),
    }
}

/// Runs a study up to and including the stage `until`; after measuring come populations and
/// experiments. `sources`, if there are any, take the place of those of the study.
pub(crate) fn run_study(
    arguments: TrainArguments,
    sources: &[String],
    until: RunUntil,
) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let plan = Plan::read_at(&arguments.study, arguments.scale.named(), sources)?;
    if until == RunUntil::Trained && plan.runs.is_empty() {
        let study = arguments.study.display();
        return Err(UsageError(format!("{study}: no [population] to train")).into());
    }
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| plan.default_folder()),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        until,
        workers: WorkerOptions::from(arguments.workers),
        progress: arguments.output.progress(),
    };
    let mut outcome = run_plan(&plan, &options)?;
    let (folder, record) = (&outcome.folder, &outcome.record);
    let is_measured = outcome.is_complete && until == RunUntil::Measured;
    let experiments = if is_measured {
        let run = ExperimentRun {
            folder,
            tables: &folder.tables(),
            record,
            labels: &plan.labels,
            workers: &options.workers,
            progress: options.progress,
            stop: &outcome.stop,
        };
        run.run_all(&plan.experiments)?
    } else {
        Experiments::default()
    };
    if !outcome.is_leader {
        return Ok(outcome.status());
    }
    let populations = match &plan.measure.populations {
        Some(spec) if is_measured => Some(write_population_tables(
            folder,
            record,
            spec,
            options.workers.n_threads,
        )?),
        _ => None,
    };
    outcome.is_complete &= !experiments.is_stopped;
    let summary = RunSummary {
        claim: plan.claim.as_deref(),
        outcome: &outcome,
        populations: populations.as_ref(),
        experiments: &experiments,
        seconds: started.elapsed().as_secs_f64(),
    };
    if arguments.output.json {
        printer::json(&summary.json());
    } else {
        printer::result(&summary.text());
    }
    // The tables are valid without an experiment that failed, so its error comes after the summary.
    experiments.first_error()?;
    Ok(outcome.status())
}

/// Runs the experiments of a study on the tables of another folder.
fn run_on_tables(arguments: TrainArguments, tables: &Path) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let workers = WorkerOptions::from(arguments.workers);
    let run = TablesRun {
        study: &arguments.study,
        tables,
        scale: arguments.scale.named(),
        out: arguments.folder.out.as_deref(),
        fresh: arguments.folder.fresh,
        workers: &workers,
        progress: arguments.output.progress(),
        stop: &stop_on_interrupt()?,
    };
    let outcome = run.run()?;
    if workers.cluster.is_some_and(|cluster| cluster.index > 0) {
        return Ok(ExitStatus::Done);
    }
    let summary = ExperimentsSummary {
        claim: outcome.plan.claim.as_deref(),
        tables,
        folder: &outcome.out,
        experiments: &outcome.experiments,
        seconds: started.elapsed().as_secs_f64(),
    };
    if arguments.output.json {
        printer::json(&summary.json());
    } else {
        printer::result(&summary.text());
    }
    let status = summary.status();
    outcome.experiments.first_error()?;
    Ok(status)
}
