//! One run: the dataflow that every worker builds, under supervision.
//!
//! ```text
//! tasks (pulls) -> perform -> gather (commits) -> reports --exchange--> process 0
//! stop --broadcast--> all workers
//! ```

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use timely::WorkerConfig;
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Exchange, Inspect, Operator, Probe};
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::worker::Worker;

use crate::cluster::Peers;
use crate::error::DataflowError;
use crate::queue::{Pull, TaskQueue};
use crate::supervise::{
    Alarm, Fatal, PEER, Stop, contained, install_panic_hook, message, watch_communication,
};
use crate::work::{Cue, Gather, Work};

/// Longest sleep of a worker with nothing to do, so that it sees a stop or an alarm in time.
const PARK: Duration = Duration::from_millis(20);

/// How long a worker may take to leave the task in hand after another one failed, before the run is given up without it.
const GRACE: Duration = Duration::from_secs(2);

/// Where a run's tasks are performed.
#[derive(Debug)]
pub struct Executor {
    /// Worker threads in this process; at least 1.
    pub workers: usize,
    /// The other processes; `None` for a run on this machine alone.
    pub peers: Option<Peers>,
    /// What all processes must have planned alike: name and value of each part.
    pub agreed: Vec<(&'static str, String)>,
    /// Serialise between the threads of one process as between processes (for tests of what crosses a wire).
    pub serialise: bool,
}

impl Executor {
    /// An executor of `workers` threads in this process.
    pub fn threads(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            peers: None,
            agreed: Vec::new(),
            serialise: false,
        }
    }
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Every task was performed and committed.
    All,
    /// [`Stop`] was set: what was performed until then is committed.
    Stopped,
}

/// Performs all tasks of `queue` and commits what they yield. In a cluster every process calls this with its own share.
///
/// # Errors
/// The other processes cannot be reached or run something else; a worker panicked outside of a task, or a commit failed; another
/// process was lost. What was committed until then stays.
pub fn run<W: Work>(
    executor: Executor,
    queue: TaskQueue<W::Task>,
    work: Arc<W>,
    stop: &Stop,
) -> Result<Finished, DataflowError> {
    install_panic_hook();
    let alarm = Arc::new(Alarm::default());
    let n_local = executor.workers;
    let (builders, communication) = executor.build(&alarm)?;
    let worker = {
        let (alarm, stop) = (Arc::clone(&alarm), stop.clone());
        move |worker: &mut Worker| supervised(worker, &queue, &work, &alarm, &stop, n_local)
    };
    let guards =
        timely::execute::execute_from(builders, communication, WorkerConfig::default(), worker)
            .map_err(DataflowError::Start)?;
    join(guards, &alarm)?;
    match alarm.first() {
        Some((PEER, _)) => Err(DataflowError::PeerLost),
        Some((worker, message)) => Err(DataflowError::Worker { worker, message }),
        None if stop.is_set() => Ok(Finished::Stopped),
        None => Ok(Finished::All),
    }
}

type Communication = Box<dyn std::any::Any + Send>;

impl Executor {
    fn build(
        mut self,
        alarm: &Arc<Alarm>,
    ) -> Result<(Vec<AllocatorBuilder>, Communication), DataflowError> {
        let hooks = Hooks::default();
        let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
        let local = match self.serialise {
            true => ProcessBuilder::new_bytes_vector(self.workers, refill, spill),
            false => ProcessBuilder::new_typed_vector(self.workers, refill, spill),
        };
        let Some(mut peers) = self.peers.take() else {
            let builders = local.into_iter().map(AllocatorBuilder::Process).collect();
            return Ok((builders, Box::new(())));
        };
        peers.agree(&self.agreed)?;
        watch_communication(alarm);
        let process = peers.process();
        let sockets = peers.into_sockets();
        initialize_networking_from_sockets(local, sockets, process, self.workers, hooks)
            .map(|(builders, guard)| {
                let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
                (builders, Box::new(guard) as Communication)
            })
            .map_err(|error| DataflowError::Start(error.to_string()))
    }
}

