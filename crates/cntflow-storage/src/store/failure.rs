//! Errors of clients as errors of this crate, with the URL of the object.

use std::error::Error as _;

use object_store::Error;

use super::address::Address;
use crate::StorageError;

/// The error of a client, with the object's URL. The client's text has the status, the server's
/// answer and the number of tries.
pub(super) fn failed(address: &Address, error: &Error) -> StorageError {
    let reason = match error {
        Error::NotFound { .. } => "no such object".to_owned(),
        Error::Precondition { .. } => "it changed while it was read".to_owned(),
        Error::PermissionDenied { source, .. } => format!("access denied: {source}"),
        Error::Unauthenticated { source, .. } => format!("no valid credentials: {source}"),
        other => with_causes(other),
    };
    StorageError::Object {
        url: address.to_string(),
        reason,
    }
}

/// Any other error of an object.
pub(super) fn broken(address: &Address, reason: impl std::fmt::Display) -> StorageError {
    StorageError::Object {
        url: address.to_string(),
        reason: reason.to_string(),
    }
}

/// The text of an error, followed by those of its causes that it does not already contain.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
