//! A query from outside, and the process that answers it.
//!
//! Each query is answered by a process of its own. So a query that takes too long can be ended, and
//! one that overflows a stack ends that process alone. Where memory runs out, Linux ends such a
//! process before all others.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Rows of an answer where nobody asks for another number.
pub(crate) const DEFAULT_ROWS: u32 = 10_000;

/// Most rows of an answer.
pub(crate) const MOST_ROWS: u32 = 1_000_000;

/// Most bytes of a query.
pub(crate) const MOST_SQL_BYTES: usize = 64 << 10;

/// Most bytes of an answer.
const MOST_ANSWER_BYTES: usize = 64 << 20;

/// Longest time that a query may take.
const LONGEST: Duration = Duration::from_secs(30);

/// What is asked: the only line that the process reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The query.
    pub sql: String,
    /// How its answer is to be written.
    pub format: AnswerFormat,
    /// Most rows of the answer.
    pub rows: u32,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// Comma-separated values with a header.
    Csv,
    /// An array of objects.
    Json,
}

/// The first line of an answer. The rows follow, if there are any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerHead {
    /// The query has an answer.
    Rows {
        /// The number of rows that follow.
        n: usize,
        /// Whether there are more.
        is_cut: bool,
        /// The number of bytes that follow, but for a line feed at the end.
        bytes: usize,
    },
    /// The query is wrong, or not answered here: why.
    Refused(String),
    /// The tables cannot be read: why.
    Unreadable(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) head: AnswerHead,
    pub(crate) body: Vec<u8>,
}

/// Why a process has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It took too long.
    #[error("the query took longer than {} seconds and was ended", LONGEST.as_secs())]
    Late,
    /// The answer is too large.
    #[error("the answer has more than {MOST_ANSWER_BYTES} bytes; ask for fewer rows or columns")]
    Large,
    /// It ended without an answer: for lack of memory, or of a stack.
    #[error("the query ended the process that was answering it; ask a simpler one")]
    Crashed,
    /// It cannot be started.
    #[error("no process can be started for the query")]
    Start(#[from] std::io::Error),
}

/// A process that answers; dropping it ends it.
struct Answering(Child);

impl Drop for Answering {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has a process answer a question.
///
/// # Errors
/// There is no answer.
pub(crate) async fn ask(mut answering: Command, question: &Question) -> Result<Answer, NoAnswer> {
    let line = serde_json::to_string(question).map_err(std::io::Error::from)?;
    let child = answering
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut answering = Answering(child);
    let (Some(stdin), Some(stdout)) = (answering.0.stdin.take(), answering.0.stdout.take()) else {
        return Err(NoAnswer::Crashed);
    };
    let read = tokio::task::spawn_blocking(move || exchange(stdin, stdout, &line));
    let Ok(read) = tokio::time::timeout(LONGEST, read).await else {
        return Err(NoAnswer::Late);
    };
    match read {
        Ok(Ok(bytes)) if bytes.len() > MOST_ANSWER_BYTES => Err(NoAnswer::Large),
        Ok(Ok(bytes)) => parse(&bytes).ok_or(NoAnswer::Crashed),
        _ => Err(NoAnswer::Crashed),
    }
}

/// Writes the question and reads what the process writes.
fn exchange(mut stdin: ChildStdin, stdout: ChildStdout, line: &str) -> std::io::Result<Vec<u8>> {
    // A process that has ended already says so by its missing answer.
    let _ = writeln!(stdin, "{line}");
    let mut bytes = Vec::new();
    let most = MOST_ANSWER_BYTES as u64 + 1;
    stdout.take(most).read_to_end(&mut bytes)?;
    // Until here its input is open: it ends once this process is gone.
    drop(stdin);
    Ok(bytes)
}

/// An answer; `None` for one that was cut off.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let bytes = bytes.strip_suffix(b"\n")?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let head = serde_json::from_slice(head).ok()?;
    let body = body.strip_prefix(b"\n").unwrap_or(body).to_vec();
    let is_whole = match &head {
        AnswerHead::Rows { bytes, .. } => body.len() == *bytes,
        AnswerHead::Refused(_) | AnswerHead::Unreadable(_) => true,
    };
    is_whole.then_some(Answer { head, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_line_and_its_rows() {
        let head = AnswerHead::Rows {
            n: 2,
            is_cut: false,
            bytes: 11,
        };
        let line = serde_json::to_string(&head).unwrap();
        let answer = parse(format!("{line}\na,b\n1,2\n3,4\n").as_bytes()).unwrap();
        assert_eq!(
            (answer.head, answer.body),
            (head, b"a,b\n1,2\n3,4".to_vec())
        );
        let refused = serde_json::to_string(&AnswerHead::Refused("no".to_owned())).unwrap();
        let answer = parse(format!("{refused}\n").as_bytes()).unwrap();
        assert_eq!(answer.head, AnswerHead::Refused("no".to_owned()));
        let cut_off = format!("{line}\na,b\n1,2\n");
        for broken in ["", "\n", "a,b\n", &line, &cut_off] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
