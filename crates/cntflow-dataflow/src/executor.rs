//! One run: the dataflow that every process builds, under supervision.
//!
//! ```text
//! first tasks -> queue <-> balance (other processes)
//!                  |
//!               workers (run, commit) -> collect -> reports --exchange--> process 0
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use timely::WorkerConfig;
use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Exchange, Inspect, Operator, Probe};
use timely::dataflow::{ProbeHandle, Scope, StreamVec};
use timely::worker::Worker;

use crate::balance::{MessageOf, balance};
use crate::cluster::Peers;
use crate::error::DataflowError;
use crate::queue::TaskQueue;
use crate::supervise::{
    Alarm, JOIN_THREAD, PARK, Stop, failure_of, install_panic_hook, register_alarm,
};
use crate::work::Work;
use crate::workers::{ProcessState, Workers};

/// How long the workers may take to leave their tasks after one has failed. Then the run ends
/// without them.
const GRACE: Duration = Duration::from_secs(2);

/// Where the tasks of a run are run.
#[derive(Debug)]
pub struct Executor {
    /// Worker threads in this process; at least 1.
    pub workers: usize,
    /// The other processes; `None` for a run on this machine alone.
    pub peers: Option<Arc<Peers>>,
    /// For tests: how many processes are simulated by threads of this one, each with `workers`
    /// workers. They serialise what they exchange, as separate processes must.
    pub simulated_processes: usize,
    /// No task is late before this time, see [`Work::is_late`]; default is a minute.
    pub patience: Duration,
}

