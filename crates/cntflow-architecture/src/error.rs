//! Why a checkpoint becomes no network.

use std::path::PathBuf;

use cntflow_formats::CheckpointError;

/// Why a checkpoint becomes no network.
#[derive(Debug, thiserror::Error)]
pub enum ArchitectureError {
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The file tells no architecture and none can be inferred.
    #[error("{path}: no architecture: {reason}")]
    NoArchitecture {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        reason: String,
    },
    /// The architecture that is given, or that lies beside the file or in its metadata, is not as the schema has it.
    #[error("{path}: no architecture: {reason}")]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tensors of the checkpoint do not fill the architecture.
    #[error("{path}: {reason}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}
