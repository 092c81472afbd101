//! What the beginnings of files have shown, for scans that come again and again: a file that has
//! not changed is not opened.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::Path;

use cntflow_storage::{Location, Stamp};

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

    /// Forgets a file that is gone; returns whether it was known.
    pub(super) fn forget(&mut self, path: &Path) -> bool {
        self.files.remove(path.as_os_str()).is_some()
    }

    /// Begins a scan.
    pub(super) fn begin(&mut self) {
        self.scan += 1;
        self.has_layouts = false;
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

    /// Whether a file may be an archive; `look` tells if it is not known.
    pub(super) fn is_archive(&mut self, file: &Location, look: impl FnOnce() -> bool) -> bool {
        match self.seen(file) {
            Some(seen) => *seen.is_archive.get_or_insert_with(look),
            None => look(),
        }
    }

    /// The metadata of a file; `read` tells if it is not known.
    pub(super) fn metadata(
        &mut self,
        file: &Location,
        read: impl FnOnce() -> Option<BTreeMap<String, String>>,
    ) -> Option<BTreeMap<String, String>> {
        match self.seen(file) {
            Some(seen) => seen.metadata.get_or_insert_with(read).clone(),
            None => read(),
        }
    }

    /// Why a file is no checkpoint, if it is none; `look` tells if it is not known.
    pub(super) fn reason_to_skip(
        &mut self,
        file: &Location,
        look: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        match self.seen(file) {
            Some(seen) => seen.skipped_because.get_or_insert_with(look).clone(),
            None => look(),
        }
    }

    /// What is known of a whole file on a disk.
    fn seen(&mut self, file: &Location) -> Option<&mut SeenFile> {
        if file.member.is_some() {
            return None;
        }
        self.files.get_mut(file.path.as_os_str())
    }
}
