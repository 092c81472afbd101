//! The tasks that wait in one process: its workers pull them, and other processes take some.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use timely::scheduling::SyncActivator;

use crate::parts::{Answer, GivenPart, NextPart, Parts};

/// Most tasks that are given away at once. More can be asked for.
const MAX_GRANT: usize = 4096;

/// Fewest tasks that wait while there are more to make.
const LEAST_WAITING: usize = 1024;

/// Fewest tasks that are given away at once while there are more to make.
const LEAST_GRANT: usize = 256;

/// Tasks that wait, shared by the workers of one process and the dataflow, which balances them
/// between processes.
#[derive(Debug)]
pub(crate) struct TaskQueue<T, A = ()> {
    shared: Arc<Shared<T, A>>,
}

#[derive(Debug)]
struct Shared<T, A> {
    state: Mutex<State<T, A>>,
    changed: Condvar,
    bell: Bell,
}

#[derive(Debug)]
struct State<T, A> {
    /// Empty only if `source` has no more.
    waiting: VecDeque<T>,
    /// Makes the other tasks of this process, as room for them comes.
    source: Option<Source<T>>,
    parts: Parts<T, A>,
    running: usize,
    n_workers: usize,
    /// Idle workers that a running task has borrowed.
    borrowed: usize,
    /// Below this number of waiting tasks, others are asked for more.
    low: usize,
    is_closed: bool,
}

struct Source<T>(Box<dyn Iterator<Item = T> + Send>);

impl<T> std::fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl<T, A> State<T, A> {
    /// Makes more tasks if fewer than `least` wait.
    fn refill(&mut self, least: usize) {
        if self.waiting.len() < least
            && let Some(Source(source)) = &mut self.source
        {
            let n_before = self.waiting.len();
            self.waiting.extend(source.by_ref().take(least));
            if self.waiting.len() < n_before + least {
                self.source = None;
            }
        }
    }
}

/// How much is left in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stock {
    /// Tasks that wait.
    pub(crate) n_waiting: usize,
    /// Workers without a task, except those that are borrowed.
    pub(crate) n_idle: usize,
    /// Whether others should be asked for more.
    pub(crate) is_low: bool,
}

/// What a worker gets when it asks for a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pull<T> {
    /// A task to run. The worker calls [`TaskQueue::finish_task`] when it is done.
    Task(T),
    /// A part of a task of another process. The worker calls [`TaskQueue::answer`] and
    /// [`TaskQueue::finish_task`] when it is done.
    Part(GivenPart<T>),
    /// None came in time.
    Nothing,
    /// None will come any more.
    Closed,
}

