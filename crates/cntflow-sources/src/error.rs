//! Errors of scanning. They end a scan if they concern a source that was named; otherwise their
//! text is the reason of a skipped file.

use std::path::PathBuf;

use cntflow_catalog::{CatalogError, JsonError};
use cntflow_formats::CheckpointError;
use cntflow_storage::{FormatError, StorageError};

/// Why a source, or a file of it, cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A folder, an archive or an object cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A catalog or a table of metadata cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The matrix of a Small CNN Zoo, or its `layout.csv`, cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of a layout is larger than a limit, or is broken.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A configuration of a layout is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A source names nothing.
    #[error("{source_name}: no such file or folder, and no file matches it")]
    NoSuchSource {
        /// The source as it was given.
        source_name: String,
    },
    /// A source is a pipe, a socket or a device.
    #[error("{path}: a pipe, a socket or a device; a source is a file, a folder or a glob")]
    NotAFile {
        /// The source.
        path: PathBuf,
    },
    /// A source is no file, no folder, and no glob either.
    #[error("{source_name}: not a file, a folder or a glob")]
    Glob {
        /// The source as it was given.
        source_name: String,
        /// What is wrong with it as a glob.
        source: glob::PatternError,
    },
}
