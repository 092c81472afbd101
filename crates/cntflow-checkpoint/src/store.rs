//! Object stores: which texts are URLs of one, and the bytes of an object.

use std::path::PathBuf;

use crate::{CheckpointError, Content, Limits};

/// How URLs of object stores begin.
const SCHEMES: [&str; 5] = ["s3://", "gs://", "az://", "http://", "https://"];

/// Whether a source is on an object store.
pub(crate) fn is_url(text: &str) -> bool {
    SCHEMES.iter().any(|start| text.starts_with(start))
}

/// The bytes of an object.
///
/// # Errors
/// Always: this build has no client of object stores.
pub(crate) fn fetch(url: &str, _: &Limits) -> Result<Content, CheckpointError> {
    Err(CheckpointError::Broken {
        path: PathBuf::from(url),
        reason: "object stores are not built into this cntflow".to_owned(),
    })
}
