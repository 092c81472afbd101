//! What a caller hands to the executor: how a task runs, and how outputs are collected.

use std::error::Error;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::parts::NextPart;
use crate::queue::TaskQueue;
use crate::supervise::{Alarm, PARK, Stop, TaskPanic, catch_task_panic};

/// Pause of a helper between looks for an idle worker.
const HELPER_NAP: Duration = Duration::from_millis(5);

/// Tasks and how they run. One value serves all workers of a process.
///
/// Tasks and reports travel between processes, encoded by bincode. Do not use serde attributes such
/// as `untagged` or `flatten` for them: they compile, but bincode cannot decode them, so that only
/// a run with several processes fails.
pub trait Work: Send + Sync + 'static {
    /// A small descriptor of something to do (a path, an id), never tensors.
    type Task: Clone + Send + Serialize + for<'a> Deserialize<'a> + 'static;
    /// What a task yields. It stays on the worker that ran the task.
    type Output: Send + 'static;
    /// What a part of a divided task yields, see [`TaskContext::run_parts`]. It is sent to the
    /// process that has the task.
    type Answer: Clone + Send + Serialize + for<'a> Deserialize<'a> + 'static;
    /// A small row about a finished task. It is sent to process 0.
    type Report: Clone + Send + Serialize + for<'a> Deserialize<'a> + 'static;
    /// Collects the outputs of one worker.
    type Collector: Collector<Output = Self::Output, Report = Self::Report> + 'static;

    /// Runs one task. Expected failures are outputs; a panic is caught and handed to
    /// [`Work::panicked`]. `None` means that there is nothing to keep.
    fn run(
        &self,
        task: &Self::Task,
        context: &TaskContext<'_, Self::Task, Self::Answer>,
    ) -> Option<Self::Output>;

    /// Runs one part of a task that another process has divided. `None` means that it cannot be run
    /// here; then that process runs it.
    fn run_part(&self, _task: &Self::Task, _part: usize) -> Option<Self::Answer> {
        None
    }

    /// The output that stands for a task which panicked with `message`.
    fn panicked(
        &self,
        task: &Self::Task,
        message: &str,
        context: &TaskContext<'_, Self::Task, Self::Answer>,
    ) -> Self::Output;

    /// The longest time that a task may take; `None` for any. A task that takes longer is left to
    /// itself on a thread of its own, and its worker goes on with [`Work::timed_out`].
    fn limit(&self, _task: &Self::Task) -> Option<Duration> {
        None
    }

    /// The output that stands for a task which has taken longer than its [`Work::limit`]. `None`
    /// means that there is nothing to keep.
    fn timed_out(&self, _task: &Self::Task, _limit: Duration) -> Option<Self::Output> {
        None
    }

    /// Makes the collector of one worker, on that worker's thread. `worker` counts from 0 in
    /// each process.
    fn collector(&self, worker: usize) -> Self::Collector;

    /// Which tasks take time like this one: tasks of a kind take time in proportion to their
    /// [`Work::cost`].
    fn kind(&self, _task: &Self::Task) -> u8 {
        0
    }

    /// The effort of a task, in any unit.
    fn cost(&self, _task: &Self::Task) -> f64 {
        1.0
    }

    /// Called once for a task that has taken ten times the expected time, and at least
    /// [`Executor::patience`](crate::Executor::patience). The worker is still at it.
    fn is_late(&self, _late: &LateTask<'_, Self::Task>) {}

    /// Called when all workers of this process have ended, in their order.
    fn ended(&self, _times: &[WorkerTimes]) {}

    /// Called when tasks have come from another process, before they run: what they need can be
    /// fetched in advance.
    fn received(&self, _tasks: &[Self::Task]) {}

    /// Called when tasks that waited here have been given to another process.
    fn given(&self, _tasks: &[Self::Task]) {}

    /// Called on process 0 for every task that any worker of the cluster has finished, one at a
    /// time.
    fn reported(&self, report: Self::Report);
}

/// Collects outputs into batches and commits them. An error ends the run: later outputs could not
/// be kept either.
pub trait Collector {
    /// See [`Work::Output`].
    type Output;
    /// See [`Work::Report`].
    type Report;
    /// Why a commit failed. Its message names the file.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Takes one output, and commits if the batch has grown large enough.
    ///
    /// # Errors
    /// A commit failed.
    fn add(&mut self, output: Self::Output) -> Result<Self::Report, Self::Error>;

    /// Latest time at which the open batch must be committed; `None` while it is empty.
    fn due(&self) -> Option<Instant>;

