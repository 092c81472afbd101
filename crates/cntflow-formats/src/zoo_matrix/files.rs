//! The files that hold several checkpoints: their names, and their bytes.

use cntflow_storage::{Content, FileCache, Limits, Location};

use crate::CheckpointError;

/// Name of the file that says which columns of the matrix are which variable.
pub const LAYOUT: &str = "layout.csv";
/// Name of the matrix.
pub const WEIGHTS: &str = "weights.npy";

/// Contents of the last members of archives and objects that hold several checkpoints.
static CONTENTS: FileCache<Content> = FileCache::new(2);

/// The bytes of a file that holds several checkpoints: mapped from a disk, otherwise cached for the
/// next of them.
pub(super) fn content_of(whole: &Location, limits: &Limits) -> Result<Content, CheckpointError> {
    let read = || whole.content(limits);
    if whole.member.is_none() && whole.url().is_none() {
        return Ok(read()?);
    }
    Ok((*CONTENTS.get(whole, read)?).clone())
}
