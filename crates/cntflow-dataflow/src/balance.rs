//! Work by demand: a process with little left asks the others, and gets some of what waits there.
//!
//! ```text
//!      .-> balance (the queue of a process) --.-> collect
//!      '------------- messages <--------------'
//! ```
//!
//! No process needs to know when all work is done. A process holds a capability of the loop while
//! its queue has tasks that wait or run, and a task on its way is a message. When there is neither,
//! timely sees that nothing can come any more, and the frontier behind the loop is empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Capability, ConnectLoop, Feedback, Operator};
use timely::dataflow::{Scope, StreamVec};

use crate::parts::{Answer, GivenPart};
use crate::queue::{Stock, TaskQueue};
use crate::supervise::{Alarm, Stop};
use crate::work::Work;

/// What one process tells another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message<T, A> {
    from: usize,
    to: usize,
    content: Content<T, A>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Content<T, A> {
    /// The sender needs tasks.
    Demand(Demand),
    /// Tasks that now belong to the receiver.
    Tasks(Vec<T>),
    /// A part of a task of the sender.
    Part(GivenPart<T>),
    /// What a part of a task of the receiver has yielded.
    Answer(Answer<A>),
}

/// The message of a run.
pub(crate) type MessageOf<W> = Message<<W as Work>::Task, <W as Work>::Answer>;

/// How urgently a process needs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Demand {
    n_waiting: usize,
    has_idle_workers: bool,
}

/// Balances the queues of all processes. The stream is of no interest, but its frontier is: it is
/// empty when no process has tasks, and none is on its way.
pub(crate) fn balance<'scope, W: Work>(
    scope: Scope<'scope, u64>,
    queue: &TaskQueue<W::Task, W::Answer>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
) -> StreamVec<'scope, u64, MessageOf<W>> {
    let (handle, messages) = scope.feedback::<Vec<MessageOf<W>>>(1);
    let mut ends = Ends::new(scope.index(), scope.peers(), queue.clone());
    let (work, alarm, stop) = (Arc::clone(work), Arc::clone(alarm), stop.clone());
    let pact = Exchange::new(|message: &MessageOf<W>| message.to as u64);
    type Builder<W> = CapacityContainerBuilder<Vec<MessageOf<W>>>;
    let sent =
        messages.unary_frontier::<Builder<W>, _, _, _>(pact, "Balance", move |capability, info| {
            let activator = scope.worker().sync_activator_for(info.address.to_vec());
            ends.queue.bell().add(activator);
            let mut held = Some(capability);
            move |(input, _), output| {
                ends.queue.bell().hear();
                input.for_each_stamp(|capability, batches| {
                    // Before anything else: a worker may end a task that has just come before the
                    // queue is looked at, and more could not be asked for without a capability.
                    if held.is_none() {
                        held = capability.retain_least(output.output_index());
                    }
                    for message in batches.flat_map(|batch| batch.drain(..)) {
                        if let Content::Tasks(tasks) = &message.content {
                            work.received(tasks);
                        }
                        ends.receive(message);
                    }
                });
                let Some(now) = held.as_ref() else {
                    return;
                };
                if stop.is_set() || alarm.is_raised() {
                    ends.queue.close();
                    send(output, now, ends.answers());
                } else {
                    let messages = ends.messages();
                    for message in &messages {
                        if let Content::Tasks(tasks) = &message.content {
                            work.given(tasks);
                        }
                    }
                    send(output, now, messages);
                }
                if !ends.queue.is_active() {
                    held = None;
                }
            }
        });
    sent.clone().connect_loop(handle);
    sent
}

type Output<'a, M> = timely::dataflow::operators::generic::OutputBuilderSession<
    'a,
    u64,
    CapacityContainerBuilder<Vec<M>>,
>;

fn send<M: Clone + 'static>(output: &mut Output<'_, M>, at: &Capability<u64>, messages: Vec<M>) {
    if !messages.is_empty() {
        output.session(at).give_iterator(messages.into_iter());
    }
}

/// One process' view of the others.
struct Ends<T, A> {
    here: usize,
    n_processes: usize,
    queue: TaskQueue<T, A>,
    /// What others have asked this process for and have not got.
    demands: BTreeMap<usize, Demand>,
    /// What this process has asked others for and has not got.
    asked: BTreeMap<usize, Demand>,
}

