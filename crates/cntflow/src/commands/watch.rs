//! `cntflow watch`.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use cntflow_experiments::saved::TrainedModel;

use super::measure::source_plan;
use crate::args::WatchArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::{RunOptions, RunUntil};
use crate::run::session::agreed;
use crate::study::plan::Plan;
use crate::watch::{WatchOptions, Watching};

/// Keeps the tables of a study, or of some sources, current.
pub(crate) fn watch(arguments: WatchArguments) -> anyhow::Result<ExitStatus> {
    let plan = plan(&arguments)?;
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| plan.default_folder()),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        until: RunUntil::Measured,
        workers: arguments.workers.into(),
        progress: arguments.progress.mode(),
    };
    let model = match &arguments.predict {
        Some(path) => {
            let model = TrainedModel::load(path);
            Some(model.with_context(|| format!("--predict {}", path.display()))?)
        }
        None => None,
    };
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
    let watching = Watching {
        plan: &plan,
        options: &options,
        watch: &watch,
        membership: &membership,
        stop: &stop,
    };
    membership.run(|| watching.run())
}

/// The plan of a study file, or of sources.
fn plan(arguments: &WatchArguments) -> Result<Plan, UsageError> {
    let is_study = |source: &String| source.ends_with(".toml") && Path::new(source).is_file();
    let studies = arguments.source.iter().filter(|source| is_study(source));
    match (studies.count(), arguments.source.as_slice()) {
        (0, sources) => source_plan(sources, &arguments.settings),
        (1, [study]) => {
            if !arguments.settings.are_default() {
                let message = format!("{study}: a study file says how to measure; options cannot");
                return Err(UsageError(message));
            }
            Plan::read_at(Path::new(study), arguments.scale.named(), &[])
        }
        _ => Err(UsageError(
            "either one study file, or sources: not both, and not several studies".to_owned(),
        )),
    }
}
