//! One file per command. It turns the arguments into checked values, does the work, and prints the
//! result.

mod catalog;
mod check;
mod claims;
mod datasets;
mod diff;
mod discriminate;
mod export;
mod graph_names;
mod inspect;
mod measure;
mod model_file;
mod open;
mod predict;
pub(crate) mod query;
pub(crate) mod report;
mod report_facts;
mod run;
mod serve;
mod sources_or_study;
mod watch;

use crate::args::Command;
use crate::exit::ExitStatus;
use crate::run::options::{ReuseOptions, RunUntil};

/// Runs a command.
///
/// # Errors
/// The command cannot be completed. Failed checkpoints are no error but an exit status.
pub(crate) fn run_command(command: Command) -> anyhow::Result<ExitStatus> {
    if let Some(cluster) = command.local_cluster() {
        return cluster.run();
    }
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Train(arguments) => {
            let workers = arguments.workers.clone().into();
            run::run_study(
                arguments,
                &[],
                ReuseOptions::default(),
                workers,
                RunUntil::Trained,
            )
        }
        Command::Measure(arguments) => measure::measure(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Watch(arguments) => watch::watch(arguments),
        Command::Discriminate(arguments) => discriminate::discriminate(arguments),
        Command::Predict(arguments) => predict::predict(arguments),
        Command::Claims(arguments) => claims::claims(&arguments),
        Command::Query(arguments) => query::query(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Answer(arguments) => crate::serve::answer(&arguments.folder),
        Command::Export(arguments) => export::export(arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Catalog(arguments) => catalog::catalog(arguments),
        Command::Datasets(command) => datasets::datasets(&command),
    }
}
