//! What is served.

use std::process::Command;

use hyper::body::Bytes;
use serde_json::Value;

/// Tables that could not be read, even again and again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tables cannot be read now: {0}")]
pub struct Unreadable(
    /// Why.
    pub String,
);

/// A study that is served. Many threads ask it at a time; each call may take a while.
pub trait Study: Send + Sync + 'static {
    /// The page of what the study has now.
    ///
    /// # Errors
    /// The tables cannot be read.
    fn page(&self) -> Result<Bytes, Unreadable>;

    /// What the study has now, as a JSON document.
    ///
    /// # Errors
    /// The tables cannot be read.
    fn state(&self) -> Result<Value, Unreadable>;

    /// A process that answers one query. It reads a [`Question`](crate::Question) as a line of JSON
    /// and writes an [`AnswerHead`](crate::AnswerHead) as another one, and then the rows. It should
    /// end once its input does: who has asked is gone.
    ///
    /// # Errors
    /// There is no such program.
    fn answering(&self) -> std::io::Result<Command>;
}
