//! Exit codes that scripts rely on, and the error that means wrong usage.

use std::error::Error;
use std::process::ExitCode;

use cntflow_dataflow::{DataflowError, Stop};
use cntflow_storage::FullMessage;

/// Exit codes of signals are above this one.
const SIGNAL_CODE: u8 = 128;

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
    /// A signal stopped the command, which has saved its work: 128 + signal, as shells have it.
    Stopped(u8),
}

impl ExitStatus {
    /// The code as a number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::SomeFailed => 3,
            Self::Stopped(signal) => SIGNAL_CODE.saturating_add(signal),
        }
    }

    /// The status of a command that was stopped early.
    pub(crate) fn of_stop(stop: &Stop) -> Self {
        let signal = stop.signal().and_then(|signal| signal.try_into().ok());
        signal.map_or(Self::Failed, Self::Stopped)
    }

    /// The status of a command that ended with an error. An error of another process of the cluster
    /// has the status that it has there.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        if error.is::<UsageError>() {
            return Self::Usage;
        }
        match error.downcast_ref::<DataflowError>() {
            Some(DataflowError::PeerFailed { code, .. }) => Self::from_code(*code),
            Some(DataflowError::StoppedEarly {
                signal: Some(signal),
            }) => u8::try_from(*signal).map_or(Self::Failed, Self::Stopped),
            _ => Self::Failed,
        }
    }

    /// The status of a code.
    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::SomeFailed,
            _ if code > SIGNAL_CODE => Self::Stopped(code - SIGNAL_CODE),
            _ => Self::Failed,
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
