//! What a scan has to report: a file that became no entry, or something that an entry lacks
//! (labels, results), and why.

use std::path::PathBuf;

/// A file that became no entry, a row of metadata that belongs to none, or an entry that lacks
/// labels or results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// The file, or the table of metadata.
    pub path: PathBuf,
    /// Why it was skipped, or what it lacks.
    pub reason: String,
}
