//! `--trace FILE`: what every thread was doing when, in the trace event format of Chrome, which
//! Perfetto (<https://ui.perfetto.dev>) opens.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fs_err::File;
use serde_json::json;

use crate::exit::UsageError;

/// Starts of the names of worker threads, and of those of their tasks, before their index.
const WORKERS: [&str; 2] = ["cntflow:worker-", "cntflow:task-"];

/// Threads that are no workers are numbered from here on.
const OTHERS: u64 = 10_000;

/// The trace of this process, while one is written.
static TRACE: Mutex<Option<Trace>> = Mutex::new(None);

static NEXT_OTHER: AtomicU64 = AtomicU64::new(OTHERS);

thread_local! {
    static THREAD: Cell<Option<u64>> = const { Cell::new(None) };
}

#[derive(Debug)]
struct Trace {
    file: BufWriter<File>,
    process: usize,
    started: Instant,
    has_events: bool,
    /// Threads whose names were written.
    named: BTreeSet<u64>,
}

/// Ends the trace when it is dropped.
#[derive(Debug)]
pub(crate) struct TraceGuard;

/// Something that takes time, from its making to its end.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    what: &'static str,
    of: &'a str,
    started: Option<Instant>,
}

/// Begins a trace, if a file is named. The other processes of a cluster write `FILE` with `-p001`
/// and so on before its extension.
///
/// # Errors
/// The file cannot be made.
pub(crate) fn start(path: Option<&Path>, process: usize) -> Result<TraceGuard, UsageError> {
    if let Some(path) = path {
        let path = path_of(path, process);
        let file = File::create(&path).map_err(|error| cannot_be_made(&path, &error))?;
        *lock() = Some(Trace {
            file: BufWriter::new(file),
            process,
            started: Instant::now(),
            has_events: false,
            named: BTreeSet::new(),
        });
    }
    Ok(TraceGuard)
}

fn cannot_be_made(path: &Path, error: &std::io::Error) -> UsageError {
    let is_without_folder = error.kind() == std::io::ErrorKind::NotFound;
    if is_without_folder {
        let path = path.display();
        UsageError(format!(
            "--trace {path}: make the folder of this file first"
        ))
    } else {
        UsageError::from_error(error).with_prefix("--trace: ")
    }
}

fn path_of(path: &Path, process: usize) -> PathBuf {
    if process == 0 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(end) => format!("{stem}-p{process:03}.{}", end.to_string_lossy()),
        None => format!("{stem}-p{process:03}"),
    };
    path.with_file_name(name)
}

/// Begins to do something, such as `measure`, to a thing of that name.
pub(crate) fn span<'a>(what: &'static str, of: &'a str) -> Span<'a> {
    let is_on = lock().is_some();
    Span {
        what,
        of,
        started: is_on.then(Instant::now),
    }
}

fn lock() -> MutexGuard<'static, Option<Trace>> {
    TRACE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        let Some(started) = self.started else {
            return;
        };
        let took = started.elapsed();
        if let Some(trace) = lock().as_mut() {
            trace.write(self.what, self.of, started, took.as_micros());
        }
    }
}

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Some(mut trace) = lock().take() {
            let end = if trace.has_events { "\n]\n" } else { "[]\n" };
            // The work is done; what is missing of the trace can be seen in it.
            let _ = trace.file.write_all(end.as_bytes());
            let _ = trace.file.flush();
        }
    }
}

impl Trace {
    fn write(&mut self, what: &str, of: &str, started: Instant, micros: u128) {
        let (thread, name) = thread();
        if self.named.insert(thread) {
            let name = json!({
                "name": "thread_name", "ph": "M", "pid": self.process, "tid": thread,
                "args": { "name": name },
            });
            self.event(&name);
        }
        let begun = started.saturating_duration_since(self.started);
        let event = json!({
            "name": what, "cat": what, "ph": "X", "pid": self.process, "tid": thread,
            "ts": begun.as_micros() as u64, "dur": micros as u64, "args": { "of": of },
        });
        self.event(&event);
    }

    fn event(&mut self, event: &serde_json::Value) {
        let before = if self.has_events { ",\n" } else { "[\n" };
        self.has_events = true;
        // A full disk must not end the run for the sake of its trace.
        let _ = write!(self.file, "{before}{event}");
    }
}

/// Number and name of this thread: workers have their index.
fn thread() -> (u64, String) {
    let current = std::thread::current();
    let name = current.name().unwrap_or("thread").to_owned();
    let number = THREAD.get().unwrap_or_else(|| {
        let mut starts = WORKERS.iter();
        let index = starts.find_map(|start| name.strip_prefix(start)?.parse().ok());
        let number = index.unwrap_or_else(|| NEXT_OTHER.fetch_add(1, Ordering::Relaxed));
        THREAD.set(Some(number));
        number
    });
    (number, name.trim_start_matches("cntflow:").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_processes_have_files_of_their_own() {
        assert_eq!(
            path_of(Path::new("a/trace.json"), 0),
            Path::new("a/trace.json")
        );
        assert_eq!(
            path_of(Path::new("a/trace.json"), 2),
            Path::new("a/trace-p002.json")
        );
        assert_eq!(path_of(Path::new("trace"), 1), Path::new("trace-p001"));
    }
}
