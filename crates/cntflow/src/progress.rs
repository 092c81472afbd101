//! Progress of long work: a bar on a terminal, a line every few seconds elsewhere; failures as they come.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cntflow_tables::Status;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::ProgressMode;
use crate::printer;
use crate::work::Report;

/// Time between two lines where there is no terminal.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks of a bar, so that it lives through long tasks.
const TICK: Duration = Duration::from_millis(250);

/// Failures told one by one; of the rest only their number is told.
const FAILURES_TOLD: usize = 10;

/// Steps of the bar: work is weighed by its cost, not counted.
const STEPS: u64 = 1000;

/// What is being worked on.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    planned: Planned,
    started: Instant,
    line_at: Instant,
    done: Counts,
    cost: f64,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planned {
    /// Runs to train.
    pub(crate) runs: usize,
    /// Checkpoints to measure, those of runs still to be trained included.
    pub(crate) checkpoints: usize,
    /// Cost of all training together; the number of checkpoints where nothing is trained.
    pub(crate) cost: f64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Runs trained to their end.
    pub(crate) trained: usize,
    /// Runs that diverged.
    pub(crate) diverged: usize,
    /// Runs that failed.
    pub(crate) train_failed: usize,
    /// Checkpoints measured.
    pub(crate) measured: usize,
    /// Checkpoints that failed.
    pub(crate) failed: usize,
    /// Checkpoints skipped.
    pub(crate) skipped: usize,
}

impl Progress {
    /// Shows progress in that way.
    pub(crate) fn start(mode: ProgressMode, planned: Planned) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (mode == ProgressMode::Auto && terminal).then(bar);
        let lines = mode == ProgressMode::Plain || (mode == ProgressMode::Auto && !terminal);
        let now = Instant::now();
        let state = State {
            planned,
            started: now,
            line_at: now,
            done: Counts::default(),
            cost: 0.0,
        };
        Self {
            bar,
            lines,
            state: Mutex::new(state),
        }
    }

    /// Takes a task done into account.
    pub(crate) fn reported(&self, report: &Report) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count(report);
        self.tell_failure(report, state.done);
        if let Some(bar) = &self.bar {
            bar.set_position((state.share() * STEPS as f64) as u64);
            bar.set_message(state.text());
        }
        if self.lines && state.line_at.elapsed() >= LINE_EVERY {
            state.line_at = Instant::now();
            printer::note(&state.text());
        }
    }

    /// Ends the showing and gives what was done.
    pub(crate) fn finish(&self) -> Counts {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = state.planned.runs + state.planned.checkpoints == 0;
        if self.lines {
            let text = state.text();
            printer::note(if nothing { "nothing left to do" } else { &text });
        }
        state.done
    }

    fn tell_failure(&self, report: &Report, done: Counts) {
        let failures = done.failed + done.train_failed;
        if report.status != Status::Failed
            || failures > FAILURES_TOLD
            || (self.bar.is_none() && !self.lines)
        {
            return;
        }
        let reason = report.reason.as_deref().unwrap_or("no reason");
        // Most reasons begin with the file, which is the name of a scanned checkpoint.
        let name = if reason.starts_with(&report.name) {
            ""
        } else {
            &format!("{}: ", report.name)
        };
        let mut text = format!("failed: {name}{reason}");
        if failures == FAILURES_TOLD {
            text.push_str(
                "\nfurther failures are only counted here; the table 'networks' has every reason",
            );
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| printer::note(&text)),
            None => printer::note(&text),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.enable_steady_tick(TICK);
    bar
}

impl State {
    fn count(&mut self, report: &Report) {
        let done = &mut self.done;
        let counter = match (report.training, report.status) {
            (true, Status::Ok) => &mut done.trained,
            (true, Status::Skipped) => &mut done.diverged,
            (true, Status::Failed) => &mut done.train_failed,
            (false, Status::Ok) => &mut done.measured,
            (false, Status::Skipped) => &mut done.skipped,
            (false, Status::Failed) => &mut done.failed,
        };
        *counter += 1;
        // Where runs are trained, measuring their checkpoints hardly counts.
        if report.training || self.planned.runs == 0 {
            self.cost += report.cost;
        }
    }

    fn share(&self) -> f64 {
        if self.planned.cost > 0.0 {
            (self.cost / self.planned.cost).min(1.0)
        } else {
            0.0
        }
    }

    /// `trained 12 of 420 runs, measured 44 of 1680 checkpoints, 1 failed | 8.1 checkpoints/s | 1m 05s left`
    fn text(&self) -> String {
        let (done, planned) = (self.done, self.planned);
        let mut text = String::new();
        if planned.runs > 0 {
            let runs = done.trained + done.diverged + done.train_failed;
            text.push_str(&format!("trained {runs} of {} runs", planned.runs));
            text.push_str(if planned.checkpoints > 0 { ", " } else { "" });
        }
        let checkpoints = done.measured + done.failed + done.skipped;
        if planned.checkpoints > 0 {
            text.push_str(&format!(
                "measured {checkpoints} of {} checkpoints",
                planned.checkpoints
            ));
        }
        for (number, what) in [
            (done.diverged, "diverged"),
            (done.failed + done.train_failed, "failed"),
        ] {
            if number > 0 {
                text.push_str(&format!(", {number} {what}"));
            }
        }
        let elapsed = self.started.elapsed().as_secs_f64();
        let rate = (done.trained + checkpoints) as f64 / elapsed.max(1e-9);
        text.push_str(&format!(" | {rate:.1}/s"));
        let share = self.share();
        if share > 0.01 && share < 1.0 {
            text.push_str(&format!(
                " | {} left",
                duration(elapsed * (1.0 - share) / share)
            ));
        }
        text
    }
}

/// `2h 05m`, `1m 05s` or `7s`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_read_well() {
        let texts = [7.2, 65.0, 7500.0].map(super::duration);
        assert_eq!(texts, ["7s", "1m 05s", "2h 05m"]);
    }
}
