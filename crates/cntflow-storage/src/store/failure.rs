//! What went wrong with an object, said with its URL.

use std::error::Error as _;

use object_store::Error;

use super::address::Address;
use crate::StorageError;

/// An error of a client with the object's URL; the client tells the status, what the server said, and how often it tried.
pub(super) fn failed(at: &Address, error: &Error) -> StorageError {
    let reason = match error {
        Error::NotFound { .. } => "no such object".to_owned(),
        Error::Precondition { .. } => "it changed while it was read".to_owned(),
        Error::PermissionDenied { source, .. } => format!("access denied: {source}"),
        Error::Unauthenticated { source, .. } => format!("no valid credentials: {source}"),
        other => with_causes(other),
    };
    StorageError::Object {
        url: at.to_string(),
        reason,
    }
}

/// Something else that is wrong with an object.
pub(super) fn broken(at: &Address, reason: impl std::fmt::Display) -> StorageError {
    StorageError::Object {
        url: at.to_string(),
        reason: reason.to_string(),
    }
}

/// The text of an error, and those of its causes that it does not hold yet.
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
