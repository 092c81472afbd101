//! Parts of a task that is much larger than the others. Idle workers run them, here and in other
//! processes, and what they yield comes back to the process that has the task.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// A part of a task, and where the task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartAddress {
    /// Index of the process that has the task.
    pub(crate) process: usize,
    /// Number of the task among those that the process has divided.
    divided: u64,
    /// Index of the part.
    pub(crate) part: usize,
}

/// A part of a task of another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GivenPart<T> {
    /// The whole task.
    pub(crate) task: T,
    /// Which part of it.
    pub(crate) address: PartAddress,
}

/// What a given part has yielded; `None` if the process to which it was given has not run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer<A> {
    /// Which part.
    pub(crate) address: PartAddress,
    /// What it yields.
    pub(crate) output: Option<A>,
}

/// What whoever runs the parts of a task is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextPart {
    /// Run this one.
    Run(usize),
    /// Wait: the rest is with others.
    Wait,
    /// All parts are done.
    Done,
}

/// The parts in one process: those of its own tasks, and those that others have given to it.
#[derive(Debug)]
pub(crate) struct Parts<T, A> {
    divided: BTreeMap<u64, DividedTask<T, A>>,
    n_divided: u64,
    /// Parts of other processes that wait for a worker here.
    given: VecDeque<GivenPart<T>>,
    /// Answers to other processes that are not sent yet.
    answers: Vec<Answer<A>>,
}

/// A task of this process whose parts are running.
#[derive(Debug)]
struct DividedTask<T, A> {
    task: T,
    /// Set when its worker has left it to itself: then it gets no help any more.
    is_left: Arc<AtomicBool>,
    parts: Vec<Part<A>>,
}

#[derive(Debug)]
enum Part<A> {
    Waiting { may_leave: bool },
    Here,
    Away,
    Done(A),
}

impl<T, A> Default for Parts<T, A> {
    fn default() -> Self {
        Self {
            divided: BTreeMap::new(),
            n_divided: 0,
            given: VecDeque::new(),
            answers: Vec::new(),
        }
    }
}

impl<T, A> Parts<T, A> {
    /// Divides a task of this process into parts, each of which may leave it or not. Returns the
    /// number by which the task is known here until [`Parts::join`].
    pub(crate) fn divide(
        &mut self,
        task: T,
        may_leave: impl Iterator<Item = bool>,
        is_left: Arc<AtomicBool>,
    ) -> u64 {
        let parts = may_leave.map(|may_leave| Part::Waiting { may_leave });
        let divided = DividedTask {
            task,
            is_left,
            parts: parts.collect(),
        };
        self.n_divided += 1;
        self.divided.insert(self.n_divided, divided);
        self.n_divided
    }

    /// Takes the next part of a task to run it in this process.
    pub(crate) fn take(&mut self, divided: u64) -> NextPart {
        let Some(DividedTask { parts, .. }) = self.divided.get_mut(&divided) else {
            return NextPart::Done;
        };
        let waits = |part: &Part<A>| matches!(part, Part::Waiting { .. });
        if let Some(index) = parts.iter().position(waits) {
            parts[index] = Part::Here;
            return NextPart::Run(index);
        }
        if parts.iter().all(|part| matches!(part, Part::Done(_))) {
            NextPart::Done
        } else {
            NextPart::Wait
        }
    }

    /// Whether a part of a task waits for whoever is idle.
    pub(crate) fn has_waiting(&self, divided: u64) -> bool {
        let divided = self.divided.get(&divided);
        let divided = divided.filter(|divided| !divided.is_left.load(Ordering::SeqCst));
        let mut parts = divided.into_iter().flat_map(|divided| &divided.parts);
        parts.any(|part| matches!(part, Part::Waiting { .. }))
    }

    /// Notes what a part has yielded that was run in this process.
    pub(crate) fn finish(&mut self, divided: u64, part: usize, output: A) {
        if let Some(divided) = self.divided.get_mut(&divided) {
            divided.parts[part] = Part::Done(output);
        }
    }

    /// Lets all parts that are away wait again, and none leave any more.
    pub(crate) fn take_back(&mut self, divided: u64) {
        let divided = self.divided.get_mut(&divided);
        for part in divided.into_iter().flat_map(|divided| &mut divided.parts) {
            if matches!(part, Part::Away | Part::Waiting { .. }) {
                *part = Part::Waiting { may_leave: false };
            }
        }
    }

    /// What the parts have yielded, in their order. Others' answers are of no interest any more.
    pub(crate) fn join(&mut self, divided: u64) -> Vec<A> {
        let parts = self.divided.remove(&divided).map(|divided| divided.parts);
        let outputs = parts.into_iter().flatten().filter_map(|part| match part {
            Part::Done(output) => Some(output),
            Part::Waiting { .. } | Part::Here | Part::Away => None,
        });
        outputs.collect()
    }

