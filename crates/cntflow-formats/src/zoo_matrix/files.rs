//! The files that hold several checkpoints: their names, and their bytes.

use cntflow_storage::{Content, FileCache, Limits, Location};

use crate::CheckpointError;

/// Name of the file that says which columns of the matrix are which variable.
pub const LAYOUT: &str = "layout.csv";
/// Name of the matrix.
pub const WEIGHTS: &str = "weights.npy";

/// The most recently used files of several checkpoints that are in an archive or an object store.
static CONTENTS: FileCache<Content> = FileCache::new(2);

/// The bytes of a file that holds several checkpoints. On a disk it is mapped; otherwise it is
/// cached for the next of its checkpoints.
pub(super) fn content_of(whole: &Location, limits: &Limits) -> Result<Content, CheckpointError> {
    let read = || whole.content(limits);
    if whole.member.is_none() && whole.url().is_none() {
        return Ok(read()?);
    }
    Ok((*CONTENTS.get(whole, read)?).clone())
}
