//! Progress of a fetch.

use std::time::Instant;

use cntflow_zoo::FetchStep;
use indicatif::ProgressBar;

use super::display::{LINE_INTERVAL, ProgressDisplay, ProgressMode};
use super::run_progress::{BAR_STEPS, new_bar};
use crate::printer;

/// Bytes of a megabyte.
const MEGABYTE: f64 = 1e6;

/// Shows the progress of one data set.
#[derive(Debug)]
pub(crate) struct FetchProgress {
    name: String,
    display: ProgressDisplay,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl FetchProgress {
    /// Starts showing the progress of the data set `name`.
    pub(crate) fn start(mode: ProgressMode, name: &str) -> Self {
        let display = mode.display();
        Self {
            name: name.to_owned(),
            display,
            bar: (display == ProgressDisplay::Bar).then(new_bar),
            last_line: Instant::now(),
        }
    }

    /// Shows what the fetch is at.
    pub(crate) fn show(&mut self, step: FetchStep<'_>) {
        if let Some(bar) = &self.bar {
            bar.set_position((done(step) * BAR_STEPS as f64) as u64);
            bar.set_message(format!("{}: {}", self.name, text(step)));
        } else if self.display == ProgressDisplay::Lines
            && self.last_line.elapsed() >= LINE_INTERVAL
        {
            self.last_line = Instant::now();
            printer::note(&format!("{}: {}", self.name, text(step)));
        }
    }

    /// Stops showing progress.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The share of the download that has arrived.
fn done(step: FetchStep<'_>) -> f64 {
    match step {
        FetchStep::Download { received, size, .. } => received as f64 / size.max(1) as f64,
        FetchStep::Read(_) | FetchStep::Write(_) => 1.0,
    }
}

/// `12 of 170 MB of https://...`, `reading the train images`, `writing train-images-idx3-ubyte`.
fn text(step: FetchStep<'_>) -> String {
    match step {
        FetchStep::Download {
            url,
            received,
            size,
        } => {
            let [received, size] = [received, size].map(|bytes| bytes as f64 / MEGABYTE);
            format!("{received:.0} of {size:.0} MB of {url}")
        }
        FetchStep::Read(split) => format!("reading the {} images", split.name()),
        FetchStep::Write(file) => format!("writing {file}"),
    }
}
