//! `cntflow run` and `cntflow train`.

use std::time::Instant;

use crate::analysis::discrimination::discriminate_folder;
use crate::analysis::population_tables::write_population_tables;
use crate::args::RunArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::output::run_summary::RunSummary;
use crate::printer;
use crate::run::options::{RunOptions, RunUntil, WorkerOptions};
use crate::run::run_plan::run_plan;
use crate::study::plan::Plan;

/// Runs a study up to and including the stage `until`; after measuring come populations and
/// discrimination.
pub(crate) fn run(arguments: RunArguments, until: RunUntil) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let plan = Plan::read(&arguments.study)?;
    if until == RunUntil::Trained && plan.runs.is_empty() {
        let study = arguments.study.display();
        return Err(UsageError(format!("{study}: no [population] to train")).into());
    }
    let workers = WorkerOptions::from(arguments.workers);
    let n_threads = workers.n_threads;
    let progress = arguments.output.progress();
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| plan.default_folder()),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        until,
        workers,
        progress,
    };
    let outcome = run_plan(&plan, &options)?;
    if !outcome.is_leader {
        return Ok(outcome.status());
    }
    let (folder, record) = (&outcome.folder, &outcome.record);
    let is_measured = outcome.is_complete && until == RunUntil::Measured;
    let populations = match &plan.measure.populations {
        Some(spec) if is_measured => {
            Some(write_population_tables(folder, record, spec, n_threads)?)
        }
        _ => None,
    };
    // A failure of the discrimination is returned after the summary: the tables are valid without
    // it.
    let discrimination = match &plan.discriminate {
        Some(spec) if is_measured => Some(discriminate_folder(folder, record, spec, progress)),
        _ => None,
    };
    let summary = RunSummary {
        outcome: &outcome,
        populations: populations.as_ref(),
        discrimination: discrimination
            .as_ref()
            .and_then(|result| result.as_ref().ok()),
        seconds: started.elapsed().as_secs_f64(),
    };
    if arguments.output.json {
        printer::json(&summary.json());
    } else {
        printer::result(&summary.text());
    }
    discrimination.transpose()?;
    Ok(outcome.status())
}
