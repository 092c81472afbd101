//! Finding checkpoints: a file, a folder, a glob, an archive or a catalog becomes catalog entries.

mod files;
mod plain;
mod url;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::SourceError;
use crate::layout::{self, Folders};
use cntflow_catalog::read_catalog_at;
use cntflow_catalog::rows::holds_rows;
use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_catalog::{CatalogOptions, SkippedFile, apply_options};
use cntflow_storage::{Limits, Location, store};

/// What scanning has come to so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<CatalogEntry>,
    pub(crate) skipped: Vec<SkippedFile>,
    pub(crate) limits: Limits,
    /// Of objects by their URLs, what is known of them beyond their names.
    seen: HashMap<String, url::Seen>,
}

impl Found {
    /// Remembers why a file is no checkpoint.
    pub(crate) fn pass_over(&mut self, path: impl ToString, reason: impl Into<String>) {
        self.skipped.push(SkippedFile {
            path: PathBuf::from(path.to_string()),
            reason: reason.into(),
        });
    }

    /// The checkpoint of an ordinary file, with the labels that the file itself gives.
    pub(crate) fn add_plain(&mut self, location: &Location) -> &mut CatalogEntry {
        let entry = plain::entry(location, self);
        self.entries.push(entry);
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }
}

/// Finds the checkpoints of all `sources`. A file that is named is always an entry, readable or not, unless it is a catalog or an
/// archive; of a folder, a glob or an archive those are that a published layout has, that hold a known format by their content, or
/// that claim one by their name.
///
/// # Errors
/// A source names nothing, a folder, archive or catalog cannot be read, `options` name a column that is not there, or two checkpoints
/// claim one name.
pub fn scan(
    sources: &[String],
    options: &CatalogOptions,
) -> Result<(Catalog, Vec<SkippedFile>), SourceError> {
    scan_within(sources, options, &Limits::default())
}

/// As [`scan`], within other limits than the default ones.
///
/// # Errors
/// As [`scan`].
pub fn scan_within(
    sources: &[String],
    options: &CatalogOptions,
    limits: &Limits,
) -> Result<(Catalog, Vec<SkippedFile>), SourceError> {
    let mut found = Found {
        limits: *limits,
        ..Found::default()
    };
    for source in sources {
        scan_source(source, &mut found)?;
    }
    apply_options(options, &mut found.entries, &mut found.skipped, limits)?;
    Ok((Catalog::new(found.entries)?, found.skipped))
}

fn scan_source(source: &str, found: &mut Found) -> Result<(), SourceError> {
    let path = Path::new(source);
    if store::is_url(source) {
        let objects = url::look(source, found)?;
        if let [object] = &objects[..]
            && object.url() == Some(source)
        {
            return scan_file(object, found);
        }
        scan_files(objects, found);
        return Ok(());
    }
    if path.is_file() {
        return scan_file(&path.into(), found);
    }
    let files = match path.is_dir() {
        true => files::below(path, found),
        false => files::of_glob(source, found)?,
    };
    scan_files(files, found);
    Ok(())
}

/// A source that is one file.
fn scan_file(file: &Location, found: &mut Found) -> Result<(), SourceError> {
    if holds_rows(file.file_name()) {
        found.entries.extend(read_catalog_at(file, &found.limits)?);
        return Ok(());
    }
    if let Some(members) = files::members(file, found)? {
        scan_files(members, found);
        return Ok(());
    }
    let mut files = files::beside(file, layout::needed_beside(file.file_name()))?;
    files.push(file.clone());
    let mut folders = Folders::of(files);
    layout::take_all(&mut folders, found);
    for rest in folders.into_files().filter(|rest| rest == file) {
        found.add_plain(&rest);
    }
    Ok(())
}

fn scan_files(files: Vec<Location>, found: &mut Found) {
    let files = files::with_members(files, found);
    let mut folders = Folders::of(files);
    layout::take_all(&mut folders, found);
    for file in folders.into_files() {
        plain::take(&file, found);
    }
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
