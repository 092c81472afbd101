//! What `check` and `watch` are about.

use clap::Args;

use super::{MeasureSettings, ReuseArguments, ScaleArguments};

/// A study, or sources and how they are measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct StudyOrSources {
    /// A study file, or checkpoints: files, folders, globs, archives, catalogs, URLs (s3, gs, az,
    /// hf, http, https)
    #[arg(required = true)]
    pub(crate) source: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: MeasureSettings,
    #[command(flatten)]
    pub(crate) reuse: ReuseArguments,
    #[command(flatten)]
    pub(crate) scale: ScaleArguments,
}
