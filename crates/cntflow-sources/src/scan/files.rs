//! The files of a source: below a folder, matched by a glob, members of archives.

use cntflow_storage::FullMessage;
use std::io::Read;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::Found;
use super::url::Seen;
use crate::SourceError;
use cntflow_formats::is_zip_checkpoint;
use cntflow_storage::store::ObjectStores;
use cntflow_storage::{Location, archive};

/// Bytes by which an archive is told.
const HEAD: usize = 512;

/// The files that a glob matches, and those below the folders that it matches.
pub(super) fn of_glob(source: &str, found: &mut Found) -> Result<Vec<Location>, SourceError> {
    let matches = glob::glob(source).map_err(|error| SourceError::Glob {
        source_name: source.to_owned(),
        source: error,
    })?;
    let mut files = Vec::new();
    let mut matched = false;
    for path in matches.filter_map(Result::ok) {
        matched = true;
        if path.is_dir() {
            files.extend(below(&path, found));
        } else {
            files.push(path.into());
        }
    }
    if !matched {
        return Err(SourceError::NoSuchSource {
            source_name: source.to_owned(),
        });
    }
    Ok(files)
}

/// All files below a folder but hidden ones (temporary files of a writer among them). What cannot be followed is passed over.
pub(super) fn below(folder: &Path, found: &mut Found) -> Vec<Location> {
    let hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let walk = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|entry| !hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path().into()),
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).display();
                found.pass_over(path, error.full_message());
            }
        }
    }
    files
}

/// Those files of such names that lie beside a file.
pub(super) fn beside(file: &Location, names: &[&str]) -> Result<Vec<Location>, SourceError> {
    let mut files = Vec::new();
    for name in names {
        let sibling = file.sibling(name);
        let is_there = match sibling.url() {
            Some(url) => ObjectStores::of_process()?.head(url)?.is_some(),
            None => sibling.path.is_file(),
        };
        files.extend(is_there.then_some(sibling));
    }
    Ok(files)
}

/// The files, archives replaced by their members. An archive that cannot be read is passed over, with its reason.
pub(super) fn with_members(files: Vec<Location>, found: &mut Found) -> Vec<Location> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        match members(&file, found) {
            Ok(Some(members)) => all.extend(members),
            Ok(None) => all.push(file),
            Err(error) => found.pass_over(&file, error.full_message()),
        }
    }
    all
}

/// The members of a file that is an archive; `None` of any other.
pub(super) fn members(
    file: &Location,
    found: &mut Found,
) -> Result<Option<Vec<Location>>, SourceError> {
    // Archives within archives are not read; a member's path is that of its archive.
    if file.member.is_some() || !may_be_archive(file, found) {
        return Ok(None);
    }
    let Some(archive) = archive::open(&file.path, &found.limits, is_zip_checkpoint)? else {
        return Ok(None);
    };
    if let Some(remark) = &archive.remark {
        found.pass_over(file, remark);
    }
    let mut members = Vec::new();
    for member in archive.members() {
        let location = Location::of_member(&file.path, &member.name);
        match member.unreadable() {
            Some(reason) => found.pass_over(&location, reason),
            None if is_hidden(location.file_name()) => {}
            None => members.push(location),
        }
    }
    Ok(Some(members))
}

/// Whether a member is a hidden file; one whose name leads upwards is none.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && !name.starts_with("..")
}

/// Whether the first bytes are those of an archive, or of what may hold one.
fn may_be_archive(file: &Location, found: &Found) -> bool {
    if let Some(url) = file.url() {
        return matches!(found.seen.get(url), Some(Seen::Archive));
    }
    let mut head = Vec::with_capacity(HEAD);
    let open = fs_err::File::open(&*file.path);
    let read = open.and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.is_ok() && archive::may_be_one(&head)
}
