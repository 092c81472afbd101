//! Progress of a run: a bar or lines, and the first failures as they happen.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cntflow_tables::Status;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use serde_json::json;

use super::display::{LINE_INTERVAL, ProgressDisplay, ProgressMode};
use super::duration::duration_text;
use super::report::{PlannedWork, TaskCounts, TaskReport};
use crate::printer;

/// Time between two redraws of the bar, so that its clock moves during long tasks.
const BAR_INTERVAL: Duration = Duration::from_millis(250);

/// Failures printed one by one; later ones are only counted.
const FAILURES_SHOWN: usize = 10;

/// Steps of the bar. Tasks advance it by their cost, not by their number.
pub(crate) const BAR_STEPS: u64 = 1000;

/// Progress of one run of the program, shared by its workers.
#[derive(Debug)]
pub(crate) struct RunProgress {
    display: ProgressDisplay,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    planned: PlannedWork,
    started: Instant,
    last_line: Instant,
    done: TaskCounts,
    cost: f64,
    /// Bytes of measured files.
    bytes: u64,
    /// Finished tasks and bytes by process.
    by_process: BTreeMap<usize, (usize, u64)>,
}

impl RunProgress {
    /// Starts showing progress.
    pub(crate) fn start(mode: ProgressMode, planned: PlannedWork) -> Self {
        let display = mode.display();
        let now = Instant::now();
        Self {
            display,
            bar: (display == ProgressDisplay::Bar).then(new_bar),
            state: Mutex::new(State {
                planned,
                started: now,
                last_line: now,
                done: TaskCounts::default(),
                cost: 0.0,
                bytes: 0,
                by_process: BTreeMap::new(),
            }),
        }
    }

    /// Counts a finished task and shows the change.
    pub(crate) fn task_finished(&self, report: &TaskReport) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count(report);
        self.show_failure(report, state.done);
        if let Some(bar) = &self.bar {
            bar.set_position((state.fraction_done() * BAR_STEPS as f64) as u64);
            bar.set_message(state.text());
        }
        if self.display == ProgressDisplay::Lines && state.last_line.elapsed() >= LINE_INTERVAL {
            state.last_line = Instant::now();
            state.show();
        }
    }

    /// Stops showing progress and returns what was done.
    pub(crate) fn finish(&self) -> TaskCounts {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.display == ProgressDisplay::Lines {
            let nothing_planned = state.planned.n_runs + state.planned.n_checkpoints == 0;
            if nothing_planned {
                printer::note("nothing left to do");
            } else {
                state.show();
            }
        }
        state.done
    }

    fn show_failure(&self, report: &TaskReport, done: TaskCounts) {
        let n_failures = done.n_failures();
        if report.status != Status::Failed
            || n_failures > FAILURES_SHOWN
            || self.display == ProgressDisplay::Nothing
        {
            return;
        }
        let reason = report.reason.as_deref().unwrap_or("no reason");
        if printer::logs_json() {
            let name = &report.name;
            printer::event("failed", json!({ "name": name, "reason": reason }));
            return;
        }
        // Most reasons begin with the file, which is also the name of a scanned checkpoint.
        let mut text = if reason.starts_with(&report.name) {
            format!("failed: {reason}")
        } else {
            format!("failed: {}: {reason}", report.name)
        };
        if n_failures == FAILURES_SHOWN {
            text.push_str(
                "\nfurther failures are only counted here; the table 'networks' lists all reasons",
            );
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| printer::note(&text)),
            None => printer::note(&text),
        }
    }
}

/// A bar of [`BAR_STEPS`] on stderr.
pub(crate) fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.enable_steady_tick(BAR_INTERVAL);
    bar
}

impl State {
    /// Prints a line.
    fn show(&self) {
        if !printer::logs_json() {
            printer::note(&self.text());
            return;
        }
        let elapsed = self.started.elapsed().as_secs_f64().max(1e-9);
        let by_process = self.by_process.iter().map(|(process, (tasks, bytes))| {
            json!({
                "process": process,
                "tasks": tasks,
                "tasks_per_second": *tasks as f64 / elapsed,
                "bytes_per_second": *bytes as f64 / elapsed,
            })
        });
        let (done, planned) = (self.done, self.planned);
        let fields = json!({
            "runs": { "planned": planned.n_runs, "done": done.n_runs() },
            "checkpoints": { "planned": planned.n_checkpoints, "done": done.n_checkpoints() },
            "failed": done.n_failures(),
            "diverged": done.diverged,
            "bytes_per_second": self.bytes as f64 / elapsed,
            "seconds": elapsed,
            "seconds_left": self.seconds_left(),
            "processes": by_process.collect::<Vec<_>>(),
        });
        printer::event("progress", fields);
    }

    fn count(&mut self, report: &TaskReport) {
        self.done.add(report);
        self.bytes += report.bytes;
        let (tasks, bytes) = self.by_process.entry(report.process).or_default();
        *tasks += 1;
        *bytes += report.bytes;
        // While runs are trained, the time to measure their checkpoints is negligible.
        if report.is_training || self.planned.n_runs == 0 {
            self.cost += report.cost;
        }
    }

    fn fraction_done(&self) -> f64 {
        if self.planned.cost > 0.0 {
            (self.cost / self.planned.cost).min(1.0)
        } else {
            0.0
        }
    }

    /// `trained 12 of 420 runs, measured 44 of 1680 checkpoints, 1 failed | 8.1/s | 1m 05s left`
    fn text(&self) -> String {
        let (done, planned) = (self.done, self.planned);
        let mut counts = Vec::new();
        if planned.n_runs > 0 {
            counts.push(format!(
                "trained {} of {} runs",
                done.n_runs(),
                planned.n_runs
            ));
        }
        if planned.n_checkpoints > 0 {
            counts.push(format!(
                "measured {} of {} checkpoints",
                done.n_checkpoints(),
                planned.n_checkpoints
            ));
        }
        if done.diverged > 0 {
            counts.push(format!("{} diverged", done.diverged));
        }
        if done.n_failures() > 0 {
            counts.push(format!("{} failed", done.n_failures()));
        }
        format!("{}{}", counts.join(", "), self.speed_text())
    }

    fn speed_text(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let tasks_per_second =
            (self.done.trained + self.done.n_checkpoints()) as f64 / elapsed.max(1e-9);
        let mut text = format!(" | {tasks_per_second:.1}/s");
        if let Some(seconds_left) = self.seconds_left() {
            text.push_str(&format!(" | {} left", duration_text(seconds_left)));
        }
        text
    }

    /// How long it may take until all is done; `None` while that cannot be told.
    fn seconds_left(&self) -> Option<f64> {
        let fraction = self.fraction_done();
        // Early estimates jump about.
        (fraction > 0.01 && fraction < 1.0)
            .then(|| self.started.elapsed().as_secs_f64() * (1.0 - fraction) / fraction)
    }
}
