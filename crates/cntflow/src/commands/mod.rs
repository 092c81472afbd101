//! One file per command: it takes the arguments, gives an exit status.

mod catalog;
mod datasets;
mod discriminate;
mod inspect;
mod measure;
mod predict;
mod query;
mod run;

use crate::args::Command;
use crate::exit::ExitStatus;
use crate::pipeline::Extent;

/// Performs a command.
///
/// # Errors
/// Whatever keeps it from being done; failed checkpoints are no error but an exit status.
pub(crate) fn perform(command: Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Run(arguments) => run::run(arguments, Extent::Measure),
        Command::Train(arguments) => run::run(arguments, Extent::Train),
        Command::Measure(arguments) => measure::measure(arguments),
        Command::Discriminate(arguments) => discriminate::discriminate(&arguments),
        Command::Predict(arguments) => predict::predict(arguments),
        Command::Query(arguments) => query::query(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Catalog(arguments) => catalog::catalog(&arguments),
        Command::Datasets(command) => datasets::datasets(&command),
    }
}
