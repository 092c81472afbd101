//! All printing: results go to stdout, everything else to stderr.

use std::io::{ErrorKind, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::exit::ExitStatus;
use cntflow_storage::FullMessage;

/// Prints a result to stdout.
///
/// A closed pipe (`| head`) is fine: its reader has seen enough. Any other failure loses the
/// result, so the program exits.
pub(crate) fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            note(&format!("error: stdout: {error}"));
            std::process::exit(ExitStatus::Failed.code().into());
        }
        _ => {}
    }
}

/// Prints a result to stdout as one JSON document.
pub(crate) fn json(value: &serde_json::Value) {
    // The alternate form of a JSON value is indented, and unlike a serialiser it cannot fail.
    result(&format!("{value:#}"));
}

/// Prints a message about the progress of a command to stderr.
///
/// If the terminal is gone, nobody reads it any more; the work goes on.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error with its causes in one line, and returns the exit status.
pub(crate) fn error(error: &anyhow::Error) -> ExitStatus {
    note(&format!("error: {}", (**error).full_message()));
    ExitStatus::of_error(error)
}

/// A table with aligned columns and no lines, which also reads well in a log.
pub(crate) fn table<H: Into<String>, R: IntoIterator<Item = Vec<String>>>(
    header: impl IntoIterator<Item = H>,
    rows: R,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<String>>());
    table.add_rows(rows);
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}
