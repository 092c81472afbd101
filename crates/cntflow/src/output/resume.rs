//! The command that goes on with stopped work.

use std::path::Path;

/// Environment variable with the command of the process that watches over this one.
pub(crate) const RESUME_VARIABLE: &str = "CNTFLOW_RESUME";

/// The command that goes on with what this one has saved.
pub(crate) fn resume_command() -> String {
    if let Ok(command) = std::env::var(RESUME_VARIABLE) {
        return command;
    }
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    command_of(arguments)
}

/// The command of `arguments`, the first of which is the program, without `--fresh` and
/// `--retry-failed`: with them, saved work would be removed.
fn command_of(arguments: impl IntoIterator<Item = String>) -> String {
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program)
        .file_name()
        .map_or("cntflow".into(), |name| name.to_string_lossy());
    let mut is_behind = false;
    let words = arguments.filter(|argument| {
        is_behind |= argument == "--";
        is_behind || !["--fresh", "--retry-failed"].contains(&argument.as_str())
    });
    let words = words.map(|word| quoted(&word));
    [name.into_owned()]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_and_keeps_what_was_saved() {
        let words = [
            "/opt/cntflow",
            "run",
            "a study.toml",
            "--fresh",
            "--out",
            "it's",
        ];
        assert_eq!(
            command_of(words.map(str::to_owned)),
            "cntflow run 'a study.toml' --out 'it'\\''s'"
        );
    }
}
