//! What can be wrong with a checkpoint or a catalog. Every message names the file, and the tensor where there is one.

use std::path::PathBuf;

/// Why a checkpoint, a source or a catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Reading or writing failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A source names nothing.
    #[error("{source_name}: no such file or folder, and no file matches it")]
    NoSuchSource {
        /// The source as it was given.
        source_name: String,
    },
    /// The file is of no format that can be read.
    #[error("{path}: not a format that cntflow reads ({formats}); {what}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The formats that are read.
        formats: &'static str,
        /// What it is, as far as can be told.
        what: String,
    },
    /// The file ends before, or goes on after, what it lists.
    #[error("{path}: it lists {expected} bytes, the file has {found}{}", if found < expected { " (cut short)" } else { "" })]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes by its own account.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The file asks for more than a limit allows.
    #[error("{path}: {what}: {found}, the limit {limit} is {allowed}")]
    Limit {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: String,
        /// How large it is.
        found: u64,
        /// Name of the limit: a field of [`crate::Limits`].
        limit: &'static str,
        /// Its value.
        allowed: u64,
    },
    /// The file's structure is broken.
    #[error("{path}: {reason}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tensor's type cannot be read as real weights.
    #[error("{path}: tensor {tensor} has type {dtype}, which holds no weights that can be read")]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type in the file.
        dtype: String,
    },
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
    /// A catalog file lacks a column or has one of the wrong type.
    #[error("{path}: {reason}")]
    Catalog {
        /// The catalog file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An object cannot be read or written.
    #[error("{url}: {reason}")]
    Store {
        /// The object.
        url: String,
        /// What the store said, or what is wrong.
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
