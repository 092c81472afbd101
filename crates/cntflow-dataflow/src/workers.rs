//! The workers of one process: threads that run tasks and commit their outputs.
//!
//! They are not timely's own threads. A thread that runs a task for minutes must not hold up the
//! messages of the dataflow, over which processes give work to each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::queue::{Pull, TaskQueue};
use crate::supervise::{Alarm, Failure, Stop, catch_task_panic, panic_message};
use crate::work::{Collector, TaskContext, Work};

/// Longest sleep of an idle worker, so that it sees a stop or an alarm in time.
pub(crate) const PARK: Duration = Duration::from_millis(20);

/// The workers of one process.
pub(crate) struct Workers<W: Work> {
    queue: TaskQueue<W::Task>,
    reports: Receiver<W::Report>,
    /// Of those of this process.
    n_alive: Arc<AtomicUsize>,
}

/// What every worker has.
struct Worker<W: Work> {
    /// Index in this process.
    index: usize,
    queue: TaskQueue<W::Task>,
    work: Arc<W>,
    alarm: Arc<Alarm>,
    stop: Stop,
    reports: Sender<W::Report>,
    /// Counts those that have not ended, here and in the process.
    n_alive: [Arc<AtomicUsize>; 2],
}

impl<W: Work> Workers<W> {
    /// Starts `n` workers; the first one has index `first`. `n_alive_here` counts all workers of
    /// the process.
    pub(crate) fn start(
        n: usize,
        first: usize,
        n_alive_here: &Arc<AtomicUsize>,
        queue: &TaskQueue<W::Task>,
        work: &Arc<W>,
        alarm: &Arc<Alarm>,
        stop: &Stop,
    ) -> std::io::Result<Self> {
        let (sender, reports) = channel();
        let n_alive = Arc::new(AtomicUsize::new(n));
        n_alive_here.fetch_add(n, Ordering::SeqCst);
        for index in first..first + n {
            let worker = Worker {
                index,
                queue: queue.clone(),
                work: Arc::clone(work),
                alarm: Arc::clone(alarm),
                stop: stop.clone(),
                reports: sender.clone(),
                n_alive: [Arc::clone(&n_alive), Arc::clone(n_alive_here)],
            };
            std::thread::Builder::new()
                .name(format!("cntflow:worker-{index}"))
                .spawn(move || worker.run())?;
        }
        Ok(Self {
            queue: queue.clone(),
            reports,
            n_alive,
        })
    }

    /// Reports of finished tasks that have not been taken yet.
    pub(crate) fn take_reports(&self) -> impl Iterator<Item = W::Report> {
        self.reports.try_iter()
    }

    /// Lets the workers commit what they have, and end.
    pub(crate) fn end(&self) {
        self.queue.close();
    }

    /// Whether all workers have committed their outputs and ended.
    pub(crate) fn have_ended(&self) -> bool {
        self.n_alive.load(Ordering::SeqCst) == 0
    }
}

impl<W: Work> Worker<W> {
    /// Runs tasks until there are none any more. A failure raises the alarm.
    fn run(self) {
        // Not caught around single tasks, whose panics are outputs, but around the commits.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_tasks()));
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure),
            Err(payload) => Some(Failure::Panic(panic_message(&*payload))),
        };
        if let Some(failure) = failure {
            self.alarm.raise(self.index, failure);
        }
        for n_alive in &self.n_alive {
            n_alive.fetch_sub(1, Ordering::SeqCst);
        }
        self.queue.bell().ring();
    }

    fn run_tasks(&self) -> Result<(), Failure> {
        let mut collector = self.work.collector(self.index);
        loop {
            if self.alarm.is_raised() {
                return Ok(());
            }
            let now = Instant::now();
            let due = collector.due();
            if due.is_some_and(|due| due <= now) {
                collector.commit().map_err(commit_failure)?;
                continue;
            }
            if self.stop.is_set() {
                self.queue.close();
            }
            let patience = due.map_or(PARK, |due| PARK.min(due - now));
            match self.queue.pull(patience) {
                Pull::Task(task) => self.run_task(&task, &mut collector)?,
                Pull::Nothing => {}
                Pull::Closed => break,
            }
        }
        // The next run may have begun after a failure: nothing is written behind its back.
        if self.alarm.is_raised() {
            return Ok(());
        }
        collector.commit().map_err(commit_failure)
    }

    fn run_task(&self, task: &W::Task, collector: &mut W::Collector) -> Result<(), Failure> {
        let context = TaskContext::new(&self.queue, &self.stop, &self.alarm);
        let outcome = catch_task_panic(|| self.work.run(task, &context));
        let output = outcome
            .unwrap_or_else(|panic| Some(self.work.panicked(task, &panic.to_string(), &context)));
        // The task is finished only after `run` or `panicked` has returned: until then it may still
        // add tasks, and the queue must not look done.
        self.queue.finish_task();
        if let Some(output) = output
            && !self.alarm.is_raised()
        {
            let report = collector.add(output).map_err(commit_failure)?;
            // The dataflow is gone only after an alarm.
            let _ = self.reports.send(report);
            self.queue.bell().ring();
        }
        Ok(())
    }
}

fn commit_failure<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> Failure {
    Failure::Commit(error.into())
}
