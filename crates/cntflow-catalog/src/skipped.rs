//! Files of a source that are not in the catalog.

use std::path::PathBuf;

/// A file of a source, or a row of its metadata, that is not in the catalog, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why it is not in the catalog.
    pub reason: String,
}