impl<T, A> Clone for TaskQueue<T, A> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T, A> TaskQueue<T, A> {
    /// A queue of `n_workers` workers with first tasks, which are made when they are needed.
    pub(crate) fn new(
        tasks: impl IntoIterator<Item = T, IntoIter: Send + 'static>,
        n_workers: usize,
    ) -> Self {
        let mut state = State {
            waiting: VecDeque::new(),
            source: Some(Source(Box::new(tasks.into_iter().fuse()))),
            parts: Parts::default(),
            running: 0,
            n_workers,
            borrowed: 0,
            low: n_workers,
            is_closed: false,
        };
        state.refill(LEAST_WAITING);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
                bell: Bell::default(),
            }),
        }
    }

    /// Waits at most `patience` for a task.
    pub(crate) fn pull(&self, patience: Duration) -> Pull<T> {
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.state(), patience, |state| {
                state.waiting.is_empty() && state.parts.n_given() == 0 && !state.is_closed
            });
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return Pull::Closed;
        }
        // First, as somebody waits for it.
        if let Some(part) = state.parts.next_given() {
            state.running += 1;
            return Pull::Part(part);
        }
        let Some(task) = state.waiting.pop_front() else {
            return Pull::Nothing;
        };
        state.running += 1;
        state.refill(LEAST_WAITING);
        if state.waiting.len() < state.low {
            self.shared.bell.ring();
        }
        Pull::Task(task)
    }

    pub(crate) fn finish_task(&self) {
        let mut state = self.state();
        state.running -= 1;
        if state.waiting.is_empty() {
            self.shared.bell.ring();
        }
    }

    /// Adds tasks that run before all others.
    pub(crate) fn push_front(&self, tasks: impl IntoIterator<Item = T>) {
        let tasks: Vec<T> = tasks.into_iter().collect();
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        for task in tasks.into_iter().rev() {
            state.waiting.push_front(task);
        }
        self.shared.changed.notify_all();
        self.shared.bell.ring();
    }

    /// Adds tasks from another process. The next ones are asked for when a quarter of these is
    /// left, so that their way here takes no time from the workers.
    pub(crate) fn push_back(&self, tasks: Vec<T>) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        state.low = state.n_workers.max(tasks.len() / 4);
        state.waiting.extend(tasks);
        self.shared.changed.notify_all();
    }

    /// Takes tasks for another of `n_processes` processes: every `2 n_processes`-th, so that it
    /// gets costly and cheap ones as they stand in the queue. If there are fewer, it gets the last
    /// one.
    pub(crate) fn give(&self, n_processes: usize) -> Vec<T> {
        let mut state = self.state();
        let stride = 2 * n_processes;
        state.refill(LEAST_GRANT * stride);
        if state.waiting.len() < stride {
            return state.waiting.pop_back().into_iter().collect();
        }
        let n_looked_at = state.waiting.len().min(MAX_GRANT * stride);
        let (mut given, mut kept) = (Vec::new(), Vec::new());
        for (index, task) in state.waiting.drain(..n_looked_at).enumerate() {
            if index % stride == stride - 1 {
                given.push(task);
            } else {
                kept.push(task);
            }
        }
        for task in kept.into_iter().rev() {
            state.waiting.push_front(task);
        }
        given
    }

    /// Whether tasks wait or run.
    pub(crate) fn is_active(&self) -> bool {
        let state = self.state();
        state.running > 0 || !state.waiting.is_empty() || state.parts.is_active()
    }

    /// Number of workers.
    pub(crate) fn n_workers(&self) -> usize {
        self.state().n_workers
    }

    /// Borrows a worker that has no task and none waiting for it; returns whether there is one. Its
    /// share of the machine is for whoever borrows it until [`TaskQueue::give_back`].
    pub(crate) fn borrow_worker(&self) -> bool {
        let mut state = self.state();
        let is_free = state.waiting.is_empty() && state.running + state.borrowed < state.n_workers;
        state.borrowed += usize::from(is_free);
        is_free
    }

    /// Gives a worker back.
    pub(crate) fn give_back(&self) {
        self.state().borrowed -= 1;
    }

    /// How much is left.
    pub(crate) fn stock(&self) -> Stock {
        let state = self.state();
        Stock {
            n_waiting: state.waiting.len() + state.parts.n_given(),
            n_idle: state
                .n_workers
                .saturating_sub(state.running + state.borrowed),
            is_low: state.waiting.len() < state.low,
        }
    }

    /// Drops the waiting tasks and declines the parts of others; workers get no more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if state.is_closed && state.parts.n_given() == 0 {
            return;
        }
        state.waiting.clear();
        state.source = None;
        state.parts.decline_given();
        state.is_closed = true;
        self.shared.changed.notify_all();
        if state.parts.is_active() {
            self.shared.bell.ring();
        }
    }

    /// Divides a task that runs here into parts, see [`Parts::divide`].
    pub(crate) fn divide(
        &self,
        task: T,
        may_leave: impl Iterator<Item = bool>,
        is_left: Arc<AtomicBool>,
    ) -> u64 {
        let divided = self.state().parts.divide(task, may_leave, is_left);
        self.shared.bell.ring();
        divided
    }

    /// The next part of a task that runs here. Waits at most `patience` for those that are
    /// elsewhere. A closed queue waits for none: its parts are run here.
    pub(crate) fn take_part(&self, divided: u64, patience: Duration) -> NextPart {
        let mut state = self.state();
        if state.is_closed {
            state.parts.take_back(divided);
        }
        let next = state.parts.take(divided);
        if next != NextPart::Wait {
            return next;
        }
        let waited = self.shared.changed.wait_timeout(state, patience);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.parts.take(divided)
    }

    /// Whether a part of a task that runs here waits.
    pub(crate) fn has_waiting_part(&self, divided: u64) -> bool {
        self.state().parts.has_waiting(divided)
    }

    /// Notes what a part has yielded that was run here.
    pub(crate) fn finish_part(&self, divided: u64, part: usize, output: A) {
        self.state().parts.finish(divided, part, output);
        self.shared.changed.notify_all();
    }

    /// Ends the division of a task, and returns what its parts have yielded.
    pub(crate) fn join(&self, divided: u64) -> Vec<A> {
        self.state().parts.join(divided)
    }

    /// Gives a part of a task that runs here, in process `here`, to another process.
    pub(crate) fn give_part(&self, here: usize) -> Option<GivenPart<T>>
    where
        T: Clone,
    {
        self.state().parts.give(here)
    }

    /// Takes a part from another process, unless all workers here are busy: its task would wait for
    /// them.
    pub(crate) fn receive_part(&self, part: GivenPart<T>) {
        let mut state = self.state();
        let n_busy = state.running + state.borrowed + state.parts.n_given();
        if state.is_closed || n_busy >= state.n_workers {
            state.parts.answer(part.address, None);
        } else {
            state.parts.receive(part);
            self.shared.changed.notify_all();
        }
    }

    /// Answers what a part has yielded, to the process that has its task.
    pub(crate) fn answer(&self, part: &GivenPart<T>, output: Option<A>) {
        self.state().parts.answer(part.address, output);
        self.shared.bell.ring();
    }

    /// The answers that are to be sent to other processes.
    pub(crate) fn take_answers(&self) -> Vec<Answer<A>> {
        self.state().parts.take_answers()
    }

    /// Takes an answer of another process.
    pub(crate) fn answered(&self, answer: Answer<A>) {
        self.state().parts.answered(answer);
        self.shared.changed.notify_all();
    }

    /// Wakes the dataflow, which looks at this queue and at what workers have done.
    pub(crate) fn bell(&self) -> &Bell {
        &self.shared.bell
    }

    /// A poisoned lock is safe to use: every step that changes the state leaves it consistent, so
    /// it does not matter where a worker panicked while it held the lock.
    fn state(&self) -> MutexGuard<'_, State<T, A>> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes operators of the dataflow from other threads.
