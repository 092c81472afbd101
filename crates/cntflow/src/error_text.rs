//! Errors as text: a message followed by its causes.

use std::error::Error;

use cntflow_storage::FormatError;

/// The message of an error, then those of its causes that say something new.
///
/// Errors of other libraries often print their source within their own message; such a source is
/// left out.
fn messages(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
        next = error.source();
    }
    messages
}

/// An error and its causes in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    messages(error).join(": ")
}

/// Why a checkpoint cannot be used, and which option helps if it exceeds a limit.
pub(crate) fn checkpoint_reason(error: &(dyn Error + 'static)) -> String {
    let reason = with_causes(error);
    if let Some(limit) = exceeded_limit(error) {
        format!("{reason}; --limit {limit}=VALUE, or [limits] of a study, raises it")
    } else {
        reason
    }
}

/// The limit that an error or one of its causes is about.
fn exceeded_limit(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(FormatError::Limit { limit, .. }) = error.downcast_ref() {
            return Some(limit);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn no_message_is_repeated() {
        let error = anyhow!("disk full")
            .context("a.parquet: disk full")
            .context("cannot write");
        assert_eq!(
            with_causes(error.as_ref()),
            "cannot write: a.parquet: disk full"
        );
    }
}
