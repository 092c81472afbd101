//! Panics and stops: what timely does not supervise. A worker that panics would leave all others waiting for ever for a frontier
//! that never moves, and a panic's message is lost in `join`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};

/// Asks a run to end early: tasks in hand are finished or left, batches in hand are committed.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end. May be called from any thread, and more than once.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A failure that is not a bug (a full disk) and ends the run all the same; unwinds without a panic report.
pub(crate) struct Fatal(pub(crate) String);

/// The first failure of a run, and the flag by which every worker of the process learns of it.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    raised: AtomicBool,
    first: Mutex<Option<(usize, String)>>,
}

impl Alarm {
    pub(crate) fn raise(&self, worker: usize, message: String) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert((worker, message));
        self.raised.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    pub(crate) fn first(&self) -> Option<(usize, String)> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Worker index under which the loss of another process is raised: no worker of ours failed.
pub(crate) const PEER: usize = usize::MAX;

thread_local! {
    /// Whether this thread performs a task, whose panics become outputs and need no report of their own.
    static PERFORMING: Cell<bool> = const { Cell::new(false) };
    /// Where this thread panicked last, for the message of that output.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs in a cluster that are to be told when a communication thread panics, as it does when a peer is lost.
static CLUSTER_RUNS: OnceLock<Mutex<Vec<Weak<Alarm>>>> = OnceLock::new();

/// Runs `task`; a panic becomes its message with the place in the source.
pub(crate) fn contained<R>(task: impl FnOnce() -> R) -> Result<R, String> {
    PERFORMING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(task));
    PERFORMING.set(false);
    outcome.map_err(|payload| {
        let place = PANICKED_AT
            .take()
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        format!("panicked{place}: {}", message(&*payload))
    })
}

/// The text of a panic's payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(Fatal(text)) = payload.downcast_ref() {
        return text.clone();
    }
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Tells `alarm` when a communication thread of this process panics.
pub(crate) fn watch_communication(alarm: &Arc<Alarm>) {
    let runs = CLUSTER_RUNS.get_or_init(Mutex::default);
    runs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Arc::downgrade(alarm));
}

/// Puts a panic hook before the one in force, once: it keeps the place of a task's panic and silences it, raises the alarm when a
/// communication thread dies, and silences what follows from that, so that the first failure is not drowned.
pub(crate) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if PERFORMING.get() {
                PANICKED_AT.set(
                    info.location()
                        .map(|place| format!("{}:{}", place.file(), place.line())),
                );
                return;
            }
            if is_communication_thread() {
                raise_everywhere();
                return;
            }
            if !message(info.payload()).contains("MergeQueue poisoned") {
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

fn raise_everywhere() {
    let Some(runs) = CLUSTER_RUNS.get() else {
        return;
    };
    for alarm in runs
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .filter_map(Weak::upgrade)
    {
        alarm.raise(PEER, String::new());
    }
}
