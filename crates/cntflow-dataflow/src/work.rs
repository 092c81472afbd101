//! What a study hands to the executor: tasks, how one is performed, and how outputs are gathered.

use std::time::Instant;

use crate::queue::TaskQueue;
use crate::supervise::Stop;

/// Tasks and what is done with them. One value serves all workers of a process.
pub trait Work: Send + Sync + 'static {
    /// A small descriptor of something to do (a path, an id), never tensors.
    type Task: Clone + Send + 'static;
    /// What a task yields. It stays on the worker that performed the task.
    type Output: 'static;
    /// A small row about a task done. It travels to process 0 in bincode: plain structs only, since attributes such
    /// as `untagged` or `flatten` compile and then fail between processes.
    type Report: serde::Serialize + for<'a> serde::Deserialize<'a> + Clone + Send + 'static;
    /// Gathers the outputs of one worker.
    type Gather: Gather<Output = Self::Output, Report = Self::Report> + 'static;

    /// Performs one task. Expected failures are outputs; a panic is caught and handed to [`Work::panicked`].
    fn perform(&self, task: &Self::Task, cue: &Cue<'_, Self::Task>) -> Option<Self::Output>;

    /// The output that stands for a task which panicked with `message`.
    fn panicked(&self, task: &Self::Task, message: &str, cue: &Cue<'_, Self::Task>)
    -> Self::Output;

    /// The gatherer of one worker, made on that worker's thread. `worker` counts over all processes.
    fn gather(&self, worker: usize) -> Self::Gather;

    /// Told on process 0 of every task done by any worker of the cluster, on any of its workers' threads.
    fn reported(&self, report: Self::Report);
}

/// Collects outputs into batches and commits them. An error ends the run: nothing else can be kept either.
pub trait Gather {
    /// See [`Work::Output`].
    type Output;
    /// See [`Work::Report`].
    type Report;

    /// Takes one output in, and commits if the batch has grown large enough.
    ///
    /// # Errors
    /// A commit failed; the text names the file.
    fn add(&mut self, output: Self::Output) -> Result<Self::Report, String>;

    /// When the batch in hand is to be committed at the latest; `None` while it is empty.
    fn due(&self) -> Option<Instant>;

    /// Commits the batch in hand, if there is one.
    ///
    /// # Errors
    /// A commit failed; the text names the file.
    fn commit(&mut self) -> Result<(), String>;
}

/// What a task may ask of the run it is part of.
#[derive(Debug)]
pub struct Cue<'a, T> {
    queue: &'a TaskQueue<T>,
    stop: &'a Stop,
}

impl<'a, T> Cue<'a, T> {
    pub(crate) fn new(queue: &'a TaskQueue<T>, stop: &'a Stop) -> Self {
        Self { queue, stop }
    }

    /// Whether the run is being ended: a long task should return `None` (nothing to keep) soon.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_set()
    }

    /// Adds tasks that this one made possible, before all others: their inputs are still warm.
    pub fn follow_up(&self, tasks: impl IntoIterator<Item = T>) {
        self.queue.push_front(tasks);
    }
}
