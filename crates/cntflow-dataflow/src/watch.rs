//! Notices workers that stand still: a task that takes far longer than others of its kind.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::work::{LateTask, Work};

/// A task is late when it has taken this many times the expected time.
const LATE: f64 = 10.0;

/// Tasks of a kind that must have ended before a time is expected of others.
const LEAST_TASKS: u64 = 8;

/// What the workers of a process are doing, and how long tasks have taken.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    state: Mutex<State<T>>,
    /// No task is late before this time.
    patience: Duration,
}

#[derive(Debug)]
struct State<T> {
    /// By worker: its task, since when, and whether it is known to be late.
    running: BTreeMap<usize, Running<T>>,
    /// By kind of task: number, time and cost of those that have ended.
    ended: BTreeMap<u8, Ended>,
}

#[derive(Debug)]
struct Running<T> {
    task: T,
    since: Instant,
    is_known: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    n: u64,
    seconds: f64,
    cost: f64,
}

impl<T: Clone> Watch<T> {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                running: BTreeMap::new(),
                ended: BTreeMap::new(),
            }),
            patience,
        }
    }

    /// Notes that a worker begins a task.
    pub(crate) fn begin(&self, worker: usize, task: &T) {
        let running = Running {
            task: task.clone(),
            since: Instant::now(),
            is_known: false,
        };
        self.state().running.insert(worker, running);
    }

    /// Notes that a worker has ended its task.
    pub(crate) fn end<W: Work<Task = T>>(&self, worker: usize, work: &W) {
        let mut state = self.state();
        if let Some(running) = state.running.remove(&worker) {
            let ended = state.ended.entry(work.kind(&running.task)).or_default();
            ended.n += 1;
            ended.seconds += running.since.elapsed().as_secs_f64();
            ended.cost += work.cost(&running.task);
        }
    }

    /// Notes that a worker has ended a part of a task, which tells nothing of whole ones.
    pub(crate) fn leave(&self, worker: usize) {
        self.state().running.remove(&worker);
    }

    /// Tells `work` of tasks that are late, each once, until `ended` is closed.
    pub(crate) fn run<W: Work<Task = T>>(&self, work: &W, ended: &Receiver<()>) {
        let interval = (self.patience / 10).min(Duration::from_secs(1));
        while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            for (worker, task, elapsed, expected) in self.late(work) {
                work.is_late(&LateTask {
                    worker,
                    task: &task,
                    elapsed,
                    expected,
                });
            }
        }
    }

    fn late<W: Work<Task = T>>(&self, work: &W) -> Vec<(usize, T, Duration, Duration)> {
        let mut state = self.state();
        let ended = state.ended.clone();
        let mut late = Vec::new();
        for (&worker, running) in &mut state.running {
            let elapsed = running.since.elapsed();
            let kind = ended.get(&work.kind(&running.task));
            let Some(kind) = kind.filter(|kind| kind.n >= LEAST_TASKS && kind.cost > 0.0) else {
                continue;
            };
            let expected = kind.seconds * work.cost(&running.task) / kind.cost;
            let limit = (LATE * expected).max(self.patience.as_secs_f64());
            if !running.is_known && elapsed.as_secs_f64() > limit {
                running.is_known = true;
                let expected = Duration::from_secs_f64(expected.max(0.0));
                late.push((worker, running.task.clone(), elapsed, expected));
            }
        }
        late
    }

    /// A poisoned lock is safe to use: every change of the state is one call of a collection.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
