//! Removes the output of earlier runs from the folder.

use std::path::Path;

use cntflow_storage::store::{Folder, ObjectStores};
use fs_err as fs;

use super::catalog_parts::{MERGED_CATALOG, catalog_files};
use super::file_names::{STUDY_FILE, is_partial_record, local_files, name_matches};

/// What a run creates in the folder, in the order of removal.
///
/// First comes what says that work is done: if the removal is interrupted, work is left to do
/// again, and there are never results that lack a part. The record of the study comes last: the
/// folder stays ours until it is empty.
const OUTPUT_NAMES: [&str; 10] = [
    "tables/networks",
    "tables/twins/shuffle/networks",
    "tables/twins/neurons/networks",
    "tables/twins/gaussian/networks",
    "tables/twins/sign/networks",
    MERGED_CATALOG,
    "tables",
    "checkpoints",
    "classifiers",
    STUDY_FILE,
];

/// Removes all output of cntflow; other files stay.
///
/// # Errors
/// The folder cannot be listed, or a file not removed.
pub(super) fn remove_output(folder: &Path) -> anyhow::Result<()> {
    match Folder::at(folder) {
        Folder::Local(path) => remove_local_output(&path),
        Folder::Remote(url) => remove_remote_output(&url),
    }
}

fn remove_local_output(folder: &Path) -> anyhow::Result<()> {
    for part in catalog_files(folder)? {
        fs::remove_file(part)?;
    }
    for path in OUTPUT_NAMES.map(|name| folder.join(name)) {
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.exists() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn remove_remote_output(url: &str) -> anyhow::Result<()> {
    let stores = ObjectStores::of_process()?;
    for name in OUTPUT_NAMES {
        for object in stores.list(&format!("{url}/{name}"))? {
            stores.delete(&object.url)?;
        }
    }
    Ok(())
}

/// Removes temporary files of killed writers.
///
/// # Errors
/// The folder cannot be listed, or a file not removed.
pub(super) fn remove_partial_files(folder: &Path) -> anyhow::Result<()> {
    for path in local_files(folder)? {
        if is_partial_record(&path) || name_matches(&path, ".catalog.", ".part") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
