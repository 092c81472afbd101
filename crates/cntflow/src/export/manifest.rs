//! `MANIFEST.json`: what made an export, from what, and the digest of every file.

use std::path::Path;

use serde::Serialize;

use crate::study::scale::Scale;

/// Name of the file.
pub(super) const MANIFEST_FILE: &str = "MANIFEST.json";

/// What made an export, and what is in it.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest {
    /// Version of cntflow that wrote the export.
    pub(super) cntflow: String,
    /// Name of the study.
    pub(super) study: String,
    /// See `Plan::identity`.
    pub(super) identity: String,
    /// Scale of the study.
    pub(super) scale: Scale,
    /// The command that made the export.
    pub(super) command: String,
    /// Checkpoints of each run that are in it: `all` or `last`.
    pub(super) checkpoints: &'static str,
    /// Decimal digits that the table `layers` is rounded to; `None` if it is not rounded.
    pub(super) digits: Option<u32>,
    /// Significant bits that are left by it: the relative error is at most 5 x 10^-digits.
    pub(super) significant_bits: Option<u32>,
    /// Checkpoints in the table `networks`.
    pub(crate) n_networks: usize,
    /// The rows that were exported, before rounding.
    pub(super) source_tables: Vec<SourceTable>,
    /// Every other file of the export.
    pub(super) files: Vec<ExportedFile>,
}

/// Rows of a table of the study.
#[derive(Debug, Serialize)]
pub(super) struct SourceTable {
    /// Its name, such as `twins/shuffle/layers`.
    pub(super) table: String,
    /// Number of rows.
    pub(super) rows: usize,
    /// Digest of the rows in the order of the export, before rounding and without `seconds`.
    pub(super) blake3: String,
}

/// A file of an export.
#[derive(Debug, Serialize)]
pub(super) struct ExportedFile {
    /// Its path in the export.
    pub(super) path: String,
    /// Its size.
    pub(super) bytes: u64,
    /// Digest of its bytes.
    pub(super) blake3: String,
}

impl ExportedFile {
    /// Size and digest of a file of the export in `folder`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn of(folder: &Path, path: &Path) -> std::io::Result<Self> {
        let bytes = fs_err::read(path)?;
        let path = path.strip_prefix(folder).unwrap_or(path);
        Ok(Self {
            path: path.to_string_lossy().replace('\\', "/"),
            bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
        })
    }
}

impl Manifest {
    /// Size of all files in bytes.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