///
/// A bell that has been rung and not been heard yet costs no more than one look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<BellState>);

#[derive(Debug, Default)]
struct BellState {
    is_rung: AtomicBool,
    operators: Mutex<Vec<SyncActivator>>,
}

impl Bell {
    /// Adds an operator that is woken.
    pub(crate) fn add(&self, operator: SyncActivator) {
        let operators = self.0.operators.lock();
        operators
            .unwrap_or_else(PoisonError::into_inner)
            .push(operator);
    }

    pub(crate) fn ring(&self) {
        if self.0.is_rung.swap(true, Ordering::SeqCst) {
            return;
        }
        let operators = self.0.operators.lock();
        for operator in operators.unwrap_or_else(PoisonError::into_inner).iter() {
            // The dataflow may have ended.
            let _ = operator.activate();
        }
    }

    /// Notes that the operators are about to look: what happens from now on rings again.
    pub(crate) fn hear(&self) {
        self.0.is_rung.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn queue(tasks: impl IntoIterator<Item = u32, IntoIter: Send + 'static>) -> TaskQueue<u32> {
        TaskQueue::new(tasks, 1)
    }

    #[test]
    fn a_queue_is_active_while_a_running_task_may_add_some() {
        let queue = queue([1]);
        assert_eq!(queue.pull(Duration::ZERO), Pull::Task(1));
        assert_eq!(queue.pull(Duration::ZERO), Pull::Nothing);
        assert!(queue.is_active());
        queue.push_front([2, 3]);
        queue.finish_task();
        assert_eq!(queue.pull(Duration::ZERO), Pull::Task(2));
        assert_eq!(queue.pull(Duration::ZERO), Pull::Task(3));
        queue.finish_task();
        queue.finish_task();
        assert!(!queue.is_active());
        queue.close();
        queue.push_back(vec![4]);
        queue.push_front([5]);
        assert_eq!(queue.pull(Duration::ZERO), Pull::Closed);
        assert!(!queue.is_active());
    }

    #[test]
    fn what_is_given_is_a_fair_part_in_order_and_nothing_is_lost() {
        let queue = queue(0..10);
        assert_eq!(queue.give(2), [3, 7]);
        assert_eq!(queue.stock().n_waiting, 8);
        assert_eq!(queue.give(8), [9], "the last one of few");
        let pull = |_| match queue.pull(Duration::ZERO) {
            Pull::Task(task) => task,
            other => panic!("{other:?}"),
        };
        let kept: Vec<u32> = (0..7).map(pull).collect();
        assert_eq!(kept, [0, 1, 2, 4, 5, 6, 8]);
        assert!(queue.give(2).is_empty());
    }

    #[test]
    fn few_tasks_wait_at_a_time_and_all_come_in_their_order() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let tasks = (0..10_000).inspect(|_| _ = MADE.fetch_add(1, Ordering::SeqCst));
        let queue = queue(tasks);
        let mut given = 0;
        for next in 0.. {
            let made = MADE.load(Ordering::SeqCst);
            assert!(made <= next + given + 2 * LEAST_WAITING, "{made}");
            match queue.pull(Duration::ZERO) {
                Pull::Task(task) if next < 100 => assert_eq!(task as usize, next),
                Pull::Task(_) => {}
                _ => {
                    assert_eq!(next + given, 10_000);
                    break;
                }
            }
            queue.finish_task();
            if next == 100 {
                given = queue.give(2).len();
                assert!(given > LEAST_WAITING / 5, "{given}");
            }
        }
    }

    #[test]
    fn more_is_asked_for_before_all_is_done() {
        let queue = queue([]);
        assert!(queue.stock().is_low);
        queue.push_back((0..40).collect());
        assert!(!queue.stock().is_low);
        for _ in 0..31 {
            queue.pull(Duration::ZERO);
        }
        assert!(queue.stock().is_low);
    }
}
