//! `cntflow run` and `cntflow train`.

use std::time::Instant;

use crate::analysis::population_tables::write_population_tables;
use crate::args::RunArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::{ExperimentRun, Experiments};
use crate::output::run_summary::RunSummary;
use crate::printer;
use crate::run::options::{RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::study::plan::Plan;

/// Runs a study up to and including the stage `until`; after measuring come populations and
/// experiments.
pub(crate) fn run(arguments: RunArguments, until: RunUntil) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let plan = Plan::read_at(&arguments.study, arguments.scale.named())?;
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
