//! Options of `cntflow check`.

use std::path::PathBuf;

use clap::Args;

use super::StudyOrSources;

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) what: StudyOrSources,
    /// Output folder of the run, or its URL [default: as of the run]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Worker threads of each process of the run [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Processes of the run on this machine, as of `run` [default: one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) processes: Option<u16>,
    /// Count what failed before as to be measured again
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
