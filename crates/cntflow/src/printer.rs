//! All printing: results to stdout, everything else to stderr.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

use std::io::{ErrorKind, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::exit::{ExitStatus, UsageError};

/// Prints a result to stdout. A reader that has gone away (`| head`) has seen what it wanted; any other failure ends the program, for
/// its result is lost.
pub(crate) fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: stdout: {error}");
            std::process::exit(ExitStatus::Failed.code().into());
        }
        _ => {}
    }
}

/// Prints a result as one JSON document to stdout.
pub(crate) fn json(value: &serde_json::Value) {
    result(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Tells what is going on, on stderr.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints an error with its causes and gives the exit status.
pub(crate) fn failed(error: &anyhow::Error) -> ExitStatus {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if !error.to_string().contains(&text) {
            eprintln!("  caused by: {text}");
        }
    }
    if error.downcast_ref::<UsageError>().is_some() {
        ExitStatus::Usage
    } else {
        ExitStatus::Failed
    }
}

/// A table for the terminal; plain columns, so that it also reads well in a log.
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
