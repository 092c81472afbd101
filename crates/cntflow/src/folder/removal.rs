//! Removes the output of earlier runs from the folder.

use std::path::Path;

use cntflow_storage::store::{Folder, ObjectStores};
use cntflow_storage::sync_folder;
use fs_err as fs;

use super::catalog_parts::{MERGED_CATALOG, catalog_files};
use super::file_names::{LOCK_PREFIX, STUDY_FILE, is_partial_record, local_files, name_matches};

/// What a run creates in the folder, in the order of removal.
///
/// First come the files that say which work is done. If the removal is interrupted after them, that
/// work is simply done again; in another order, tables would look complete while parts are missing.
/// `study.json` comes last, so that the folder is recognised as ours until everything else is gone.
const OUTPUT_NAMES: [&str; 11] = [
    "tables/networks",
    "tables/twins/shuffle/networks",
    "tables/twins/neurons/networks",
    "tables/twins/gaussian/networks",
    "tables/twins/sign/networks",
    MERGED_CATALOG,
    "tables",
    "checkpoints",
    "classifiers",
    "report.html",
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

/// Removes what a run has written into a folder that it has made again: its own was removed or
/// moved away in the middle of a write. Such a folder has neither the record nor the lock of the
/// run, and the command that goes on would be refused there.
///
/// # Errors
/// The folder cannot be listed, or a file not removed.
pub(crate) fn remove_orphans(folder: &Path) -> anyhow::Result<()> {
    let Folder::Local(path) = Folder::at(folder) else {
        return Ok(());
    };
    let has_own = |name: &str| path.join(name).exists();
    if !path.is_dir() || has_own(STUDY_FILE) || has_own(&format!("{LOCK_PREFIX}000")) {
        return Ok(());
    }
    remove_local_output(&path)
}

fn remove_local_output(folder: &Path) -> anyhow::Result<()> {
    for part in catalog_files(folder)? {
        fs::remove_file(part)?;
    }
    for path in OUTPUT_NAMES.map(|name| folder.join(name)) {
        if path.is_dir() {
            fs::remove_dir_all(&path)?;
        } else if path.exists() {
            fs::remove_file(&path)?;
        } else {
            continue;
        }
        // The order holds after a power cut, too.
        sync_folder(path.parent().unwrap_or(folder))?;
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
        if is_partial_record(&path)
            || name_matches(&path, ".catalog.", ".part")
            || name_matches(&path, ".report.html.", ".part")
        {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
