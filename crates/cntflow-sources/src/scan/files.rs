//! The files of a source: those below a folder, those that match a glob, members of archives.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cntflow_formats::is_zip_checkpoint;
use cntflow_storage::{FullMessage, Location, archive, store::ObjectStores};
use walkdir::{DirEntry, WalkDir};

use super::ScanState;
use super::ahead::look_ahead;
use super::object_peek::ObjectPeek;
use crate::SourceError;

/// Bytes at the beginning of a file that show whether it is an archive.
const BEGINNING: usize = 512;

/// The files that match a glob, and those below the folders that match it.
pub(super) fn of_glob(source: &str, state: &mut ScanState) -> Result<Vec<Location>, SourceError> {
    let matches = glob::glob(source).map_err(|error| SourceError::Glob {
        source_name: source.to_owned(),
        source: error,
    })?;
    let mut files = Vec::new();
    let mut matched = false;
    for path in matches.filter_map(Result::ok) {
        matched = true;
        if path.is_dir() {
            files.extend(below(&path, state));
        } else {
            add_file(path, &mut files, state);
        }
    }
    if !matched {
        return Err(SourceError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    Ok(files)
}

/// All files below a folder except hidden ones, such as the temporary files of a writer. What
/// cannot be read is skipped.
pub(super) fn below(folder: &Path, state: &mut ScanState) -> Vec<Location> {
    let is_hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let walk = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|entry| !is_hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => add_file(entry.into_path(), &mut files, state),
            Err(error) => {
                let kind = error.io_error().map(std::io::Error::kind);
                if kind.is_some_and(|kind| kind != std::io::ErrorKind::NotFound) {
                    state.cache.found_error();
                }
                let path = error.path().unwrap_or(folder).display();
                state.report(&path, error.full_message());
            }
        }
    }
    files
}

/// Adds a file, or skips it: names are text in every table, and reading a pipe could wait for ever.
fn add_file(path: PathBuf, files: &mut Vec<Location>, state: &mut ScanState) {
    if path.to_str().is_none() {
        // Two such names may look the same where they are printed.
        let reason = format!("its name is not UTF-8: {path:?}; rename it");
        state.report(&path.display(), reason);
        return;
    }
    match fs_err::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            state.cache.see(&path, &metadata);
            files.push(path.into());
        }
        Ok(_) => state.report(&path.display(), "a pipe, a socket or a device, not a file"),
        // A link to nowhere.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            state.report(&path.display(), error.full_message());
        }
        Err(error) => {
            state.cache.found_error();
            state.report(&path.display(), error.full_message());
        }
    }
}

/// The files of these names in the folder of `file`, as far as they exist.
pub(super) fn beside(file: &Location, names: &[&str]) -> Result<Vec<Location>, SourceError> {
    let mut files = Vec::new();
    for name in names {
        let sibling = file.sibling(name);
        let exists = match sibling.url() {
            Some(url) => ObjectStores::of_process()?.head(url)?.is_some(),
            None => sibling.path.is_file(),
        };
        files.extend(exists.then_some(sibling));
    }
    Ok(files)
}

/// The files, with archives replaced by their members. An archive that cannot be read is skipped.
pub(super) fn with_members(files: Vec<Location>, state: &mut ScanState) -> Vec<Location> {
    let mut all = Vec::with_capacity(files.len());
    let look = |file: &Location, state: &ScanState| {
        let is_on_disk = file.url().is_none() && file.member.is_none();
        (is_on_disk && !state.cache.knows_archive(file)).then(|| begins_as_archive(file))
    };
    look_ahead(files, state, look, |file, found, state| {
        match members(&file, found, state) {
            Ok(Some(members)) => all.extend(members),
            Ok(None) => all.push(file),
            Err(error) => state.report(&file, error.full_message()),
        }
    });
    all
}

/// The members of an archive; `None` if the file is none. `found` is what its beginning has shown,
/// if somebody has looked.
pub(super) fn members(
    file: &Location,
    found: Option<io::Result<bool>>,
    state: &mut ScanState,
) -> Result<Option<Vec<Location>>, SourceError> {
    // Archives within archives are not read. A member has the path of its archive, so without this
    // check the archive itself would be opened again.
    if file.member.is_some() || !may_be_archive(file, found, state) {
        return Ok(None);
    }
    let Some(archive) = archive::open(&file.path, &state.limits, is_zip_checkpoint)? else {
        return Ok(None);
    };
    if let Some(warning) = &archive.warning {
        state.report(file, warning);
    }
    let mut members = Vec::new();
    for member in archive.members() {
        let location = Location::of_member(&file.path, &member.name);
        match member.unreadable() {
            Some(error) => state.report(&location, error.full_message()),
            None if is_hidden(location.file_name()) => {}
            None => members.push(location),
        }
    }
    Ok(Some(members))
}

/// Whether a member of this name, without its folders, is a hidden file. A name such as `..\a.pt`,
/// of an archive that Windows wrote, is not hidden.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && !name.starts_with("..")
}

/// Whether the file may be an archive, by its first bytes.
fn may_be_archive(file: &Location, found: Option<io::Result<bool>>, state: &mut ScanState) -> bool {
    if let Some(url) = file.url() {
        return matches!(state.peeks.get(url), Some(ObjectPeek::Archive));
    }
    let look = || found.unwrap_or_else(|| begins_as_archive(file));
    state.cache.is_archive(file, look)
}

/// Whether the first bytes of a file on a disk are those of an archive.
fn begins_as_archive(file: &Location) -> io::Result<bool> {
    let mut beginning = Vec::with_capacity(BEGINNING);
    let open = fs_err::File::open(&*file.path)?;
    open.take(BEGINNING as u64).read_to_end(&mut beginning)?;
    Ok(archive::may_be_archive(&beginning))
}
