//! Skipped files: those of a source that did not become entries of the catalog.

use std::path::PathBuf;

/// A file of a source, or a row of its metadata, that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why it was skipped.
    pub reason: String,
}
