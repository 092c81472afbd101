//! `cntflow answer`: answers one query for `cntflow serve`, see
//! [`cntflow_serve::Study::answering`].

use std::io::{BufRead, Read};
use std::path::Path;

use cntflow_serve::{AnswerFormat, AnswerHead, Question};
use cntflow_storage::FullMessage;
use cntflow_tables::{SqlError, TableStore, check_read_only};
use polars::prelude::PolarsError;

use super::read_again::within;
use crate::commands::query::sql_tables;
use crate::exit::ExitStatus;
use crate::output::frames;
use crate::printer;

/// Reads a question from stdin and prints its answer.
///
/// # Errors
/// There is no question.
pub(crate) fn answer(folder: &Path) -> anyhow::Result<ExitStatus> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let question: Question = serde_json::from_str(&line)?;
    end_first_without_memory();
    end_with_parent()?;
    let (head, rows) = match rows(folder, &question) {
        Ok(answered) => answered,
        Err(head) => (head, String::new()),
    };
    let head = serde_json::to_string(&head)?;
    printer::result(&format!("{head}\n{rows}"));
    Ok(ExitStatus::Done)
}

/// Where memory runs out, the system ends this process and not a training beside it.
fn end_first_without_memory() {
    // Other systems than Linux have no such file.
    let _ = fs_err::write("/proc/self/oom_score_adj", "1000");
}

/// Ends this process once the one that has started it is gone.
fn end_with_parent() -> std::io::Result<()> {
    let read = || {
        let mut rest = Vec::new();
        let _ = std::io::stdin().lock().read_to_end(&mut rest);
        std::process::exit(ExitStatus::Failed.code().into());
    };
    std::thread::Builder::new()
        .name("cntflow:parent".to_owned())
        .spawn(read)?;
    Ok(())
}

fn rows(folder: &Path, question: &Question) -> Result<(AnswerHead, String), AnswerHead> {
    let refused = |text: String| AnswerHead::Refused(text);
    let unreadable =
        |error: anyhow::Error| AnswerHead::Unreadable(within(folder, &(*error).full_message()));
    check_read_only(&question.sql).map_err(|error| refused(error.full_message()))?;
    let tables = sql_tables(folder, &TableStore::new(folder)).map_err(unreadable)?;
    let answer = tables.query_first(&question.sql, question.rows);
    let answer = answer.map_err(|error| match error {
        SqlError::Read(error) if is_of_file(&error) => {
            AnswerHead::Unreadable(within(folder, &error.full_message()))
        }
        SqlError::Read(error) => refused(format!("query: {error}")),
        wrong @ SqlError::Wrong { .. } => refused(wrong.to_string()),
    })?;
    let text = match question.format {
        AnswerFormat::Csv => frames::to_csv(&answer.frame),
        AnswerFormat::Json => frames::to_json(&answer.frame).map(|rows| rows.to_string()),
    };
    let text = text.map_err(|error| refused((*error).full_message()))?;
    let head = AnswerHead::Rows {
        n: answer.frame.height(),
        is_cut: answer.is_cut,
        bytes: text.len(),
    };
    Ok((head, text))
}

/// Whether an error is of a file and not of the query, such as a text that is no number.
fn is_of_file(error: &PolarsError) -> bool {
    match error {
        PolarsError::IO { .. } => true,
        PolarsError::Context { error, .. } => is_of_file(error),
        _ => false,
    }
}
