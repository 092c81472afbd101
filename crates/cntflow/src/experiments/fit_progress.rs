//! Progress of the fits of an experiment.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use indicatif::ProgressBar;

use crate::printer;
use crate::progress::display::{LINE_INTERVAL, ProgressDisplay, ProgressMode};
use crate::progress::duration::duration_text;
use crate::progress::run_progress::{BAR_STEPS, new_bar};

/// Progress of one stage of an experiment, shared by the workers.
#[derive(Debug)]
pub(super) struct FitProgress {
    name: String,
    display: ProgressDisplay,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    n_tasks: usize,
    cost: f64,
    done_tasks: usize,
    done_cost: f64,
    started: Instant,
    last_line: Instant,
}

impl FitProgress {
    /// Starts showing the progress of `n_tasks` tasks of a total `cost`.
    pub(super) fn start(mode: ProgressMode, name: &str, n_tasks: usize, cost: f64) -> Self {
        let display = mode.display();
        let now = Instant::now();
        Self {
            name: name.to_owned(),
            display,
            bar: (display == ProgressDisplay::Bar).then(new_bar),
            state: Mutex::new(State {
                n_tasks,
                cost,
                done_tasks: 0,
                done_cost: 0.0,
                started: now,
                last_line: now,
            }),
        }
    }

    /// Counts a finished task.
    pub(super) fn task_finished(&self, cost: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done_tasks += 1;
        state.done_cost += cost;
        let text = state.text(&self.name);
        if let Some(bar) = &self.bar {
            bar.set_position((state.fraction() * BAR_STEPS as f64) as u64);
            bar.set_message(text);
        } else if self.display == ProgressDisplay::Lines
            && state.last_line.elapsed() >= LINE_INTERVAL
        {
            state.last_line = Instant::now();
            printer::note(&text);
        }
    }

    /// Stops showing progress.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl State {
    fn fraction(&self) -> f64 {
        if self.cost > 0.0 {
            (self.done_cost / self.cost).min(1.0)
        } else {
            0.0
        }
    }

    /// `experiment low_vs_high: 120 of 900 fits | 12s left`
    fn text(&self, name: &str) -> String {
        let mut text = format!("{name}: {} of {} fits", self.done_tasks, self.n_tasks);
        let fraction = self.fraction();
        // Early estimates jump about.
        if fraction > 0.01 && fraction < 1.0 {
            let elapsed = self.started.elapsed().as_secs_f64();
            let left = elapsed * (1.0 - fraction) / fraction;
            text.push_str(&format!(" | {} left", duration_text(left)));
        }
        text
    }
}
