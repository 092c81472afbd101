//! The handle to the workers that keep everything current.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use timely::communication::WorkerGuards;
use timely::worker::Worker;

use super::dataflow::{Inputs, Moment, build};
use super::totals::Totals;
use super::{Changes, Depth, HeldCheckpoint, Key, Version, WantedCheckpoint};
use crate::error::DataflowError;

/// Longest time that a worker sleeps without looking whether another one has failed. Messages wake
/// it.
const NAP: Duration = Duration::from_millis(200);

/// Number of changes that are handed over at a time.
const SOME: usize = 1 << 16;

/// Keeps current what is to do, what is stale and what follows from the checkpoints.
///
/// Changes are collected until [`Reconciler::settle`], which makes them one moment.
pub struct Reconciler {
    /// Dropped first: the workers end when they see that.
    moments: Option<mpsc::Sender<MomentChanges>>,
    settled: mpsc::Receiver<SettledMoment>,
    guards: Option<WorkerGuards<()>>,
    depth: Depth,
    next: MomentChanges,
    to_do: BTreeSet<(Key, Version)>,
    stale: BTreeSet<(Key, Version)>,
    totals: Totals,
}

/// What changes at a moment.
#[derive(Default)]
struct MomentChanges {
    versions: Vec<((Key, Version), isize)>,
    complete: Vec<((Key, Version), isize)>,
    wanted: Vec<(WantedCheckpoint, isize)>,
    held: Vec<(HeldCheckpoint, isize)>,
    /// Whether this is all of it.
    is_whole: bool,
}

/// What has followed from it.
type SettledMoment = super::dataflow::Outputs;

impl std::fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciler")
            .field("to_do", &self.to_do.len())
            .field("stale", &self.stale.len())
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl Reconciler {
    /// Starts the workers, with nothing wanted and nothing held.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn start(n_workers: usize, depth: Depth) -> Result<Self, DataflowError> {
        let (moments, to_settle) = mpsc::channel();
        let (settle, settled) = mpsc::channel();
        let ends = Mutex::new(Some((to_settle, settle)));
        let has_failed = Arc::new(AtomicBool::new(false));
        let run = move |worker: &mut Worker| {
            // Worker 0 takes the changes in and brings the results out; the others help.
            let ends = if worker.index() == 0 {
                ends.lock().unwrap_or_else(PoisonError::into_inner).take()
            } else {
                None
            };
            let work = || run_worker(worker, ends, depth, &has_failed);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                has_failed.store(true, Ordering::SeqCst);
                resume_unwind(panic);
            }
        };
        let config = timely::Config::process(n_workers.max(1));
        let guards =
            timely::execute(config, run).map_err(|reason| DataflowError::Start(reason.into()))?;
        Ok(Self {
            moments: Some(moments),
            settled,
            guards: Some(guards),
            depth,
            next: MomentChanges::default(),
            to_do: BTreeSet::new(),
            stale: BTreeSet::new(),
            totals: Totals::default(),
        })
    }

    /// A checkpoint is wanted from the next moment on. Each key may be wanted in one version.
    pub fn want(&mut self, checkpoint: WantedCheckpoint) {
        self.change_wanted(checkpoint, 1);
    }

    /// A checkpoint is not wanted any more; exactly this one was.
    pub fn forget(&mut self, checkpoint: WantedCheckpoint) {
        self.change_wanted(checkpoint, -1);
    }

    /// A row has come into the tables. Each key may be held once.
    pub fn hold(&mut self, checkpoint: HeldCheckpoint) {
        self.change_held(checkpoint, 1);
    }

    /// A row was removed from the tables; exactly this one was held.
    pub fn release(&mut self, checkpoint: HeldCheckpoint) {
        self.change_held(checkpoint, -1);
    }

    fn change_wanted(&mut self, checkpoint: WantedCheckpoint, difference: isize) {
        let version = (checkpoint.key, checkpoint.version);
        self.next.versions.push((version, difference));
        if self.depth == Depth::Totals {
            self.next.wanted.push((checkpoint, difference));
        }
        self.send_some();
    }

    fn change_held(&mut self, checkpoint: HeldCheckpoint, difference: isize) {
        if checkpoint.is_complete {
            let version = (checkpoint.key, checkpoint.version);
            self.next.complete.push((version, difference));
        }
        if self.depth == Depth::Totals {
            self.next.held.push((checkpoint, difference));
        }
        self.send_some();
    }

    /// Hands over what has come together, so that a million checkpoints are not here as well.
    fn send_some(&mut self) {
        if self.next.versions.len().max(self.next.complete.len()) >= SOME
            && let Some(moments) = &self.moments
        {
            // A failure is found at the next moment.
            let _ = moments.send(std::mem::take(&mut self.next));
        }
    }

    /// Makes all changes since the last call one moment, and waits until everything is current.
    ///
    /// # Errors
    /// A worker has failed, which is a bug.
    pub fn settle(&mut self) -> Result<Changes, DataflowError> {
        let has_ended = || DataflowError::Start("the workers that reconcile have failed".into());
        let mut moment = std::mem::take(&mut self.next);
        moment.is_whole = true;
        let moments = self.moments.as_ref().ok_or_else(has_ended)?;
        moments.send(moment).map_err(|_| has_ended())?;
        let settled = self.settled.recv().map_err(|_| has_ended())?;
        for (total, difference) in settled.totals {
            self.totals.apply(total, difference as i64);
        }
        let (to_do, done) = apply(&mut self.to_do, settled.to_do);
        let (stale, settled) = apply(&mut self.stale, settled.stale);
        Ok(Changes {
            to_do,
            done,
            stale,
            settled,
        })
    }

    /// Everything that is to be measured, as of the last moment.
    pub fn to_do(&self) -> &BTreeSet<(Key, Version)> {
        &self.to_do
    }

    /// All rows that nothing is wanted of, as of the last moment.
    pub fn stale(&self) -> &BTreeSet<(Key, Version)> {
        &self.stale
    }

    /// Counts and sums, as of the last moment.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.moments = None;
        if let Some(guards) = self.guards.take() {
            // A worker that has failed has said so before.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(guards.join())));
        }
    }
}