impl Executor {
    /// An executor of `workers` threads in this process.
    pub fn threads(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            peers: None,
            simulated_processes: 1,
            patience: Duration::from_secs(60),
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

/// Runs tasks and commits their outputs.
///
/// The tasks begin in the order given, and are made as they are needed: give the costliest first,
/// so that none is left over at the end. In a cluster every process calls this. Any of them may
/// give tasks: a process with little to do asks the others for some.
///
/// # Errors
/// Another process failed or was lost; a worker panicked outside of a task; a commit failed. What
/// was committed before stays.
pub fn run<W: Work>(
    executor: Executor,
    tasks: impl IntoIterator<Item = W::Task, IntoIter: Send + 'static>,
    work: &Arc<W>,
    stop: &Stop,
) -> Result<Finished, DataflowError> {
    install_panic_hook();
    let alarm = Arc::new(Alarm::default());
    let peers = executor.peers.clone();
    if let Some(peers) = &peers {
        // However long some of them take to prepare: they are alive.
        if is_stopped_anywhere(peers, "start", stop)? {
            return Ok(Finished::Stopped);
        }
    }
    let tasks: Tasks<W> = Box::new(tasks.into_iter());
    let outcome = run_dataflow(executor, tasks, work, &alarm, stop);
    let outcome = outcome.and_then(|()| alarm.take_error().map_or(Ok(()), Err));
    let Some(peers) = peers else {
        return outcome.map(|()| finished(stop.is_set()));
    };
    peers.close_run();
    match outcome {
        // A process may have been stopped when the others had nothing left: all must end alike.
        Ok(()) => is_stopped_anywhere(&peers, "end", stop).map(finished),
        Err(DataflowError::PeerLost { process: None, .. }) => Err(peers.cause_of_loss()),
        Err(error) => Err(error),
    }
}

fn finished(is_stopped: bool) -> Finished {
    if is_stopped {
        Finished::Stopped
    } else {
        Finished::All
    }
}

/// Meets all processes at the start or the end of a run, and tells whether any of them was stopped.
fn is_stopped_anywhere(peers: &Peers, name: &str, stop: &Stop) -> Result<bool, DataflowError> {
    let is_set = stop.is_set();
    let met = peers.meet(&format!("the {name} of a run"), vec![is_set.to_string()])?;
    Ok(met.iter().flatten().any(|is_set| is_set == "true"))
}

/// Makes tasks.
type Tasks<W> = Box<dyn Iterator<Item = <W as Work>::Task> + Send>;

fn run_dataflow<W: Work>(
    executor: Executor,
    tasks: Tasks<W>,
    work: &Arc<W>,
    alarm: &Arc<Alarm>,
    stop: &Stop,
) -> Result<(), DataflowError> {
    let n_workers = executor.workers.max(1);
    let n_parts = executor.simulated_processes.max(1);
    let process = Arc::new(ProcessState::new(executor.patience));
    let (builders, communication) = executor.connect(alarm)?;
    let _watching = start_watch(&process, work)?;
    let first_tasks = Mutex::new(Some(tasks));
    let build_part = {
        let (alarm, stop) = (Arc::clone(alarm), stop.clone());
        let (process, work) = (Arc::clone(&process), Arc::clone(work));
        move |worker: &mut Worker| {
            let mut first_tasks = first_tasks.lock().unwrap_or_else(PoisonError::into_inner);
            let tasks = first_tasks.take();
            drop(first_tasks);
            let part = Part {
                first_worker: worker.index() % n_parts * n_workers,
                n_workers,
                process: &process,
                work: &work,
                alarm: &alarm,
                stop: &stop,
            };
            part.run(
                worker,
                tasks.unwrap_or_else(|| Box::new(std::iter::empty())),
            );
        }
    };
    let config = WorkerConfig::default();
    let guards = timely::execute::execute_from(builders, communication, config, build_part)
        .map_err(|reason| DataflowError::Start(reason.into()))?;
    join(guards, alarm, &process.n_alive)?;
    if !alarm.is_raised() {
        let times = process.times.lock().unwrap_or_else(PoisonError::into_inner);
        work.ended(&times.values().copied().collect::<Vec<_>>());
    }
    Ok(())
}

/// Watches the workers until the value is dropped.
fn start_watch<W: Work>(
    process: &Arc<ProcessState<W::Task>>,
    work: &Arc<W>,
) -> Result<mpsc::Sender<()>, DataflowError> {
    let (watching, ended) = mpsc::channel();
    let (process, work) = (Arc::clone(process), Arc::clone(work));
    std::thread::Builder::new()
        .name("cntflow:watch".to_owned())
        .spawn(move || process.watch.run(&*work, &ended))
        .map_err(|error| DataflowError::Start(error.into()))?;
    Ok(watching)
}

type Communication = Box<dyn std::any::Any + Send>;

impl Executor {
    fn connect(
        self,
        alarm: &Arc<Alarm>,
    ) -> Result<(Vec<AllocatorBuilder>, Communication), DataflowError> {
        let hooks = Hooks::default();
        let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
        let n_here = self.simulated_processes.max(1);
        let local = if n_here > 1 {
            ProcessBuilder::new_bytes_vector(n_here, refill, spill)
        } else {
            ProcessBuilder::new_typed_vector(n_here, refill, spill)
        };
        let Some(peers) = self.peers else {
            let builders = local.into_iter().map(AllocatorBuilder::Process).collect();
            return Ok((builders, Box::new(())));
        };
        register_alarm(alarm);
        let sockets = peers.open_sockets(alarm)?;
        initialize_networking_from_sockets(local, sockets, peers.process(), n_here, hooks)
            .map(|(builders, guard)| {
                let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
                (builders, Box::new(guard) as Communication)
            })
            .map_err(|error| DataflowError::Start(error.into()))
    }
}

/// Waits for the dataflow and its workers. After an alarm it waits only for [`GRACE`], so that a
/// long task does not keep a failed run alive.
fn join(
    guards: timely::communication::WorkerGuards<()>,
    alarm: &Alarm,
    n_alive: &AtomicUsize,
) -> Result<(), DataflowError> {
    let (done, is_done) = mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name(JOIN_THREAD.to_owned())
        .spawn(move || {
            // After a communication panic the guards panic on drop. The alarm has the cause.
            let _ = catch_unwind(AssertUnwindSafe(|| guards.join()));
            let _ = done.send(());
        });
    spawned.map_err(|error| DataflowError::Start(error.into()))?;
    let mut raised_at: Option<Instant> = None;
    let mut has_joined = false;
    while !has_joined || n_alive.load(Ordering::SeqCst) > 0 {
        let waited = is_done.recv_timeout(PARK);
        if has_joined {
            std::thread::sleep(PARK);
        }
        has_joined |= waited != Err(mpsc::RecvTimeoutError::Timeout);
        if alarm.is_raised() && raised_at.get_or_insert_with(Instant::now).elapsed() > GRACE {
            break;
        }
    }
    Ok(())
}

/// The part of one process in a run.
struct Part<'a, W: Work> {
    /// Index of its first worker.
    first_worker: usize,
    n_workers: usize,
    process: &'a Arc<ProcessState<W::Task>>,
    work: &'a Arc<W>,
    alarm: &'a Arc<Alarm>,
    stop: &'a Stop,
}

impl<W: Work> Part<'_, W> {
    /// Runs from start to end. After a failure it does not return but panics again. If it returned,
    /// timely would tell the other processes that this one has finished cleanly, and they would
    /// wait for ever.
    fn run(&self, worker: &mut Worker, tasks: Tasks<W>) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let probe = self.build_dataflow(worker, tasks);
            while !probe.done() && !self.alarm.is_raised() {
                worker.step_or_park(Some(PARK));
            }
        }));
        if let Err(payload) = outcome {
            self.alarm.raise(self.first_worker, failure_of(&*payload));
        }
        if self.alarm.is_raised() {
            resume_unwind(Box::new("a worker failed"));
        }
    }

    /// Builds the dataflow: the same operators in the same order in every process, as timely
    /// requires.
    fn build_dataflow(&self, worker: &mut Worker, tasks: Tasks<W>) -> ProbeHandle<u64> {
        let (work, alarm, stop) = (self.work, self.alarm, self.stop);
        let queue = TaskQueue::new(tasks, self.n_workers);
        let workers = Workers::start(
            self.n_workers,
            self.first_worker,
            self.process,
            &queue,
            work,
            alarm,
            stop,
        );
        let workers = match workers {
            Ok(workers) => workers,
            Err(error) => panic!("cannot start the workers: {error}"),
        };
        worker.dataflow::<u64, _, _>(|scope| {
            let moves = balance(scope, &queue, work, alarm, stop);
            let reports = collect(scope, moves, workers, &queue);
            let work = Arc::clone(work);
            reports
                .exchange(|_| 0)
                .inspect(move |report| work.reported(report.clone()))
                .probe()
                .0
        })
    }
}

