//! The catalog of trained checkpoints: `catalog.parquet`, and one part per committed batch until
//! they are merged.

use std::path::{Path, PathBuf};

use cntflow_catalog::{Catalog, CollectedEntries, read_catalog_at, write_catalog};
use cntflow_storage::Limits;
use fs_err as fs;

use super::file_names::{local_files, name_matches};

/// Name of the merged catalog.
pub(super) const MERGED_CATALOG: &str = "catalog.parquet";

/// The merged catalog and its parts, as far as there are any.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn catalog_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = local_files(folder)?;
    files.retain(|path| name_matches(path, "catalog.", ".parquet"));
    Ok(files)
}

/// All checkpoints that were trained and committed so far.
///
/// # Errors
/// A part cannot be read.
pub(super) fn read_catalog_parts(folder: &Path) -> anyhow::Result<Catalog> {
    let mut entries = CollectedEntries::default();
    for part in catalog_files(folder)? {
        read_catalog_at(&part.as_path().into(), &Limits::default(), &mut entries)?;
    }
    Ok(entries.into_catalog()?)
}

/// Whether the catalog has parts that are not merged: then some runs may not be trained yet.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn has_unmerged_parts(folder: &Path) -> anyhow::Result<bool> {
    let merged = folder.join(MERGED_CATALOG);
    Ok(catalog_files(folder)?.iter().any(|path| *path != merged))
}

/// Merges all parts into one `catalog.parquet`.
///
/// # Errors
/// A part cannot be read, or the catalog not written.
pub(super) fn merge_catalog_parts(folder: &Path) -> anyhow::Result<()> {
    let merged = folder.join(MERGED_CATALOG);
    let files = catalog_files(folder)?;
    let parts: Vec<&PathBuf> = files.iter().filter(|path| **path != merged).collect();
    if parts.is_empty() {
        return Ok(());
    }
    write_catalog(&merged, &read_catalog_parts(folder)?)?;
    for part in parts {
        fs::remove_file(part)?;
    }
    Ok(())
}
