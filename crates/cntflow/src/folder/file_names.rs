//! Lists the files of a local folder and recognises ours by their names.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// File that says which study the folder belongs to.
///
/// It is written before any output. A folder that lacks it, but has files other than locks and
/// temporary files of this one, is not ours.
pub(super) const STUDY_FILE: &str = "study.json";

/// Start of the names of lock files. Each process that works in the folder holds one.
pub(super) const LOCK_PREFIX: &str = ".lock-p";

/// Whether the file name starts and ends like this.
pub(super) fn name_matches(path: &Path, start: &str, end: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(start) && name.ends_with(end)
}

/// Whether this is the temporary file of a writer of `study.json` that was killed.
pub(super) fn is_partial_record(path: &Path) -> bool {
    name_matches(path, ".study.json.", ".part")
}

/// The files in a local folder, sorted; none if the folder does not exist.
///
/// A URL gives no files either: on an object store there are no catalog parts, lock files or
/// temporary files.
///
/// # Errors
/// The folder cannot be listed.
pub(super) fn local_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
