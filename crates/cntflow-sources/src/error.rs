//! Why a source cannot be scanned.

use cntflow_catalog::CatalogError;
use cntflow_storage::StorageError;

/// Why a source cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A folder, an archive or an object cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A catalog or a table of metadata cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A source names nothing.
    #[error("{source_name}: no such file or folder, and no file matches it")]
    NoSuchSource {
        /// The source as it was given.
        source_name: String,
    },
    /// A source is neither a file nor a folder, and is no glob either.
    #[error("{source_name}: not a file, a folder or a glob")]
    Glob {
        /// The source as it was given.
        source_name: String,
        /// What is wrong with it as a glob.
        source: glob::PatternError,
    },
}
