//! One run: the dataflow that every worker builds, under supervision.
//!
//! ```text
//! tasks (pulls) -> run -> collect (commits) -> reports --exchange--> process 0
//! stop --broadcast--> all workers
//! ```

use std::cell::Cell;
use std::error::Error;
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
    Alarm, EndWorker, Failure, Stop, catch_task_panic, failure_of, install_panic_hook,
    register_alarm,
};
use crate::work::{Collector, TaskContext, Work};

/// Longest sleep of an idle worker, so that it sees a stop or an alarm in time.
const PARK: Duration = Duration::from_millis(20);

/// How long a worker may take to leave its task after another worker failed. Then the run ends
/// without it.
const GRACE: Duration = Duration::from_secs(2);

/// Where the tasks of a run are run.
#[derive(Debug)]
pub struct Executor {
    /// Worker threads in this process; at least 1.
    pub workers: usize,
    /// The other processes; `None` for a run on this machine alone.
    pub peers: Option<Peers>,
    /// Names and values that must be equal in all processes, such as the digest of the tasks. They
    /// are compared before the first task.
    pub agreed: Vec<(&'static str, String)>,
    /// For tests: whether threads of one process serialise what they exchange, as separate
    /// processes must.
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

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Every task ran and its output was committed.
    All,
    /// [`Stop`] was set. Outputs of the tasks that ran before are committed.
    Stopped,
}

/// Runs all tasks of `queue` and commits their outputs. In a cluster every process calls this with
/// the tasks that [`assign`](crate::assign) gives it.
///
/// # Errors Another process cannot be reached, does not match this one or was lost; a worker
/// panicked outside of a task; a commit failed. What was committed before stays.
pub fn run<W: Work>(
    executor: Executor,
    queue: TaskQueue<W::Task>,
    work: Arc<W>,
    stop: &Stop,
) -> Result<Finished, DataflowError> {
    install_panic_hook();
    let alarm = Arc::new(Alarm::default());
    let workers_here = executor.workers;
    let (builders, communication) = executor.connect_workers(&alarm)?;
    let worker = {
        let (alarm, stop) = (Arc::clone(&alarm), stop.clone());
        move |worker: &mut Worker| run_worker(worker, &queue, &work, &alarm, &stop, workers_here)
    };
    let guards =
        timely::execute::execute_from(builders, communication, WorkerConfig::default(), worker)
            .map_err(|reason| DataflowError::Start(reason.into()))?;
    join(guards, &alarm)?;
    match alarm.take_error() {
        Some(error) => Err(error),
        None if stop.is_set() => Ok(Finished::Stopped),
        None => Ok(Finished::All),
    }
}

type Communication = Box<dyn std::any::Any + Send>;

impl Executor {
    fn connect_workers(
        mut self,
        alarm: &Arc<Alarm>,
    ) -> Result<(Vec<AllocatorBuilder>, Communication), DataflowError> {
        let hooks = Hooks::default();
        let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
        let local = if self.serialise {
            ProcessBuilder::new_bytes_vector(self.workers, refill, spill)
        } else {
            ProcessBuilder::new_typed_vector(self.workers, refill, spill)
        };
        let Some(mut peers) = self.peers.take() else {
            let builders = local.into_iter().map(AllocatorBuilder::Process).collect();
            return Ok((builders, Box::new(())));
        };
        peers.agree(&self.agreed)?;
        register_alarm(alarm);
        let process = peers.process();
        let sockets = peers.into_sockets();
        initialize_networking_from_sockets(local, sockets, process, self.workers, hooks)
            .map(|(builders, guard)| {
                let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
                (builders, Box::new(guard) as Communication)
            })
            .map_err(|error| DataflowError::Start(error.into()))
    }
}

/// Waits for the workers. After an alarm it waits only for [`GRACE`], so that a long task does not
/// keep a failed run alive.
fn join(
    guards: timely::communication::WorkerGuards<()>,
    alarm: &Alarm,
) -> Result<(), DataflowError> {
    let (done, is_done) = mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name("cntflow:join".to_owned())
        .spawn(move || {
            // After a communication panic the guards panic on drop. The alarm has the cause.
            let _ = catch_unwind(AssertUnwindSafe(|| guards.join()));
            let _ = done.send(());
        });
    spawned.map_err(|error| DataflowError::Start(error.into()))?;
    let mut raised_at: Option<Instant> = None;
    while is_done.recv_timeout(PARK) == Err(mpsc::RecvTimeoutError::Timeout) {
        if alarm.is_raised() && raised_at.get_or_insert_with(Instant::now).elapsed() > GRACE {
            break;
        }
    }
    Ok(())
}

/// Runs one worker from start to end. After a failure it does not return but panics again. If it
/// returned, timely would tell the other processes that this worker has finished cleanly, and they
/// would wait for ever.
fn run_worker<W: Work>(
    worker: &mut Worker,
    queue: &TaskQueue<W::Task>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
    workers_here: usize,
) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let probes = build_dataflow(worker, queue, work, alarm, stop, workers_here);
        while !probes.iter().all(ProbeHandle::done) && !alarm.is_raised() {
            worker.step_or_park(Some(PARK));
        }
    }));
    if let Err(payload) = outcome {
        alarm.raise(worker.index(), failure_of(payload));
    }
    if alarm.is_raised() {
        stop.set();
        resume_unwind(Box::new("a worker failed"));
    }
}

