//! The command that goes on with stopped work.

use std::ffi::OsString;
use std::path::Path;

/// Environment variable with the command of the process that watches over this one.
pub(crate) const RESUME_VARIABLE: &str = "CNTFLOW_RESUME";

/// The command that goes on with what this one has saved.
pub(crate) fn resume_command() -> String {
    if let Ok(command) = std::env::var(RESUME_VARIABLE) {
        return command;
    }
    command_of(std::env::args_os().collect())
}

/// The arguments of a command that goes on with what was saved: without `--fresh` and
/// `--retry-failed`, which would remove it. What stands behind `--` is no option.
pub(crate) fn resume_arguments(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut is_behind = false;
    arguments.retain(|argument| {
        is_behind |= argument == "--";
        is_behind
            || !["--fresh", "--retry-failed"]
                .iter()
                .any(|flag| argument == flag)
    });
    arguments
}

/// The command that goes on with that of `arguments`, the first of which is the program.
fn command_of(arguments: Vec<OsString>) -> String {
    let mut arguments = resume_arguments(arguments).into_iter();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program).file_name();
    let name = name.map_or("cntflow".into(), |name| name.to_string_lossy());
    let mut words = vec![name.into_owned()];
    words.extend(arguments.map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
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
            "--",
            "--fresh",
        ];
        assert_eq!(
            command_of(words.map(OsString::from).into()),
            "cntflow run 'a study.toml' --out 'it'\\''s' -- --fresh"
        );
    }
}
