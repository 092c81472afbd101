//! Errors of clients as errors of this crate, with the URL of the object.

use object_store::Error;

use super::address::Address;
use super::hub::HubError;
use crate::{FullMessage, StorageError};

/// The error of a client, with the object's URL. The client's text has the status, the server's
/// answer and the number of tries.
pub(super) fn client_error(address: &Address, error: &Error) -> StorageError {
    let reason = match error {
        Error::NotFound { .. } => "no such object".to_owned(),
        Error::Precondition { .. } => "it changed while it was read".to_owned(),
        Error::PermissionDenied { source, .. } => format!("access denied: {source}"),
        Error::Unauthenticated { source, .. } => format!("no valid credentials: {source}"),
        Error::Generic { source, .. } if source.is::<HubError>() => source.full_message(),
        other => other.full_message(),
    };
    StorageError::Object {
        url: address.to_string(),
        reason,
    }
}

/// An error that does not come from the client: `reason` says what is wrong with the object.
pub(super) fn object_error(address: &Address, reason: impl std::fmt::Display) -> StorageError {
    StorageError::Object {
        url: address.to_string(),
        reason: reason.to_string(),
    }
}
