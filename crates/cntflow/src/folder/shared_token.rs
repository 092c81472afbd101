//! A token in an output folder, by which the processes of a cluster see that they share it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cntflow_storage::store::Folder;

use super::file_names::LOCK_PREFIX;

/// Writes a token that no earlier run has written, and returns it.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn write_token(folder: &Path) -> anyhow::Result<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let token = format!("{}-{}", since.as_nanos(), std::process::id());
    let folder = Folder::at(folder);
    folder.write::<std::io::Error>(&token_name(), |file| file.write_all(token.as_bytes()))?;
    Ok(token)
}

/// The token in a folder, if it has one.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_token(folder: &Path) -> anyhow::Result<Option<String>> {
    let token = Folder::at(folder).read(&token_name())?;
    Ok(token.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Named as a lock, so that it counts as no output.
fn token_name() -> String {
    format!("{LOCK_PREFIX}shared")
}
