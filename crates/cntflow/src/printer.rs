//! All printing: results go to stdout, everything else to stderr.

use std::io::{BufWriter, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::exit::ExitStatus;
use cntflow_storage::FullMessage;

/// Prints a result to stdout.
///
/// A closed pipe (`| head`) is fine: its reader has seen enough. Any other failure loses the
/// result, so the program exits.
pub(crate) fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        end_unless_closed(&error);
    }
}

/// Prints a result to stdout as one JSON document.
pub(crate) fn json(value: &Value) {
    // The alternate form of a JSON value is indented, and unlike a serialiser it cannot fail.
    result(&format!("{value:#}"));
}

/// Prints JSON documents to stdout as they come, one a line.
///
/// As of [`result`], a closed pipe is fine, and any other failure ends the program.
pub(crate) fn json_lines(values: impl Iterator<Item = Value>) {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let printed = { values }.try_for_each(|value| writeln!(stdout, "{value}"));
    if let Err(error) = printed.and_then(|()| stdout.flush()) {
        end_unless_closed(&error);
    }
}

/// Exits with an error, unless stdout is a pipe whose reader has seen enough.
fn end_unless_closed(error: &std::io::Error) {
    if error.kind() != ErrorKind::BrokenPipe {
        note(&format!("error: stdout: {error}"));
        std::process::exit(ExitStatus::Failed.code().into());
    }
}

/// Whether stderr has a JSON document per line.
static LOGS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on, stderr has a JSON document per line (`--log json`).
pub(crate) fn log_json() {
    LOGS_JSON.store(true, Ordering::Relaxed);
}

/// Whether stderr has a JSON document per line.
pub(crate) fn logs_json() -> bool {
    LOGS_JSON.load(Ordering::Relaxed)
}

/// Prints a message about the progress of a command to stderr.
///
/// If the terminal is gone, nobody reads it any more; the work goes on.
pub(crate) fn note(text: &str) {
    if logs_json() {
        event("note", json!({ "message": text }));
    } else {
        line(text);
    }
}

/// Prints what another process has written to stderr: its name and the line, or the line alone if
/// that is a JSON document already.
pub(crate) fn note_of_process(process: usize, text: &str) {
    if logs_json() && text.starts_with('{') {
        line(text);
    } else {
        note(&format!("process {process}: {text}"));
    }
}

/// Logs an event as JSON, with its time in seconds since 1970. Call it only if [`logs_json`].
pub(crate) fn event(name: &str, mut fields: Value) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    fields["time"] = since.unwrap_or_default().as_secs_f64().into();
    fields["event"] = name.into();
    line(&fields.to_string());
}

fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error with its causes in one line, and returns the exit status.
pub(crate) fn error(error: &anyhow::Error) -> ExitStatus {
    if logs_json() {
        event("error", json!({ "message": (**error).full_message() }));
    } else {
        note(&format!("error: {}", (**error).full_message()));
    }
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