/// Waits for the workers; after an alarm only so long that a worker may leave the task in hand.
fn join(
    guards: timely::communication::WorkerGuards<()>,
    alarm: &Alarm,
) -> Result<(), DataflowError> {
    let (done, is_done) = mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name("cntflow:join".to_owned())
        .spawn(move || {
            // Guards of a cluster panic on drop after a communication panic; the alarm has the cause.
            let _ = catch_unwind(AssertUnwindSafe(|| guards.join()));
            let _ = done.send(());
        });
    spawned.map_err(|error| DataflowError::Start(error.to_string()))?;
    let mut raised_at: Option<Instant> = None;
    while is_done.recv_timeout(PARK) == Err(mpsc::RecvTimeoutError::Timeout) {
        if alarm.is_raised() && raised_at.get_or_insert_with(Instant::now).elapsed() > GRACE {
            break;
        }
    }
    Ok(())
}

/// A worker's life. After a failure it goes on unwinding: a clean exit would tell the peers that all is well, and they would
/// wait for ever.
fn supervised<W: Work>(
    worker: &mut Worker,
    queue: &TaskQueue<W::Task>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
    n_local: usize,
) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let probes = build(worker, queue, work, alarm, stop, n_local);
        while !probes.iter().all(ProbeHandle::done) && !alarm.is_raised() {
            worker.step_or_park(Some(PARK));
        }
    }));
    if let Err(payload) = outcome {
        let text = message(&*payload);
        let follows = text.contains("MergeQueue poisoned");
        alarm.raise(if follows { PEER } else { worker.index() }, text);
        stop.set();
        resume_unwind(payload);
    }
    if alarm.is_raised() {
        stop.set();
        resume_unwind(Box::new(Fatal("another worker failed".to_owned())));
    }
}

/// Builds the dataflow; the same operators in the same order on every worker.
fn build<W: Work>(
    worker: &mut Worker,
    queue: &TaskQueue<W::Task>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
    n_local: usize,
) -> [ProbeHandle<u64>; 2] {
    worker.dataflow::<u64, _, _>(|scope| {
        let in_flight = Rc::new(Cell::new(0usize));
        let tasks = pull_tasks(
            scope,
            queue.clone(),
            Rc::clone(&in_flight),
            Arc::clone(alarm),
            stop.clone(),
        );
        let outputs = perform_tasks(
            tasks,
            queue.clone(),
            Arc::clone(work),
            in_flight,
            stop.clone(),
        );
        let reports = gather_outputs(scope, outputs, Arc::clone(work), n_local);
        let told = Arc::clone(work);
        let (probe, _) = reports
            .exchange(|_| 0)
            .inspect(move |report| told.reported(report.clone()))
            .probe();
        let told = spread_stop(scope, probe.clone(), stop.clone());
        [probe, told]
    })
}

/// Tells all workers of the cluster when one of them is to stop: otherwise the process that was interrupted would wait for the others to
/// do all they have. Ends with the tasks.
fn spread_stop(scope: Scope<'_, u64>, finished: ProbeHandle<u64>, stop: Stop) -> ProbeHandle<u64> {
    let told = stop.clone();
    let stops =
        source::<_, CapacityContainerBuilder<Vec<u8>>, _, _>(scope, "Stop", |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability = Some(capability);
            move |output| {
                let Some(now) = capability.as_ref() else {
                    return;
                };
                if stop.is_set() {
                    output.session(now).give(0);
                    capability = None;
                } else if finished.done() {
                    capability = None;
                } else {
                    activator.activate_after(PARK);
                }
            }
        });
    stops.broadcast().inspect(move |_| told.set()).probe().0
}

