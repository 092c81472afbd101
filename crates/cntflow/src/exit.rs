//! Exit codes that scripts rely on, and the error that means wrong usage.

use std::error::Error;
use std::process::ExitCode;

use cntflow_storage::FullMessage;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything was done: 0.
    Done,
    /// The command failed, or was stopped early: 1.
    Failed,
    /// Wrong usage or a wrong study file: 2, like clap.
    Usage,
    /// Everything was done, but some checkpoints failed: 3.
    SomeFailed,
}

impl ExitStatus {
    /// The code as a number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::SomeFailed => 3,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// An error in what the user wrote (arguments, a study file). It has an exit code of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

impl UsageError {
    /// Usage is wrong because of `error`; the message includes its causes.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        Self(error.full_message())
    }

    /// Puts the place of the error before the message, such as `study.toml: ` or `[limits] `.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for UsageError {}