/// Builds the dataflow: the same operators in the same order on every worker, as timely requires.
fn build_dataflow<W: Work>(
    worker: &mut Worker,
    queue: &TaskQueue<W::Task>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
    workers_here: usize,
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
        let outputs = run_tasks(
            tasks,
            queue.clone(),
            Arc::clone(work),
            in_flight,
            stop.clone(),
        );
        let reports = collect_outputs(scope, outputs, Arc::clone(work), workers_here);
        let work = Arc::clone(work);
        let (reports_probe, _) = reports
            .exchange(|_| 0)
            .inspect(move |report| work.reported(report.clone()))
            .probe();
        let stop_probe = broadcast_stop(scope, reports_probe.clone(), stop.clone());
        [reports_probe, stop_probe]
    })
}

/// Stops all workers of the cluster when one of them is stopped. Otherwise an interrupted process
/// would wait until the others have run all their tasks. The operator ends when all tasks are done.
fn broadcast_stop(
    scope: Scope<'_, u64>,
    finished: ProbeHandle<u64>,
    stop: Stop,
) -> ProbeHandle<u64> {
    let remote_stop = stop.clone();
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
    stops
        .broadcast()
        .inspect(move |_| remote_stop.set())
        .probe()
        .0
}

/// The source: pulls a task when its worker has none.
///
/// The source waits while `in_flight` is not 0. Timely's usual way would be a probe, but a probe
/// shows the frontier of all workers: every worker would wait for the slowest task of all.
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

/// Runs tasks on the worker that pulled them. A panic becomes an output.
fn run_tasks<'scope, W: Work>(
    tasks: StreamVec<'scope, u64, W::Task>,
    queue: TaskQueue<W::Task>,
    work: Arc<W>,
    in_flight: Rc<Cell<usize>>,
    stop: Stop,
) -> StreamVec<'scope, u64, W::Output> {
    tasks.unary::<CapacityContainerBuilder<Vec<W::Output>>, _, _, _>(
        Pipeline,
        "Run",
        move |_, _| {
            move |input, output| {
                input.for_each_stamp(|capability, batches| {
                    let mut session = output.session(&capability);
                    for task in batches.flat_map(|batch| batch.drain(..)) {
                        let context = TaskContext::new(&queue, &stop);
                        let outcome = catch_task_panic(|| work.run(&task, &context));
                        let output = outcome.unwrap_or_else(|panic| {
                            Some(work.panicked(&task, &panic.to_string(), &context))
                        });
                        // The task is finished only after `run` or `panicked` has returned: until
                        // then it may still add tasks, and the queue must not look exhausted.
                        queue.finish_task();
                        in_flight.set(0);
                        if let Some(output) = output {
                            session.give(output);
                        }
                    }
                });
            }
        },
    )
}

/// Collects outputs into batches and commits them when large, when due, and at the end.
///
/// Reports of other processes are delivered by worker 0, which may be busy with a long task.
/// Workers of process 0 therefore call [`Work::reported`] themselves, at once.
fn collect_outputs<'scope, W: Work>(
    scope: Scope<'scope, u64>,
    outputs: StreamVec<'scope, u64, W::Output>,
    work: Arc<W>,
    workers_here: usize,
) -> StreamVec<'scope, u64, W::Report> {
    let in_process_0 = scope.index() < workers_here;
    let mut collector = work.collector(scope.index());
    type Builder<R> = CapacityContainerBuilder<Vec<R>>;
    outputs.unary_frontier::<Builder<W::Report>, _, _, _>(
        Pipeline,
        "Collect",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut woken_at = None;
            // Held until the last commit, so that no process ends the run while another still
            // writes.
            let mut until_committed = Some(capability);
            move |(input, frontier), output| {
                input.for_each_stamp(|capability, batches| {
                    let mut session = output.session(&capability);
                    for output in batches.flat_map(|batch| batch.drain(..)) {
                        let report = or_end_worker(collector.add(output));
                        if in_process_0 {
                            work.reported(report);
                        } else {
                            session.give(report);
                        }
                    }
                });
                let now = Instant::now();
                match collector.due() {
                    Some(due) if due <= now || frontier.is_empty() => {
                        or_end_worker(collector.commit())
                    }
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

/// Unwinds the worker with a collector's error: what cannot be committed must not look done.
fn or_end_worker<R, E: Into<Box<dyn Error + Send + Sync>>>(outcome: Result<R, E>) -> R {
    outcome
        .unwrap_or_else(|error| resume_unwind(Box::new(EndWorker(Failure::Commit(error.into())))))
}