type Versions = Vec<(Key, Version)>;

/// Applies changes to a set; returns what is new in it and what is not there any more.
fn apply(
    set: &mut BTreeSet<(Key, Version)>,
    mut changes: Vec<((Key, Version), isize)>,
) -> (Versions, Versions) {
    changes.sort_unstable();
    let (mut new, mut gone) = (Vec::new(), Vec::new());
    for (version, difference) in changes {
        if difference > 0 {
            set.insert(version);
            new.push(version);
        } else {
            set.remove(&version);
            gone.push(version);
        }
    }
    (new, gone)
}

type Ends = (mpsc::Receiver<MomentChanges>, mpsc::Sender<SettledMoment>);

/// Runs one worker until the other end of its channel is gone, or until a worker has failed.
fn run_worker(worker: &mut Worker, ends: Option<Ends>, depth: Depth, failed: &AtomicBool) {
    let (mut inputs, outputs, probe) = build(worker, depth);
    if let Some((to_settle, settle)) = ends {
        let mut now: Moment = 0;
        while let Ok(changes) = to_settle.recv() {
            let is_whole = changes.is_whole;
            take_in(changes, &mut inputs);
            if !is_whole {
                inputs.flush();
                worker.step();
                continue;
            }
            now += 1;
            inputs.advance_to(now);
            while probe.less_than(&now) && !failed.load(Ordering::SeqCst) {
                worker.step_or_park(Some(NAP));
            }
            let outputs = std::mem::take(&mut *outputs.borrow_mut());
            if failed.load(Ordering::SeqCst) || settle.send(outputs).is_err() {
                break;
            }
        }
    }
    drop(inputs);
    while !probe.done() && !failed.load(Ordering::SeqCst) {
        worker.step_or_park(Some(NAP));
    }
}

fn take_in(changes: MomentChanges, inputs: &mut Inputs) {
    for (version, difference) in changes.versions {
        inputs.versions.update(version, difference);
    }
    for (version, difference) in changes.complete {
        inputs.complete.update(version, difference);
    }
    for (checkpoint, difference) in changes.wanted {
        inputs.wanted.update(checkpoint, difference);
    }
    for (checkpoint, difference) in changes.held {
        inputs.held.update(checkpoint, difference);
    }
}
