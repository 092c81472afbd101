//! Options of the commands that make what is published: exports and tables of claims.

use std::path::PathBuf;

use clap::Args;

use super::shared::OutputArguments;
use crate::export::rounding::MOST_DIGITS;

#[derive(Debug, Args)]
pub(crate) struct ClaimsArguments {
    /// Study files, or folders of them
    #[arg(required = true)]
    pub(crate) study: Vec<PathBuf>,
    /// Folder, or its URL, with an export or an output folder for each study, under its name or
    /// that of its key 'tables_of'
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: PathBuf,
    /// Markdown file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Write nothing; fail at the first line of the file that is out of date
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: compare these studies alone, in a file that may have others
    #[arg(long, requires = "check")]
    pub(crate) part: bool,
    /// Folder of the results: OUT/STUDY for each study
    #[arg(long, default_value = "runs/claims")]
    pub(crate) out: PathBuf,
    /// Worker threads [default: number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Output folder of a run, or its URL
    pub(crate) folder: PathBuf,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Round the statistics in the table 'layers' to this many significant digits [default: not
    /// rounded]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DIGITS)))]
    pub(crate) digits: Option<u32>,
    /// Only the last checkpoint of each run
    #[arg(long)]
    pub(crate) last: bool,
    /// Only this many runs, spread evenly over the names of all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: Option<u32>,
    /// Keep only the statistics that the experiments of this study read, in their representations
    #[arg(long = "for", value_name = "STUDY")]
    pub(crate) readers: Option<PathBuf>,
    /// Replace the export that is in the folder
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Print the manifest as one JSON document on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