/// Passes on the reports of the workers, every [`PARK`]: to be woken after each task would cost a
/// worker a good part of the time of a small one. When no process has tasks any more, the workers
/// commit what they have; the stream ends when they are done, so that no process ends the run while
/// another still writes.
fn collect<'scope, W: Work>(
    scope: Scope<'scope, u64>,
    moves: StreamVec<'scope, u64, MessageOf<W>>,
    workers: Workers<W>,
    queue: &TaskQueue<W::Task, W::Answer>,
) -> StreamVec<'scope, u64, W::Report> {
    let bell = queue.bell().clone();
    type Builder<R> = CapacityContainerBuilder<Vec<R>>;
    moves.unary_frontier::<Builder<W::Report>, _, _, _>(
        Pipeline,
        "Collect",
        move |capability, info| {
            bell.add(scope.worker().sync_activator_for(info.address.to_vec()));
            let again = scope.activator_for(info.address);
            let mut next = Instant::now();
            let mut until_committed = Some(capability);
            move |(input, frontier), output| {
                bell.hear();
                input.for_each_stamp(|_, batches| batches.for_each(Vec::clear));
                let Some(capability) = until_committed.as_ref() else {
                    return;
                };
                let now = Instant::now();
                if next <= now {
                    next = now + PARK;
                    again.activate_after(PARK);
                }
                if frontier.is_empty() {
                    workers.end();
                }
                // Looked at first: a worker reports before it ends.
                let have_ended = workers.have_ended();
                output
                    .session(capability)
                    .give_iterator(workers.take_reports());
                if have_ended {
                    until_committed = None;
                }
            }
        },
    )
}