impl<T: Clone, A> Ends<T, A> {
    fn new(here: usize, n_processes: usize, queue: TaskQueue<T, A>) -> Self {
        Self {
            here,
            n_processes,
            queue,
            demands: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    fn receive(&mut self, message: Message<T, A>) {
        match message.content {
            Content::Demand(demand) => {
                self.demands.insert(message.from, demand);
            }
            Content::Tasks(tasks) => {
                self.asked.remove(&message.from);
                self.queue.push_back(tasks);
            }
            Content::Part(part) => {
                self.asked.remove(&message.from);
                self.queue.receive_part(part);
            }
            Content::Answer(answer) => self.queue.answered(answer),
        }
    }

    /// What the parts of others have yielded here.
    fn answers(&self) -> Vec<Message<T, A>> {
        let answers = self.queue.take_answers().into_iter();
        let to_home =
            |answer: Answer<A>| self.message(answer.address.process, Content::Answer(answer));
        answers.map(to_home).collect()
    }

    /// Tasks, or a part of one, for a process that needs them more than this one.
    fn gift(&self, demand: Demand) -> Option<Content<T, A>> {
        if can_give(self.queue.stock(), demand) {
            let tasks = self.queue.give(self.n_processes);
            if !tasks.is_empty() {
                return Some(Content::Tasks(tasks));
            }
        }
        let part = demand
            .has_idle_workers
            .then(|| self.queue.give_part(self.here));
        part.flatten().map(Content::Part)
    }

    /// What is to be sent now: answers, tasks for those that need them more than this process, and
    /// our own demand.
    fn messages(&mut self) -> Vec<Message<T, A>> {
        let mut messages = self.answers();
        let demands: Vec<(usize, Demand)> = self.demands.iter().map(|(&to, &d)| (to, d)).collect();
        for (to, demand) in demands {
            if let Some(gift) = self.gift(demand) {
                self.demands.remove(&to);
                messages.push(self.message(to, gift));
            }
        }
        let stock = self.queue.stock();
        if self.n_processes > 1 && stock.is_low {
            let demand = Demand {
                n_waiting: stock.n_waiting,
                has_idle_workers: stock.n_idle > stock.n_waiting,
            };
            for to in (0..self.n_processes).filter(|&to| to != self.here) {
                let told = self.asked.get(&to);
                if told.is_none_or(|told| demand.is_more_urgent(*told)) {
                    self.asked.insert(to, demand);
                    messages.push(self.message(to, Content::Demand(demand)));
                }
            }
        }
        messages
    }

    fn message(&self, to: usize, content: Content<T, A>) -> Message<T, A> {
        Message {
            from: self.here,
            to,
            content,
        }
    }
}

impl Demand {
    /// Whether it is worth another message after `told`.
    fn is_more_urgent(self, told: Self) -> bool {
        (self.has_idle_workers && !told.has_idle_workers) || self.n_waiting < told.n_waiting / 2
    }
}

/// Whether a process should give some of its tasks. One that gives must have twice as many as the
/// other, or tasks would travel to and fro between two processes that are both low. Only an idle
/// worker elsewhere is reason enough to give a task that no worker here is waiting for.
fn can_give(stock: Stock, demand: Demand) -> bool {
    let needs_it_more = demand.has_idle_workers && stock.n_waiting > stock.n_idle;
    needs_it_more || stock.n_waiting >= 2 * (demand.n_waiting + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs two processes without workers until nothing is sent any more.
    fn settle(sizes: [usize; 2], n_workers: usize) -> [usize; 2] {
        let mut ends = [0, 1].map(|here| {
            let first = if here == 0 { 0 } else { sizes[0] };
            let queue: TaskQueue<usize> = TaskQueue::new(first..first + sizes[here], n_workers);
            Ends::new(here, 2, queue)
        });
        for _ in 0..100 {
            let messages: Vec<_> = ends.iter_mut().flat_map(Ends::messages).collect();
            if messages.is_empty() {
                return ends.map(|end| end.queue.stock().n_waiting);
            }
            for message in messages {
                ends[message.to].receive(message);
            }
        }
        panic!("tasks travel to and fro: {sizes:?}, {n_workers} workers");
    }

    #[test]
    fn tasks_never_travel_to_and_fro() {
        for n_workers in [1, 2, 7, 64] {
            for sizes in [
                [0, 0],
                [1, 0],
                [5, 0],
                [50, 50],
                [50, 20],
                [1000, 0],
                [3, 4],
            ] {
                let settled = settle(sizes, n_workers);
                assert_eq!(settled[0] + settled[1], sizes[0] + sizes[1]);
            }
        }
    }

    #[test]
    fn a_process_without_tasks_gets_some() {
        let [first, second] = settle([1000, 0], 2);
        assert!(second >= 250 && first > second, "{first} {second}");
    }
}
