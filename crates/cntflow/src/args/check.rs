//! Options of `cntflow check`.

use std::path::PathBuf;

use clap::Args;

use super::{MeasureSettings, ReuseArguments, ScaleArguments};

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// A study file, or checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az,
    /// http, https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: MeasureSettings,
    #[command(flatten)]
    pub(crate) reuse: ReuseArguments,
    #[command(flatten)]
    pub(crate) scale: ScaleArguments,
    /// Output folder of the run, or its URL [default: as of the run]
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Worker threads of the run [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}
