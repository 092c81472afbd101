//! `cntflow watch`.

use std::path::Path;
use std::time::Duration;

use super::model_file::load_model;
use super::sources_or_study::sources_or_study;
use crate::args::{WatchArguments, seconds};
use crate::exit::{ExitStatus, UsageError};
use crate::progress::trace;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::{RunOptions, RunUntil};
use crate::run::session::agreed;
use crate::watch::{WatchOptions, Watching};

/// Keeps the tables of a study, or of some sources, current.
pub(crate) fn watch(arguments: WatchArguments) -> anyhow::Result<ExitStatus> {
    check_until_idle(&arguments)?;
    let plan = sources_or_study(&arguments.what)?;
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| plan.default_folder()),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        reuse: arguments.what.reuse.into(),
        until: RunUntil::Measured,
        workers: arguments.task.limit(arguments.workers),
        progress: arguments.progress.mode(),
    };
    let model = arguments.predict.as_deref().map(load_model).transpose()?;
    let watch = WatchOptions {
        once: arguments.once,
        until_idle: arguments.until_idle.map(Duration::from_secs_f64),
        quiet: Duration::from_secs_f64(arguments.quiet),
        poll: Duration::from_secs_f64(arguments.poll),
        results_after: Duration::from_secs_f64(arguments.results_after),
        model,
    };
    let stop = stop_on_interrupt()?;
    let cluster = options.workers.cluster.as_ref();
    let membership = Membership::join(cluster, &agreed(&plan, &options)?, &stop)?;
    let _trace = trace::start(options.workers.trace.as_deref(), membership.process())?;
    let watching = Watching {
        plan: &plan,
        options: &options,
        watch: &watch,
        membership: &membership,
        stop: &stop,
    };
    membership.run(|| watching.run())
}

/// The value of `--until-idle` follows a `=`: behind a space it is a source.
fn check_until_idle(arguments: &WatchArguments) -> Result<(), UsageError> {
    if arguments.until_idle.is_none() {
        return Ok(());
    }
    let is_time = |source: &&String| seconds(source).is_ok() && !Path::new(source).exists();
    match arguments.what.source.iter().find(is_time) {
        Some(time) => Err(UsageError(format!(
            "--until-idle {time}: write --until-idle={time}; behind a space, {time} is a source"
        ))),
        None => Ok(()),
    }
}
