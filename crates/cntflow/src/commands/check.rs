//! `cntflow check`.

use cntflow_dataflow::Stop;

use super::sources_or_study::sources_or_study;
use crate::args::{CheckArguments, local_cluster};
use crate::exit::{ExitStatus, UsageError};
use crate::printer;
use crate::progress::display::ProgressMode;
use crate::run::forecast::Forecast;
use crate::run::options::{RunOptions, RunUntil, WorkerOptions};

/// Says what a run would do, and how long it would take.
pub(crate) fn check(arguments: CheckArguments) -> anyhow::Result<ExitStatus> {
    let plan = sources_or_study(&arguments.what)?;
    let processes = local_cluster(arguments.processes.unwrap_or(1), arguments.workers);
    let options = RunOptions {
        out: arguments.out.unwrap_or_else(|| plan.default_folder()),
        fresh: false,
        retry_failed: arguments.retry_failed,
        reuse: arguments.what.reuse.into(),
        until: RunUntil::Measured,
        workers: WorkerOptions::local(processes.n_workers),
        progress: ProgressMode::None,
    };
    let forecast = Forecast::of(&plan, &options, processes.n_processes, &Stop::default())?;
    if arguments.json {
        printer::json(&forecast.json());
    } else {
        printer::result(&forecast.text(processes));
    }
    match forecast.refused {
        Some(why) => Err(UsageError(why).into()),
        None => Ok(ExitStatus::Done),
    }
}
