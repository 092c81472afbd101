//! Looking at one file again, of a folder that was scanned before.

use std::path::Path;

use cntflow_catalog::{CatalogEntry, CatalogOptions, apply_options};
use cntflow_storage::{Limits, Location};

use super::{ScanCache, ScanState, files, plain};
use crate::SourceError;
use crate::layout::{self, Folders};

/// What a file of a scanned folder is now.
#[derive(Debug)]
pub enum FileLook {
    /// A checkpoint.
    Checkpoint(Box<CatalogEntry>),
    /// Some other file, or none any more.
    NoCheckpoint,
    /// It may change what other files are: the folder must be scanned again.
    Unclear,
}

/// Looks at one file below a folder that `cache` has scanned. That is enough where no published
/// layout was found; files that say something of others are [`FileLook::Unclear`].
///
/// # Errors
/// `options` name a column that is not there, or a table that cannot be read.
pub fn look_again(
    path: &Path,
    options: &CatalogOptions,
    limits: &Limits,
    cache: &mut ScanCache,
) -> Result<FileLook, SourceError> {
    let file = Location::from(path);
    let name = file.file_name();
    let may_be_of_others = layout::is_read_by_a_layout(name) || plain::has_other_ending(&file);
    if cache.has_layouts() || may_be_of_others || path.to_str().is_none() {
        return Ok(FileLook::Unclear);
    }
    let Ok(metadata) = fs_err::metadata(path) else {
        // A folder that is gone had other files.
        return Ok(if cache.forget(path) {
            FileLook::NoCheckpoint
        } else {
            FileLook::Unclear
        });
    };
    if !metadata.is_file() {
        return Ok(FileLook::Unclear);
    }
    cache.see(path, &metadata);
    let mut state = ScanState {
        limits: *limits,
        cache: std::mem::take(cache),
        ..ScanState::default()
    };
    let look = look_at(&file, options, &mut state);
    *cache = state.cache;
    look
}

fn look_at(
    file: &Location,
    options: &CatalogOptions,
    state: &mut ScanState,
) -> Result<FileLook, SourceError> {
    // An archive that cannot be read is skipped, as in a scan.
    if !matches!(files::members(file, None, state), Ok(None)) {
        return Ok(FileLook::Unclear);
    }
    let mut folders = Folders::of(vec![file.clone()]);
    layout::apply_all(&mut folders, state);
    if folders.into_files().count() != 1 {
        return Ok(FileLook::Unclear);
    }
    plain::add_or_skip(file, None, state);
    let mut entries = std::mem::take(&mut state.entries);
    // What the table says of other checkpoints is not of this look.
    let mut skipped = Vec::new();
    if !entries.is_empty() {
        apply_options(options, &mut entries, &mut skipped, &state.limits)?;
    }
    if entries.has_parents() {
        // Where they are, the whole catalog tells.
        return Ok(FileLook::Unclear);
    }
    let entry = entries.into_catalog()?.into_entries().pop().map(Box::new);
    Ok(entry.map_or(FileLook::NoCheckpoint, FileLook::Checkpoint))
}
