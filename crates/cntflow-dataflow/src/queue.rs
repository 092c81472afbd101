//! The tasks of one process, from which its workers pull, and how tasks are assigned to the
//! processes of a cluster.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tasks not yet taken, shared by the workers of one process.
///
/// It is exhausted only when it is empty and no running task may still add to it.
#[derive(Debug)]
pub struct TaskQueue<T> {
    state: Arc<Mutex<State<T>>>,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    running: usize,
}

impl<T> Clone for TaskQueue<T> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

/// What a worker gets when it asks for a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pull<T> {
    /// A task to run. The worker calls [`TaskQueue::finish_task`] when it is done.
    Task(T),
    /// Nothing now, but a running task may add some.
    Wait,
    /// Nothing, and nothing more will come.
    Exhausted,
}

impl<T> FromIterator<T> for TaskQueue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(tasks: I) -> Self {
        let state = State {
            waiting: tasks.into_iter().collect(),
            running: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl<T> TaskQueue<T> {
    pub(crate) fn pull(&self) -> Pull<T> {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(task) => {
                state.running += 1;
                Pull::Task(task)
            }
            None if state.running > 0 => Pull::Wait,
            None => Pull::Exhausted,
        }
    }

    pub(crate) fn finish_task(&self) {
        self.state().running -= 1;
    }

    pub(crate) fn push_front(&self, tasks: impl IntoIterator<Item = T>) {
        let mut state = self.state();
        let tasks: Vec<T> = tasks.into_iter().collect();
        for task in tasks.into_iter().rev() {
            state.waiting.push_front(task);
        }
    }

    /// A poisoned lock is safe to use: every step that changes the state leaves it consistent, so
    /// it does not matter where a worker panicked while it held the lock.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks of process `process` out of `processes`: every `processes`-th task, the costliest
/// first.
///
/// All processes get about equal work without talking to each other. Tasks of equal cost keep their
/// order, so every process computes the same assignment.
///
/// ```
/// let tasks = vec![1, 7, 3, 5];
/// assert_eq!(cntflow_dataflow::assign(tasks.clone(), |&cost| cost, 0, 2), [7, 3]);
/// assert_eq!(cntflow_dataflow::assign(tasks, |&cost| cost, 1, 2), [5, 1]);
/// ```
pub fn assign<T>(
    mut tasks: Vec<T>,
    cost: impl Fn(&T) -> u64,
    process: usize,
    processes: usize,
) -> Vec<T> {
    tasks.sort_by_cached_key(|task| std::cmp::Reverse(cost(task)));
    tasks
        .into_iter()
        .skip(process)
        .step_by(processes.max(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_assigned_to_exactly_one_process() {
        let tasks: Vec<u64> = (0..101).map(|i| i * 37 % 101).collect();
        let mut assigned: Vec<u64> = (0..3)
            .flat_map(|process| assign(tasks.clone(), |&t| t, process, 3))
            .collect();
        assigned.sort_unstable();
        assert_eq!(assigned, (0..101).collect::<Vec<_>>());
        let share: Vec<u64> = (0..3)
            .map(|process| assign(tasks.clone(), |&t| t, process, 3).iter().sum())
            .collect();
        assert!(
            share.iter().max().unwrap() - share.iter().min().unwrap() <= 101,
            "{share:?}"
        );
    }

    #[test]
    fn a_queue_waits_while_a_running_task_may_add_some() {
        let queue: TaskQueue<u8> = [1].into_iter().collect();
        assert_eq!(queue.pull(), Pull::Task(1));
        assert_eq!(queue.pull(), Pull::Wait);
        queue.push_front([2, 3]);
        queue.finish_task();
        assert_eq!(queue.pull(), Pull::Task(2));
        assert_eq!(queue.pull(), Pull::Task(3));
        queue.finish_task();
        queue.finish_task();
        assert_eq!(queue.pull(), Pull::Exhausted);
    }
}
