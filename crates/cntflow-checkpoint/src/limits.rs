//! How much a file may ask for.

use serde::{Deserialize, Serialize};

/// Bounds on what a file may make a reader take. They are checked before memory is taken; a file beyond one is an error that names
/// the limit. Elements that lie in a mapped file as they are take no memory and are bounded by the file alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of headers, lists of contents, pickles and other structure, taken together; 100,000,000 (safetensors' own limit).
    pub header_bytes: u64,
    /// Tensors of one file; 200,000.
    pub tensors: u64,
    /// Levels of nested dictionaries, groups and lists; 64.
    pub depth: u64,
    /// Bytes of one compressed or scattered tensor, decoded; 8 GiB.
    pub decoded_bytes: u64,
    /// Decoded bytes for each compressed byte; 1,100 (deflate gives at most 1,032).
    pub expansion: u64,
    /// Bytes of a compressed tar archive, decoded into a temporary file; 256 GiB.
    pub archive_bytes: u64,
    /// Bytes of an object fetched from an object store; 256 GiB.
    pub object_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 100_000_000,
            tensors: 200_000,
            depth: 64,
            decoded_bytes: 8 << 30,
            expansion: 1_100,
            archive_bytes: 256 << 30,
            object_bytes: 256 << 30,
        }
    }
}
