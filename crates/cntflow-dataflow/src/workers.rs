//! The workers of one process: threads that run tasks and commit their outputs.
//!
//! They are not timely's own threads. A thread that runs a task for minutes must not hold up the
//! messages of the dataflow, over which processes give work to each other.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::parts::GivenPart;
use crate::queue::{Pull, TaskQueue};
use crate::supervise::{Alarm, Failure, PARK, Stop, catch_task_panic, panic_message};
use crate::watch::Watch;
use crate::work::{Collector, TaskContext, Work, WorkerTimes};

/// The workers of one process.
pub(crate) struct Workers<W: Work> {
    queue: TaskQueue<W::Task, W::Answer>,
    reports: Receiver<W::Report>,
    /// Counts those that have not ended.
    n_alive: Arc<AtomicUsize>,
}

/// What all workers of a process share, those of simulated processes as well.
pub(crate) struct ProcessState<T> {
    /// Counts those that have not ended.
    pub(crate) n_alive: AtomicUsize,
    pub(crate) watch: Watch<T>,
    /// By worker: its times, once it has ended.
    pub(crate) times: Mutex<BTreeMap<usize, WorkerTimes>>,
}

impl<T: Clone> ProcessState<T> {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            n_alive: AtomicUsize::new(0),
            watch: Watch::new(patience),
            times: Mutex::default(),
        }
    }
}

/// What every worker has.
struct Worker<W: Work> {
    /// Index in this process.
    index: usize,
    queue: TaskQueue<W::Task, W::Answer>,
    work: Arc<W>,
    alarm: Arc<Alarm>,
    stop: Stop,
    reports: Sender<W::Report>,
    /// Counts those of its queue that have not ended.
    n_alive: Arc<AtomicUsize>,
    process: Arc<ProcessState<W::Task>>,
}

impl<W: Work> Workers<W> {
    /// Starts `n` workers of a queue; the first one has index `first`.
    pub(crate) fn start(
        n: usize,
        first: usize,
        process: &Arc<ProcessState<W::Task>>,
        queue: &TaskQueue<W::Task, W::Answer>,
        work: &Arc<W>,
        alarm: &Arc<Alarm>,
        stop: &Stop,
    ) -> std::io::Result<Self> {
        let (sender, reports) = channel();
        let n_alive = Arc::new(AtomicUsize::new(n));
        process.n_alive.fetch_add(n, Ordering::SeqCst);
        for index in first..first + n {
            let worker = Worker {
                index,
                queue: queue.clone(),
                work: Arc::clone(work),
                alarm: Arc::clone(alarm),
                stop: stop.clone(),
                reports: sender.clone(),
                n_alive: Arc::clone(&n_alive),
                process: Arc::clone(process),
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

impl<W: Work> Clone for Worker<W> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            queue: self.queue.clone(),
            work: Arc::clone(&self.work),
            alarm: Arc::clone(&self.alarm),
            stop: self.stop.clone(),
            reports: self.reports.clone(),
            n_alive: Arc::clone(&self.n_alive),
            process: Arc::clone(&self.process),
        }
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
        for n_alive in [&*self.n_alive, &self.process.n_alive] {
            n_alive.fetch_sub(1, Ordering::SeqCst);
        }
        self.queue.bell().ring();
    }

    fn run_tasks(&self) -> Result<(), Failure> {
        let mut collector = self.work.collector(self.index);
        let mut times = WorkerTimes::default();
        let outcome = self.run_with(&mut collector, &mut times);
        let all = self.process.times.lock();
        all.unwrap_or_else(PoisonError::into_inner)
            .insert(self.index, times);
        outcome
    }

    fn run_with(
        &self,
        collector: &mut W::Collector,
        times: &mut WorkerTimes,
    ) -> Result<(), Failure> {
        loop {
            if self.alarm.is_raised() {
                return Ok(());
            }
            let now = Instant::now();
            let due = collector.due();
            if due.is_some_and(|due| due <= now) {
                timed(&mut times.commits, || collector.commit()).map_err(commit_failure)?;
                continue;
            }
            if self.stop.is_set() {
                self.queue.close();
            }
            let patience = due.map_or(PARK, |due| PARK.min(due - now));
            match timed(&mut times.waits, || self.queue.pull(patience)) {
                Pull::Task(task) => self.run_task(&task, collector, times)?,
                Pull::Part(part) => timed(&mut times.tasks, || self.run_part(&part)),
                Pull::Nothing => {}
                Pull::Closed => break,
            }
        }
        // The next run may have begun after a failure: nothing is written behind its back.
        if self.alarm.is_raised() {
            return Ok(());
        }
        timed(&mut times.commits, || collector.commit()).map_err(commit_failure)
    }

    fn run_task(
        &self,
        task: &W::Task,
        collector: &mut W::Collector,
        times: &mut WorkerTimes,
    ) -> Result<(), Failure> {
        self.process.watch.begin(self.index, task);
        let output = timed(&mut times.tasks, || match self.work.limit(task) {
            None => self.output(task, &Arc::default()),
            Some(limit) => self.output_within(task, limit),
        });
        self.process.watch.end(self.index, &*self.work);
        // The task is finished only after `run` or `panicked` has returned: until then it may still
        // add tasks, and the queue must not look done.
        self.queue.finish_task();
        if let Some(output) = output
            && !self.alarm.is_raised()
        {
            let report =
                timed(&mut times.commits, || collector.add(output)).map_err(commit_failure)?;
            // The dataflow is gone only after an alarm.
            let _ = self.reports.send(report);
        }
        Ok(())
    }
}

/// How a run on a thread of its own has ended.
enum Ended<R> {
    /// With this.
    Result(R),
    /// Not within its limit.
    TooLate,
    /// The whole run has failed before.
    RunFailed,
}

impl<W: Work> Worker<W> {
    /// Runs one task.
    fn output(&self, task: &W::Task, is_left: &Arc<AtomicBool>) -> Option<W::Output> {
        let context = TaskContext::new(&self.queue, &self.stop, &self.alarm, is_left);
        let outcome = catch_task_panic(|| self.work.run(task, &context));
        outcome.unwrap_or_else(|panic| Some(self.work.panicked(task, &panic.to_string(), &context)))
    }

