//! Why a checkpoint cannot be used, as text for the tables.

use std::error::Error;

use cntflow_storage::{FormatError, FullMessage};

/// Why a checkpoint cannot be used, and which option helps if it exceeds a limit.
pub(crate) fn checkpoint_reason(error: &(dyn Error + 'static)) -> String {
    let reason = error.full_message();
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
            (*error).full_message(),
            "cannot write: a.parquet: disk full"
        );
    }
}
