//! The tasks of one process, from which its workers pull, and how tasks are dealt to the processes of a cluster.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tasks not yet taken, shared by the workers of one process.
///
/// It is exhausted only when nothing is left and nobody performs a task that may still add some.
#[derive(Debug)]
pub struct TaskQueue<T> {
    state: Arc<Mutex<State<T>>>,
}

#[derive(Debug)]
struct State<T> {
    left: VecDeque<T>,
    performing: usize,
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
    /// Something to do; [`TaskQueue::performed`] is to be called for it.
    Task(T),
    /// Nothing now, but a task being performed may add some.
    Wait,
    /// Nothing any more.
    Exhausted,
}

impl<T> FromIterator<T> for TaskQueue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(tasks: I) -> Self {
        let state = State {
            left: tasks.into_iter().collect(),
            performing: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl<T> TaskQueue<T> {
    pub(crate) fn pull(&self) -> Pull<T> {
        let mut state = self.state();
        match state.left.pop_front() {
            Some(task) => {
                state.performing += 1;
                Pull::Task(task)
            }
            None if state.performing > 0 => Pull::Wait,
            None => Pull::Exhausted,
        }
    }

    pub(crate) fn performed(&self) {
        self.state().performing -= 1;
    }

    pub(crate) fn push_front(&self, tasks: impl IntoIterator<Item = T>) {
        let mut state = self.state();
        let tasks: Vec<T> = tasks.into_iter().collect();
        for task in tasks.into_iter().rev() {
            state.left.push_front(task);
        }
    }

    /// A worker that panicked while it held the lock left a whole state behind: every change is one statement.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of process `process` out of `processes`: the costliest tasks first, dealt in turn, so that all processes have about
/// equal work without talking to each other. Equal costs keep their order, so every process deals alike.
pub fn deal<T>(
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
    fn every_task_is_dealt_to_exactly_one_process() {
        let tasks: Vec<u64> = (0..101).map(|i| i * 37 % 101).collect();
        let mut dealt: Vec<u64> = (0..3)
            .flat_map(|process| deal(tasks.clone(), |&t| t, process, 3))
            .collect();
        dealt.sort_unstable();
        assert_eq!(dealt, (0..101).collect::<Vec<_>>());
        let share: Vec<u64> = (0..3)
            .map(|process| deal(tasks.clone(), |&t| t, process, 3).iter().sum())
            .collect();
        assert!(
            share.iter().max().unwrap() - share.iter().min().unwrap() <= 101,
            "{share:?}"
        );
    }

    #[test]
    fn a_queue_waits_for_tasks_that_may_add_some() {
        let queue: TaskQueue<u8> = [1].into_iter().collect();
        assert_eq!(queue.pull(), Pull::Task(1));
        assert_eq!(queue.pull(), Pull::Wait);
        queue.push_front([2, 3]);
        queue.performed();
        assert_eq!(queue.pull(), Pull::Task(2));
        assert_eq!(queue.pull(), Pull::Task(3));
        queue.performed();
        queue.performed();
        assert_eq!(queue.pull(), Pull::Exhausted);
    }
}
