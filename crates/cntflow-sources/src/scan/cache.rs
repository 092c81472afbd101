//! What the beginnings of files have shown, for scans that come again and again: a file that has
//! not changed is not opened.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::Path;

use cntflow_storage::store::ObjectInfo;
use cntflow_storage::{Location, Stamp};

use super::object_peek::ObjectPeek;

/// Files on a disk that earlier scans have seen, as they were then.
#[derive(Debug, Default)]
pub struct ScanCache {
    /// By path as text: comparing paths part by part takes several times as long.
    files: HashMap<OsString, SeenFile>,
    /// Counts scans, so that files which are gone can be forgotten. 0 of a scan that is made once
    /// and remembers nothing.
    scan: u64,
    /// Whether the last scan has found a published layout.
    has_layouts: bool,
    /// What the beginning of each object showed, with its stamp then, by URL.
    peeks: HashMap<String, (String, ObjectPeek)>,
    /// Whether the last scan could not look at some folder or file.
    has_errors: bool,
}

/// A file as it was at the last scan.
#[derive(Debug)]
struct SeenFile {
    stamp: Stamp,
    scan: u64,
    is_archive: Option<bool>,
    metadata: Option<Option<BTreeMap<String, String>>>,
    skipped_because: Option<Option<String>>,
}

impl ScanCache {
    /// The stamp that a file had at the last scan; `None` for what was not seen, and for a
    /// checkpoint that is in several files.
    pub fn stamp(&self, location: &Location) -> Option<Stamp> {
        if location.is_index() {
            return None;
        }
        let seen = self.files.get(location.path.as_os_str())?;
        Some(seen.stamp.clone())
    }

    /// Whether the last scan has found a published layout, whose files say something of each
    /// other.
    pub(super) fn has_layouts(&self) -> bool {
        self.has_layouts
    }

    /// Notes that the scan has found a published layout.
    pub(super) fn found_layout(&mut self) {
        self.has_layouts = true;
    }

    /// Whether the last scan could not look at some folder or file, for another reason than that it
    /// is not there.
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Notes that a folder or a file could not be looked at.
    pub(super) fn found_error(&mut self) {
        self.has_errors = true;
    }

    /// Forgets a file that is gone; returns whether it was known, and was no archive.
    pub(super) fn forget(&mut self, path: &Path) -> bool {
        let seen = self.files.remove(path.as_os_str());
        seen.is_some_and(|seen| seen.is_archive == Some(false))
    }

    /// What the beginning of an object has shown, if it has not changed since.
    pub(super) fn peek(&self, object: &ObjectInfo) -> Option<ObjectPeek> {
        let (stamp, peek) = self.peeks.get(&object.url)?;
        (*stamp == Stamp::of_object(object).text).then(|| peek.clone())
    }

    /// Takes in what the beginning of an object shows. What has failed is asked again.
    pub(super) fn see_object(&mut self, object: &ObjectInfo, peek: &ObjectPeek) {
        if self.scan > 0 && !matches!(peek, ObjectPeek::Failed(_)) {
            let stamp = Stamp::of_object(object).text;
            self.peeks.insert(object.url.clone(), (stamp, peek.clone()));
        }
    }

    /// Begins a scan.
    pub(super) fn begin(&mut self) {
        self.scan += 1;
        self.has_layouts = false;
        self.has_errors = false;
    }

    /// Forgets what the scan has not seen.
    pub(super) fn end(&mut self) {
        let scan = self.scan;
        self.files.retain(|_, seen| seen.scan == scan);
    }

    /// Takes in a file as it is now.
    pub(super) fn see(&mut self, path: &Path, metadata: &Metadata) {
        if self.scan == 0 {
            return;
        }
        let stamp = Stamp::of_metadata(metadata);
        match self.files.get_mut(path.as_os_str()) {
            Some(seen) if seen.stamp == stamp => seen.scan = self.scan,
            _ => {
                let seen = SeenFile {
                    stamp,
                    scan: self.scan,
                    is_archive: None,
                    metadata: None,
                    skipped_because: None,
                };
                self.files.insert(path.as_os_str().to_owned(), seen);
            }
        }
    }

    /// Whether a file may be an archive. `look` tells if it is not known; what fails is asked again
    /// at the next scan.
    pub(super) fn is_archive(
        &mut self,
        file: &Location,
        look: impl FnOnce() -> std::io::Result<bool>,
    ) -> bool {
        if let Some(known) = self.seen(file).and_then(|seen| seen.is_archive) {
            return known;
        }
        let found = look().ok();
        if let Some(seen) = self.seen(file) {
            seen.is_archive = found;
        }
        found.unwrap_or_default()
    }

    /// The metadata of a file, likewise.
    pub(super) fn metadata(
        &mut self,
        file: &Location,
        read: impl FnOnce() -> std::io::Result<Option<BTreeMap<String, String>>>,
    ) -> Option<BTreeMap<String, String>> {
        if let Some(known) = self.seen(file).and_then(|seen| seen.metadata.clone()) {
            return known;
        }
        let found = read().ok();
        if let Some(seen) = self.seen(file) {
            seen.metadata.clone_from(&found);
        }
        found.flatten()
    }

    /// Why a file is no checkpoint, if it is none, likewise; the text of what fails is the reason.
    pub(super) fn reason_to_skip(
        &mut self,
        file: &Location,
        look: impl FnOnce() -> Result<Option<String>, String>,
    ) -> Option<String> {
        if let Some(known) = self
            .seen(file)
            .and_then(|seen| seen.skipped_because.clone())
        {
            return known;
        }
        match look() {
            Ok(found) => {
                if let Some(seen) = self.seen(file) {
                    seen.skipped_because = Some(found.clone());
                }
                found
            }
            Err(failed) => Some(failed),
        }
    }

    /// Whether it is known if a file is an archive.
    pub(super) fn knows_archive(&self, file: &Location) -> bool {
        let seen = self.files.get(file.path.as_os_str());
        seen.is_some_and(|seen| seen.is_archive.is_some())
    }

    /// Whether the metadata of a file is known.
    pub(super) fn knows_metadata(&self, file: &Location) -> bool {
        let seen = self.files.get(file.path.as_os_str());
        seen.is_some_and(|seen| seen.metadata.is_some())
    }

    /// What is known of a whole file on a disk.
    fn seen(&mut self, file: &Location) -> Option<&mut SeenFile> {
        if file.member.is_some() {
            return None;
        }
        self.files.get_mut(file.path.as_os_str())
    }
}
