//! Where the time of the workers of all processes went.

use cntflow_dataflow::WorkerTimes;
use serde::Serialize;

use super::membership::Membership;

/// The time of one worker, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct WorkerTime {
    /// Its process.
    pub(crate) process: usize,
    /// Its index in the process.
    pub(crate) worker: usize,
    /// Reading, training and measuring.
    pub(crate) tasks: f64,
    /// Writing tables and the catalog.
    pub(crate) saves: f64,
    /// Waiting for tasks.
    pub(crate) waits: f64,
}

impl WorkerTime {
    /// The times of the workers of all processes, by those of this one.
    ///
    /// # Errors
    /// A process has failed or was lost.
    pub(super) fn of_all(
        membership: &Membership,
        times: &[WorkerTimes],
    ) -> anyhow::Result<Vec<Self>> {
        let texts = times.iter().map(|times| {
            let seconds = [times.tasks, times.commits, times.waits];
            seconds.map(|time| time.as_secs_f64().to_string()).join(" ")
        });
        let all = membership.tell_all("the times of the workers", texts.collect())?;
        let mut workers = Vec::new();
        for (process, times) in all.iter().enumerate() {
            for (worker, text) in times.iter().enumerate() {
                let mut seconds = text.split(' ').map(|text| text.parse().unwrap_or_default());
                let mut next = || seconds.next().unwrap_or_default();
                workers.push(Self {
                    process,
                    worker,
                    tasks: next(),
                    saves: next(),
                    waits: next(),
                });
            }
        }
        Ok(workers)
    }
}