    /// Commits the open batch, if there is one.
    ///
    /// # Errors
    /// A commit failed.
    fn commit(&mut self) -> Result<(), Self::Error>;
}

/// A task that takes far longer than others of its kind.
#[derive(Debug)]
pub struct LateTask<'a, T> {
    /// Index of the worker in its process.
    pub worker: usize,
    /// The task.
    pub task: &'a T,
    /// How long the worker has been at it.
    pub elapsed: Duration,
    /// How long it should take, by others of its kind.
    pub expected: Duration,
}

/// Where the time of a worker went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerTimes {
    /// Running tasks.
    pub tasks: Duration,
    /// Collecting and committing their outputs.
    pub commits: Duration,
    /// Waiting for tasks.
    pub waits: Duration,
}

/// What a task may ask of the run it is part of.
#[derive(Debug)]
pub struct TaskContext<'a, T, A = ()> {
    queue: &'a TaskQueue<T, A>,
    stop: &'a Stop,
    alarm: &'a Alarm,
    /// Set when the worker has left the task to itself, see [`Work::limit`].
    is_left: &'a Arc<AtomicBool>,
}

impl<'a, T, A> TaskContext<'a, T, A> {
    pub(crate) fn new(
        queue: &'a TaskQueue<T, A>,
        stop: &'a Stop,
        alarm: &'a Alarm,
        is_left: &'a Arc<AtomicBool>,
    ) -> Self {
        Self {
            queue,
            stop,
            alarm,
            is_left,
        }
    }

    /// Whether the run is ending. A long task should then return `None` (nothing to keep) soon.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_set() || self.alarm.is_raised()
    }

    /// Adds tasks that this one made possible. They run before all others, while their inputs are
    /// still in the caches.
    pub fn follow_up(&self, tasks: impl IntoIterator<Item = T>) {
        self.queue.push_front(tasks);
    }
}

impl<T: Clone + Send, A: Send> TaskContext<'_, T, A> {
    /// Calls `part` once for each part of `task`, on this thread and on those of workers that have
    /// nothing else to do, and returns what the parts yield, in their order. So a task that is much
    /// larger than the others is shared once these are done.
    ///
    /// `may_leave` has an element for each part: whether an idle process may run it, by
    /// [`Work::run_part`]. What that yields must be what `part` would yield. Parts begin in their
    /// order, so the largest should come first. Those on other threads begin within some
    /// milliseconds of a worker's becoming idle.
    ///
    /// # Panics
    /// A part has panicked; this one panics with the same message.
    pub fn run_parts(
        &self,
        task: &T,
        may_leave: &[bool],
        part: &(dyn Fn(usize) -> A + Sync),
    ) -> Vec<A> {
        let queue = self.queue;
        let may_leave_now = may_leave.iter().copied();
        let divided = queue.divide(task.clone(), may_leave_now, Arc::clone(self.is_left));
        let first_panic: Mutex<Option<TaskPanic>> = Mutex::new(None);
        let has_panicked = || lock(&first_panic).is_some();
        let run = |index| match catch_task_panic(|| part(index)) {
            Ok(output) => queue.finish_part(divided, index, output),
            Err(panic) => {
                lock(&first_panic).get_or_insert(panic);
            }
        };
        let help = || {
            while queue.has_waiting_part(divided) && !has_panicked() {
                if !queue.borrow_worker() {
                    std::thread::sleep(HELPER_NAP);
                    continue;
                }
                if let NextPart::Run(index) = queue.take_part(divided, Duration::ZERO) {
                    run(index);
                }
                queue.give_back();
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..queue.n_workers().min(may_leave.len()) {
                scope.spawn(help);
            }
            while !has_panicked() {
                match queue.take_part(divided, PARK) {
                    NextPart::Run(index) => run(index),
                    // A closed queue waits for nobody.
                    NextPart::Wait if self.is_stopping() => queue.close(),
                    NextPart::Wait => {}
                    NextPart::Done => break,
                }
            }
        });
        let outputs = queue.join(divided);
        if let Some(panic) = lock(&first_panic).take() {
            // It was reported where it happened.
            resume_unwind(Box::new(panic));
        }
        outputs
    }
}

/// A poisoned lock is safe to use: the panic is put in or taken out at once.
fn lock(panic: &Mutex<Option<TaskPanic>>) -> MutexGuard<'_, Option<TaskPanic>> {
    panic.lock().unwrap_or_else(PoisonError::into_inner)
}