    /// A part for another process; `here` is the index of this one.
    pub(crate) fn give(&mut self, here: usize) -> Option<GivenPart<T>>
    where
        T: Clone,
    {
        let may_leave = |part: &Part<A>| matches!(part, Part::Waiting { may_leave: true });
        let with_worker = |divided: &DividedTask<T, A>| !divided.is_left.load(Ordering::SeqCst);
        let mut divided = self.divided.iter_mut().filter(|(_, d)| with_worker(d));
        divided.find_map(|(&number, divided)| {
            let part = divided.parts.iter().position(may_leave)?;
            divided.parts[part] = Part::Away;
            Some(GivenPart {
                task: divided.task.clone(),
                address: PartAddress {
                    process: here,
                    divided: number,
                    part,
                },
            })
        })
    }

    /// Takes what another process has answered. A part that it has not run is run here.
    pub(crate) fn answered(&mut self, answer: Answer<A>) {
        let PartAddress { divided, part, .. } = answer.address;
        if let Some(divided) = self.divided.get_mut(&divided)
            && let Some(part @ Part::Away) = divided.parts.get_mut(part)
        {
            *part = match answer.output {
                Some(output) => Part::Done(output),
                None => Part::Waiting { may_leave: false },
            };
        }
    }

    /// Takes a part that another process has given.
    pub(crate) fn receive(&mut self, part: GivenPart<T>) {
        self.given.push_back(part);
    }

    /// The next part of another process.
    pub(crate) fn next_given(&mut self) -> Option<GivenPart<T>> {
        self.given.pop_front()
    }

    /// How many parts of other processes wait.
    pub(crate) fn n_given(&self) -> usize {
        self.given.len()
    }

    /// Prepares an answer to another process.
    pub(crate) fn answer(&mut self, address: PartAddress, output: Option<A>) {
        self.answers.push(Answer { address, output });
    }

    /// Answers that none of the parts that wait here will be run.
    pub(crate) fn decline_given(&mut self) {
        let declined = self.given.drain(..).map(|part| Answer {
            address: part.address,
            output: None,
        });
        self.answers.extend(declined);
    }

    /// The answers that are to be sent.
    pub(crate) fn take_answers(&mut self) -> Vec<Answer<A>> {
        std::mem::take(&mut self.answers)
    }

    /// Whether something is to do for other processes.
    pub(crate) fn is_active(&self) -> bool {
        !self.given.is_empty() || !self.answers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(may_leave: &[bool]) -> (Parts<&'static str, u32>, u64) {
        let mut parts = Parts::default();
        let number = parts.divide("task", may_leave.iter().copied(), Arc::default());
        (parts, number)
    }

    #[test]
    fn a_part_that_was_given_is_waited_for_and_its_answer_is_in_its_place() {
        let (mut home, task) = divided(&[true, true]);
        let mut other = Parts::<&str, u32>::default();
        other.receive(home.give(0).unwrap());
        assert_eq!(home.take(task), NextPart::Run(1));
        home.finish(task, 1, 11);
        assert_eq!(home.take(task), NextPart::Wait);
        let given = other.next_given().unwrap();
        assert_eq!((given.task, given.address.part), ("task", 0));
        other.answer(given.address, Some(10));
        assert!(other.is_active(), "an answer is not sent yet");
        for answer in other.take_answers() {
            home.answered(answer);
        }
        assert!(!other.is_active());
        assert_eq!(home.take(task), NextPart::Done);
        assert_eq!(home.join(task), [10, 11]);
    }

    #[test]
    fn a_part_that_was_declined_is_run_at_home() {
        let (mut home, task) = divided(&[true]);
        let mut other = Parts::<&str, u32>::default();
        other.receive(home.give(0).unwrap());
        other.decline_given();
        for answer in other.take_answers() {
            home.answered(answer);
        }
        assert!(home.give(0).is_none(), "it does not leave again");
        assert_eq!(home.take(task), NextPart::Run(0));
    }

    #[test]
    fn a_task_that_is_left_to_itself_gets_no_help() {
        let mut parts = Parts::<&str, u32>::default();
        let is_left = Arc::new(AtomicBool::new(false));
        let task = parts.divide("task", [true, true].into_iter(), Arc::clone(&is_left));
        assert!(parts.has_waiting(task));
        is_left.store(true, Ordering::SeqCst);
        assert!(!parts.has_waiting(task));
        assert!(parts.give(0).is_none());
        assert_eq!(parts.take(task), NextPart::Run(0), "its own thread goes on");
    }

    #[test]
    fn what_was_taken_back_is_done_once_whatever_comes_later() {
        let (mut home, task) = divided(&[true, false]);
        let given = home.give(0).unwrap();
        assert!(home.give(0).is_none(), "the other part may not leave");
        home.take_back(task);
        assert_eq!(home.take(task), NextPart::Run(0));
        let late = |output| Answer {
            address: given.address,
            output,
        };
        home.answered(late(Some(99)));
        home.answered(late(None));
        home.finish(task, 0, 10);
        assert_eq!(home.take(task), NextPart::Run(1));
        home.finish(task, 1, 11);
        assert_eq!(home.join(task), [10, 11]);
        home.answered(late(Some(99)));
        assert!(!home.has_waiting(task));
    }
}
