//! Options of `cntflow watch`.

use std::path::PathBuf;

use clap::Args;

use super::shared::ProgressArguments;
use super::{FolderArguments, StudyOrSources, TaskArguments, WorkerArguments};

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub(crate) what: StudyOrSources,
    /// Make everything current once, and end
    #[arg(long, conflicts_with = "until_idle")]
    pub(crate) once: bool,
    /// End once nothing has changed for this many seconds
    #[arg(
        long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60",
        require_equals = true, value_parser = seconds
    )]
    pub(crate) until_idle: Option<f64>,
    /// Predict each measured checkpoint with this model, which a run has saved
    /// (`OUT/classifiers/EXPERIMENT/FEATURES.json`)
    #[arg(long, value_name = "MODEL")]
    pub(crate) predict: Option<PathBuf>,
    /// Leave a file alone until nobody has written to it for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) quiet: f64,
    /// Longest time, in seconds, between two looks at the sources. The system tells of changes on
    /// local disks at once; on object stores and shared file systems only looking does
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) poll: f64,
    /// Make populations and experiments once nothing has changed for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) results_after: f64,
    #[command(flatten)]
    pub(crate) folder: FolderArguments,
    #[command(flatten)]
    pub(crate) task: TaskArguments,
    #[command(flatten)]
    pub(crate) workers: WorkerArguments,
    #[command(flatten)]
    pub(crate) progress: ProgressArguments,
}

/// A time in seconds, at most a year, with or without its unit: `5` or `5s`.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    const YEAR: f64 = 366.0 * 86_400.0;

    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds: f64 = number
        .parse()
        .map_err(|_| "not a number of seconds, such as 5 or 5s".to_owned())?;
    if (0.0..=YEAR).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("{seconds} is not between 0 and {YEAR}"))
    }
}