/// The source: gives a task when the worker has none in hand.
///
/// It is held back by its own worker's count, not by a probe: a probe shows the frontier of all workers, and would hold every one
/// of them to the slowest task.
fn pull_tasks<'scope, T: Clone + 'static>(
    scope: Scope<'scope, u64>,
    queue: TaskQueue<T>,
    in_flight: Rc<Cell<usize>>,
    alarm: Arc<Alarm>,
    stop: Stop,
) -> StreamVec<'scope, u64, T> {
    source::<_, CapacityContainerBuilder<Vec<T>>, _, _>(scope, "Tasks", move |capability, info| {
        let activator = scope.activator_for(info.address);
        let mut capability = Some(capability);
        move |output| {
            let Some(now) = capability.as_ref() else {
                return;
            };
            if stop.is_set() || alarm.is_raised() {
                capability = None;
                return;
            }
            if in_flight.get() > 0 {
                activator.activate();
                return;
            }
            match queue.pull() {
                Pull::Task(task) => {
                    in_flight.set(1);
                    output.session(now).give(task);
                    activator.activate();
                }
                Pull::Wait => activator.activate_after(PARK / 4),
                Pull::Exhausted => capability = None,
            }
        }
    })
}

/// Performs tasks where they were pulled; a panic becomes an output.
fn perform_tasks<'scope, W: Work>(
    tasks: StreamVec<'scope, u64, W::Task>,
    queue: TaskQueue<W::Task>,
    work: Arc<W>,
    in_flight: Rc<Cell<usize>>,
    stop: Stop,
) -> StreamVec<'scope, u64, W::Output> {
    tasks.unary::<CapacityContainerBuilder<Vec<W::Output>>, _, _, _>(
        Pipeline,
        "Perform",
        move |_, _| {
            move |input, output| {
                input.for_each_stamp(|capability, batches| {
                    let mut session = output.session(&capability);
                    for task in batches.flat_map(|batch| batch.drain(..)) {
                        let cue = Cue::new(&queue, &stop);
                        let outcome = contained(|| work.perform(&task, &cue));
                        let outcome =
                            outcome.unwrap_or_else(|text| Some(work.panicked(&task, &text, &cue)));
                        queue.performed();
                        in_flight.set(0);
                        if let Some(yielded) = outcome {
                            session.give(yielded);
                        }
                    }
                });
            }
        },
    )
}

/// Gathers outputs into batches and commits them when large, when due, and at the end. Reports of process 0 are told on the spot: its
/// worker 0, to which those of the other processes go, may be busy with a long task.
fn gather_outputs<'scope, W: Work>(
    scope: Scope<'scope, u64>,
    outputs: StreamVec<'scope, u64, W::Output>,
    work: Arc<W>,
    n_local: usize,
) -> StreamVec<'scope, u64, W::Report> {
    let leads = scope.index() < n_local;
    let mut gather = work.gather(scope.index());
    type Builder<R> = CapacityContainerBuilder<Vec<R>>;
    outputs.unary_frontier::<Builder<W::Report>, _, _, _>(
        Pipeline,
        "Gather",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut woken_at = None;
            // Held until the last commit, so that no process takes the run for done while another still writes.
            let mut until_committed = Some(capability);
            move |(input, frontier), output| {
                input.for_each_stamp(|capability, batches| {
                    let mut session = output.session(&capability);
                    for yielded in batches.flat_map(|batch| batch.drain(..)) {
                        let report = or_end(gather.add(yielded));
                        if leads {
                            work.reported(report);
                        } else {
                            session.give(report);
                        }
                    }
                });
                let now = Instant::now();
                match gather.due() {
                    Some(due) if due <= now || frontier.is_empty() => or_end(gather.commit()),
                    Some(due) if woken_at != Some(due) => {
                        woken_at = Some(due);
                        activator.activate_after(due - now);
                    }
                    Some(_) | None => {}
                }
                if frontier.is_empty() {
                    drop(until_committed.take());
                }
            }
        },
    )
}

/// Ends the run with the error's text: what cannot be committed must not look done.
fn or_end<R>(outcome: Result<R, String>) -> R {
    outcome.unwrap_or_else(|text| resume_unwind(Box::new(Fatal(text))))
}
