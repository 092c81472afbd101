//! What can be wrong with a catalog or with a table of labels.

use std::path::PathBuf;

use cntflow_storage::StorageError;

/// Why a catalog cannot be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A catalog file lacks a column or has one of the wrong type.
    #[error("{path}: {reason}")]
    Catalog {
        /// The catalog file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two entries claim the same name.
    #[error("checkpoint {checkpoint} is listed twice: {first} and {second}")]
    Twice {
        /// The name both claim.
        checkpoint: String,
        /// Where the first lies.
        first: String,
        /// Where the second lies.
        second: String,
    },
}

impl From<std::io::Error> for CatalogError {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.into())
    }
}