    /// Runs one task. After `limit` it is left to itself.
    fn output_within(&self, task: &W::Task, limit: Duration) -> Option<W::Output> {
        let is_left = Arc::new(AtomicBool::new(false));
        let (own, mark) = (task.clone(), Arc::clone(&is_left));
        match self.within(limit, move |worker| worker.output(&own, &mark)) {
            Ended::Result(output) => output,
            Ended::RunFailed => None,
            Ended::TooLate => {
                is_left.store(true, Ordering::SeqCst);
                self.work.timed_out(task, limit)
            }
        }
    }

    /// Runs a part of a task of another process. If it cannot be run here, that process runs it,
    /// and finds out why.
    fn run_part(&self, part: &GivenPart<W::Task>) {
        let own = part.clone();
        let run = move |worker: &Self| {
            let run = || worker.work.run_part(&own.task, own.address.part);
            catch_task_panic(run).ok().flatten()
        };
        self.process.watch.begin(self.index, &part.task);
        let output = match self.work.limit(&part.task) {
            None => run(self),
            Some(limit) => match self.within(limit, run) {
                Ended::Result(output) => output,
                Ended::TooLate | Ended::RunFailed => None,
            },
        };
        self.process.watch.leave(self.index);
        self.queue.answer(part, output);
        self.queue.finish_task();
    }

    /// Runs something on a thread of its own, which is left to itself after `limit`: a thread that
    /// waits for a file system cannot be stopped.
    fn within<R: Send + 'static>(
        &self,
        limit: Duration,
        run: impl Fn(&Self) -> R + Clone + Send + 'static,
    ) -> Ended<R> {
        let (sender, output) = channel();
        let (worker, own) = (self.clone(), run.clone());
        let started = std::thread::Builder::new()
            .name(format!("cntflow:task-{}", self.index))
            .spawn(move || {
                // Nobody waits for it any more after the limit.
                let _ = sender.send(own(&worker));
            });
        if started.is_err() {
            return Ended::Result(run(self));
        }
        let since = Instant::now();
        loop {
            let left = limit.saturating_sub(since.elapsed());
            match output.recv_timeout(left.min(PARK)) {
                Ok(output) => return Ended::Result(output),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("a task has ended without its output")
                }
                // A failed run ends without its tasks.
                Err(_) if self.alarm.is_raised() => return Ended::RunFailed,
                Err(_) if left.is_zero() => return Ended::TooLate,
                Err(_) => {}
            }
        }
    }
}

/// Runs `what` and adds its time to `total`.
fn timed<R>(total: &mut Duration, what: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let outcome = what();
    *total += started.elapsed();
    outcome
}

fn commit_failure<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> Failure {
    Failure::Commit(error.into())
}
