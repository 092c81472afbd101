//! Panics and stops, which timely does not handle. If one worker panicked, all others would wait
//! for ever for its frontier; and timely's `join` loses the message of the panic.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crate::error::DataflowError;

/// Longest sleep of an idle worker, so that it sees a stop or an alarm in time.
pub(crate) const PARK: Duration = Duration::from_millis(20);

/// Name of the thread that waits for timely.
pub(crate) const JOIN_THREAD: &str = "cntflow:join";

/// Asks a run to end early. Running tasks may finish, or return early with nothing to keep; open
/// batches are committed. In a cluster it stops all processes.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    is_set: AtomicBool,
    /// The signal that asked for it; 0 without one.
    signal: AtomicI32,
}

impl Stop {
    /// Asks for the end. May be called from any thread, and more than once.
    pub fn set(&self) {
        self.set_by(None);
    }

    /// Asks for the end because of a signal. The first signal counts.
    pub fn set_by(&self, signal: Option<i32>) {
        if let Some(signal) = signal {
            let order = Ordering::SeqCst;
            // The first one stays.
            let _ = self.0.signal.compare_exchange(0, signal, order, order);
        }
        self.0.is_set.store(true, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// The signal that asked for the end, here or in another process of the cluster.
    pub fn signal(&self) -> Option<i32> {
        let signal = self.0.signal.load(Ordering::SeqCst);
        (signal != 0).then_some(signal)
    }
}

/// Why a worker failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It panicked outside of any task.
    Panic(String),
    /// Its collector returned an error.
    Commit(Box<dyn Error + Send + Sync>),
    /// Another process of the cluster was lost. No worker of this process failed.
    PeerLost,
}

/// The first failure of a run, and the flag by which every worker of the process learns of it.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    raised: AtomicBool,
    first: Mutex<Option<(usize, Failure)>>,
}

impl Alarm {
    /// Raises the alarm. Only the first failure is kept: the others follow from it.
    pub(crate) fn raise(&self, worker: usize, failure: Failure) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert((worker, failure));
        self.raised.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Takes the first failure as an error.
    pub(crate) fn take_error(&self) -> Option<DataflowError> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map(|(worker, failure)| match failure {
            Failure::Panic(message) => DataflowError::Panicked { worker, message },
            Failure::Commit(source) => DataflowError::Commit { worker, source },
            Failure::PeerLost => DataflowError::PeerLost {
                process: None,
                address: String::new(),
                how: "its connection broke".to_owned(),
            },
        })
    }
}

thread_local! {
    /// Whether this thread runs a task. Panics of tasks become outputs and need no report.
    static RUNS_TASK: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic of this thread happened (`file:line`), for the message of a
    /// [`TaskPanic`].
    static PANIC_LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Alarms of the cluster runs of this process, raised when a communication thread panics, which
/// happens when a peer is lost.
static CLUSTER_ALARMS: OnceLock<Mutex<Vec<Weak<Alarm>>>> = OnceLock::new();

/// A task panicked.
#[derive(Debug, thiserror::Error)]
#[error("panicked{location}: {message}")]
pub(crate) struct TaskPanic {
    /// ` at file:line`, or nothing when unknown.
    location: String,
    message: String,
}

/// Runs `task` and catches its panic.
pub(crate) fn catch_task_panic<R>(task: impl FnOnce() -> R) -> Result<R, TaskPanic> {
    let runs_task = RUNS_TASK.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(task));
    RUNS_TASK.set(runs_task);
    outcome.map_err(|payload| {
        // That of a part of the task, which was caught before.
        let payload = match payload.downcast::<TaskPanic>() {
            Ok(panic) => return *panic,
            Err(payload) => payload,
        };
        let location = PANIC_LOCATION.take();
        TaskPanic {
            location: location.map_or_else(String::new, |location| format!(" at {location}")),
            message: panic_message(&*payload),
        }
    })
}

/// The text of a panic's payload.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The failure that a worker's unwind payload stands for.
pub(crate) fn failure_of(payload: &(dyn Any + Send)) -> Failure {
    let message = panic_message(payload);
    if is_lost_peer(&message) {
        Failure::PeerLost
    } else {
        Failure::Panic(message)
    }
}

/// Whether this is the message with which timely panics after the connection to another process has
/// broken.
fn is_lost_peer(message: &str) -> bool {
    message.contains("MergeQueue poisoned")
}

/// Registers `alarm`: the panic hook raises it when a communication thread of this process panics.
pub(crate) fn register_alarm(alarm: &Arc<Alarm>) {
    let alarms = CLUSTER_ALARMS.get_or_init(Mutex::default);
    let mut alarms = alarms.lock().unwrap_or_else(PoisonError::into_inner);
    alarms.retain(|alarm| alarm.strong_count() > 0);
    alarms.push(Arc::downgrade(alarm));
}

/// Puts a panic hook before the current one, once per process.
///
/// The hook notes the location of a task's panic and silences its report. When a communication
/// thread dies it raises the alarm, and silences the panics that follow from that, so that they do
/// not drown the first failure.
pub(crate) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if RUNS_TASK.get() {
                let location = info.location();
                PANIC_LOCATION.set(
                    location.map(|location| format!("{}:{}", location.file(), location.line())),
                );
                return;
            }
            if is_communication_thread() {
                raise_cluster_alarms();
                return;
            }
            // timely's guards panic once communication has: see `join`.
            let follows = std::thread::current().name() == Some(JOIN_THREAD);
            if !follows && !is_lost_peer(&panic_message(info.payload())) {
                next(info);
            }
        }));
    });
}

fn is_communication_thread() -> bool {
    let thread = std::thread::current();
    thread
        .name()
        .is_some_and(|name| name.starts_with("timely:send-") || name.starts_with("timely:recv-"))
}

fn raise_cluster_alarms() {
    let Some(alarms) = CLUSTER_ALARMS.get() else {
        return;
    };
    for alarm in alarms
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .filter_map(Weak::upgrade)
    {
        // No worker of this process failed, so the index does not matter.
        alarm.raise(0, Failure::PeerLost);
    }
}
