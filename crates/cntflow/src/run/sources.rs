//! Scans the sources of a plan, and checks that there is something to do and a place for its
//! output.

use std::path::Path;

use cntflow_catalog::{Catalog, SkippedFile};
use cntflow_sources::scan_within;
use cntflow_storage::store::Folder;

use crate::exit::UsageError;
use crate::study::plan::Plan;

/// What the sources of a plan hold.
pub(crate) struct ScannedSources {
    /// The checkpoints.
    pub(crate) catalog: Catalog,
    /// Files that are not checkpoints.
    pub(crate) skipped_files: Vec<SkippedFile>,
}

/// Scans the sources.
///
/// # Errors
/// A source does not exist or cannot be read; there is nothing to train or measure.
pub(crate) fn scan_sources(plan: &Plan) -> anyhow::Result<ScannedSources> {
    let (catalog, skipped_files) = scan_within(&plan.sources, &plan.catalog, &plan.measure.limits)?;
    let sources = ScannedSources {
        catalog,
        skipped_files,
    };
    require_some_checkpoints(plan, &sources)?;
    Ok(sources)
}

/// An empty result without a reason would not help the user.
fn require_some_checkpoints(plan: &Plan, sources: &ScannedSources) -> Result<(), UsageError> {
    if !plan.runs.is_empty() || !sources.catalog.entries().is_empty() {
        return Ok(());
    }
    let reason = match sources.skipped_files.as_slice() {
        [] => "no files".to_owned(),
        [first, ..] => format!(
            "{} files skipped, for example {}: {}",
            sources.skipped_files.len(),
            first.path.display(),
            first.reason
        ),
    };
    Err(UsageError(format!(
        "{}: no checkpoints here ({reason})",
        plan.sources.join(", ")
    )))
}

/// Checks the kind of output folder: HTTP servers are read only, and training writes and reads
/// files on a disk.
///
/// # Errors
/// The folder is on an HTTP server; or it is on an object store and the plan trains runs.
pub(crate) fn check_output_location(plan: &Plan, out: &Path) -> Result<(), UsageError> {
    let Folder::Remote(url) = Folder::at(out) else {
        return Ok(());
    };
    if url.starts_with("http") {
        return Err(UsageError(format!(
            "{url}: cannot write to an HTTP server; --out takes a folder, or a URL of s3, gs or az"
        )));
    }
    if !plan.runs.is_empty() {
        return Err(UsageError(format!(
            "{url}: a population can only be trained into a folder on a disk; measure it from \
             there with --out {url}"
        )));
    }
    Ok(())
}
