//! Scans the sources of a plan, and checks that there is something to do and a place for its
//! output.

use std::path::Path;

use cntflow_catalog::{
    Catalog, CatalogError, CatalogOptions, MetadataMismatch, RowError, SkippedFile, TableError,
};
use cntflow_sources::{SourceError, scan_within};
use cntflow_storage::FullMessage;
use cntflow_storage::store::{Folder, is_url};

use crate::exit::UsageError;
use crate::study::plan::Plan;

/// What the sources of a plan hold.
pub(crate) struct ScannedSources {
    /// The checkpoints.
    pub(crate) catalog: Catalog,
    /// Files that are not checkpoints.
    pub(crate) skipped_files: Vec<SkippedFile>,
    /// What of the table of labels does not fit the checkpoints.
    pub(crate) metadata: Option<MetadataMismatch>,
}

/// Scans the sources.
///
/// # Errors
/// A source does not exist or cannot be read; there is nothing to train or measure.
pub(crate) fn scan_sources(plan: &Plan) -> anyhow::Result<ScannedSources> {
    require_metadata(&plan.catalog)?;
    let (catalog, mut skipped_files) =
        scan_within(&plan.sources, &plan.catalog, &plan.measure.limits)
            .map_err(|error| with_usage(error.into()))?;
    let metadata = MetadataMismatch::taken_from(&mut skipped_files, &plan.catalog);
    let sources = ScannedSources {
        catalog,
        skipped_files,
        metadata,
    };
    require_some_checkpoints(plan, &sources)?;
    Ok(sources)
}

/// Makes sure that the table of labels is there, if one is named.
///
/// # Errors
/// It is not, or is a folder.
pub(crate) fn require_metadata(options: &CatalogOptions) -> Result<(), UsageError> {
    let Some(path) = &options.metadata else {
        return Ok(());
    };
    let what = if path.is_dir() {
        "a folder"
    } else if path.try_exists().unwrap_or(true) || is_url(&path.to_string_lossy()) {
        return Ok(());
    } else {
        "no such file"
    };
    Err(UsageError(format!(
        "{}: {what}; --metadata, or metadata in [measure], names a table of labels: CSV, JSON lines \
         or Parquet",
        path.display()
    )))
}

/// The error of a scan, as wrong usage if the user has named something that is not there.
pub(crate) fn with_usage(error: anyhow::Error) -> anyhow::Error {
    let what_to_do = match error.downcast_ref() {
        Some(SourceError::NoSuchSource { .. }) => {
            "; check the name: a source is a file, a folder, a glob in quotes, or a URL"
        }
        Some(SourceError::Catalog(CatalogError::Column {
            source: RowError::NoColumn { .. },
            ..
        })) => {
            "; --run and --step, or run and step in [measure], name labels that every checkpoint has"
        }
        Some(
            SourceError::NotAFile { .. }
            | SourceError::Glob { .. }
            | SourceError::Catalog(CatalogError::Column { .. }),
        ) => "",
        Some(SourceError::Catalog(CatalogError::Table {
            source: TableError::UnknownForm,
            ..
        })) => "",
        _ => return error,
    };
    UsageError(format!("{}{what_to_do}", (*error).full_message())).into()
}

/// An empty result without a reason would not help the user.
fn require_some_checkpoints(plan: &Plan, sources: &ScannedSources) -> Result<(), UsageError> {
    if !plan.runs.is_empty() || !sources.catalog.is_empty() {
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
