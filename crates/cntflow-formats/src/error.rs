//! Errors of checkpoints. Every message names the file, and the tensor if it is about one.

use std::path::PathBuf;

use cntflow_storage::{FormatError, StorageError};

/// Why a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be read, or its content is broken.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file is of no known format.
    #[error("{path}: not a format that cntflow reads ({formats}); {what}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The formats that are read.
        formats: &'static str,
        /// What is known of it: that it is empty, or of another format.
        what: &'static str,
    },
    /// A file that holds elements of its tensors cannot be read.
    #[error("{path}: a file that holds its weights cannot be read")]
    FileBeside {
        /// The checkpoint's own file.
        path: PathBuf,
        /// What is wrong with the other file.
        source: StorageError,
    },
    /// The elements of a tensor cannot be decoded.
    #[error("{path}: tensor {tensor}")]
    Elements {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with its elements.
        source: FormatError,
    },
    /// The elements of a tensor are of a type that is not read as weights.
    #[error("{path}: tensor {tensor} has type {dtype}, which holds no weights that can be read")]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type in the file.
        dtype: String,
    },
}

impl CheckpointError {
    /// Whether the same may succeed a moment later, see [`StorageError::is_transient`].
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Storage(error) | Self::FileBeside { source: error, .. } => error.is_transient(),
            _ => false,
        }
    }
}

impl From<std::io::Error> for CheckpointError {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.into())
    }
}
