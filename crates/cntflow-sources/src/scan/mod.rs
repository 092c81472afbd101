//! Scanning: a file, a folder, a glob, an archive, a catalog or a URL becomes catalog entries.

mod ahead;
mod cache;
mod files;
mod hub_files;
mod object_peek;
mod one_file;
mod parents;
mod plain;

pub use cache::ScanCache;
pub use one_file::{FileLook, look_again};

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cntflow_catalog::{
    Catalog, CatalogEntry, CatalogOptions, CollectedEntries, SkippedFile, apply_options,
    read_catalog_at, rows::is_table_name,
};
use cntflow_storage::{Limits, Location, store};

use crate::{
    SourceError,
    layout::{self, Folders},
};

/// The state of a scan: what it has found so far, and its limits.
#[derive(Debug, Default)]
pub(crate) struct ScanState {
    pub(crate) entries: CollectedEntries,
    pub(crate) skipped: Vec<SkippedFile>,
    pub(crate) limits: Limits,
    /// What earlier scans have seen.
    cache: ScanCache,
    /// What the beginning of each object showed, by URL.
    peeks: HashMap<String, object_peek::ObjectPeek>,
}

impl ScanState {
    /// Reports a file that becomes no entry, or what an entry lacks.
    pub(crate) fn report(&mut self, path: &(impl ToString + ?Sized), reason: impl Into<String>) {
        self.skipped.push(SkippedFile {
            path: PathBuf::from(path.to_string()),
            reason: reason.into(),
        });
    }

    /// Adds an entry for a file, with labels from its own metadata and name, and returns it for a
    /// layout to complete.
    pub(crate) fn add_file(&mut self, location: &Location) -> &mut CatalogEntry {
        let entry = plain::entry(location, None, self);
        self.entries.push(entry);
        let last = self.entries.last_mut();
        last.unwrap_or_else(|| unreachable!("an entry was added just now"))
    }
}

/// Finds the checkpoints of all `sources`, and the files that were skipped.
///
/// A named file is always an entry, readable or not, unless it is a catalog or an archive. In a
/// folder, a glob or an archive, a file is an entry if it belongs to a published layout, if its
/// content is of a known format, or if its name ends as those of checkpoints do.
///
/// # Errors
/// A source names nothing; a folder, archive or catalog cannot be read; `options` name a column
/// that is not there; or two checkpoints claim one name.
pub fn scan(
    sources: &[String],
    options: &CatalogOptions,
) -> Result<(Catalog, Vec<SkippedFile>), SourceError> {
    scan_within(sources, options, &Limits::default())
}

/// As [`scan`], within the given limits.
///
/// # Errors
/// As [`scan`].
pub fn scan_within(
    sources: &[String],
    options: &CatalogOptions,
    limits: &Limits,
) -> Result<(Catalog, Vec<SkippedFile>), SourceError> {
    let state = ScanState {
        limits: *limits,
        ..ScanState::default()
    };
    scan_all(sources, options, state).0
}

/// As [`scan_within`], without opening files that have not changed since an earlier scan.
///
/// # Errors
/// As [`scan`].
pub fn scan_again(
    sources: &[String],
    options: &CatalogOptions,
    limits: &Limits,
    cache: &mut ScanCache,
) -> Result<(Catalog, Vec<SkippedFile>), SourceError> {
    let mut state = ScanState {
        limits: *limits,
        cache: std::mem::take(cache),
        ..ScanState::default()
    };
    state.cache.begin();
    let (scanned, seen) = scan_all(sources, options, state);
    // Also after an error: the next scan may succeed.
    *cache = seen;
    if scanned.is_ok() {
        cache.end();
    }
    scanned
}

type Scanned = Result<(Catalog, Vec<SkippedFile>), SourceError>;

fn scan_all(
    sources: &[String],
    options: &CatalogOptions,
    mut state: ScanState,
) -> (Scanned, ScanCache) {
    let mut scan = || {
        for source in sources {
            scan_source(source, &mut state)?;
        }
        let (mut entries, mut skipped) = (
            std::mem::take(&mut state.entries),
            std::mem::take(&mut state.skipped),
        );
        apply_options(options, &mut entries, &mut skipped, &state.limits)?;
        parents::find_in_catalog(&mut entries);
        Ok((entries.into_catalog()?, skipped))
    };
    let scanned = scan();
    (scanned, state.cache)
}

fn scan_source(source: &str, state: &mut ScanState) -> Result<(), SourceError> {
    let path = Path::new(source);
    if store::is_url(source) {
        let objects = object_peek::peek_objects(source, state)?;
        if let [object] = &objects[..]
            && object.url() == Some(source)
        {
            return scan_file(object, state);
        }
        scan_files(objects, state);
        return Ok(());
    }
    if path.is_file() {
        return scan_file(&path.into(), state);
    }
    let files = if path.is_dir() {
        files::below(path, state)
    } else if path.exists() {
        return Err(SourceError::NotAFile {
            path: path.to_owned(),
        });
    } else {
        files::of_glob(source, state)?
    };
    scan_files(files, state);
    Ok(())
}

/// A source that is one file.
fn scan_file(file: &Location, state: &mut ScanState) -> Result<(), SourceError> {
    if is_table_name(file.file_name()) {
        read_catalog_at(file, &state.limits, &mut state.entries)?;
        return Ok(());
    }
    if let Some(members) = files::members(file, None, state)? {
        scan_files(members, state);
        return Ok(());
    }
    let mut files = files::beside(file, layout::needed_beside(file.file_name()))?;
    files.push(file.clone());
    let mut folders = Folders::of(files);
    layout::apply_all(&mut folders, state);
    // The files beside it were not named: without a layout they are no part of the source.
    for rest in folders.into_files().filter(|rest| rest == file) {
        state.add_file(&rest);
    }
    Ok(())
}

fn scan_files(files: Vec<Location>, state: &mut ScanState) {
    let files = files::with_members(files, state);
    let n_files = files.len();
    let mut folders = Folders::of(files);
    layout::apply_all(&mut folders, state);
    let rest: Vec<Location> = folders.into_files().collect();
    if rest.len() < n_files {
        state.cache.found_layout();
    }
    plain::add_or_skip_all(rest, state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_names_nothing_is_an_error() {
        let sources = ["no/such/*.safetensors".to_owned()];
        let text = scan(&sources, &CatalogOptions::default())
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "no/such/*.safetensors: no such file or folder, and no file matches it"
        );
    }
}
