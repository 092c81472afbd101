//! The dataflow of one worker.

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::VecCollection;
use differential_dataflow::input::InputSession;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Exchange;
use timely::worker::Worker;

use super::sum::Sum;
use super::totals::Total;
use super::{Depth, HeldCheckpoint, Key, Version, WantedCheckpoint};

/// A moment: all changes of one call of `settle`.
pub(super) type Moment = u64;

/// A collection at every moment.
type Collection<'scope, D> = VecCollection<'scope, Moment, D, isize>;

/// What a worker hands in.
pub(super) struct Inputs {
    /// What is wanted, and of what nothing is missing.
    pub(super) versions: InputSession<Moment, (Key, Version), isize>,
    pub(super) complete: InputSession<Moment, (Key, Version), isize>,
    /// The same in full. Nothing comes here where only what is to do is asked for.
    pub(super) wanted: InputSession<Moment, WantedCheckpoint, isize>,
    pub(super) held: InputSession<Moment, HeldCheckpoint, isize>,
}

impl Inputs {
    /// Ends the moments before this one.
    pub(super) fn advance_to(&mut self, now: Moment) {
        self.versions.advance_to(now);
        self.complete.advance_to(now);
        self.wanted.advance_to(now);
        self.held.advance_to(now);
        self.flush();
    }

    /// Hands over what has come in so far.
    pub(super) fn flush(&mut self) {
        self.versions.flush();
        self.complete.flush();
        self.wanted.flush();
        self.held.flush();
    }
}

/// What has come out since it was looked at last, with the sign of each change. All of it comes out
/// at worker 0.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) to_do: Vec<((Key, Version), isize)>,
    pub(super) stale: Vec<((Key, Version), isize)>,
    pub(super) totals: Vec<(Total, isize)>,
}

/// Builds the dataflow.
pub(super) fn build(
    worker: &mut Worker,
    depth: Depth,
) -> (Inputs, Rc<RefCell<Outputs>>, ProbeHandle<Moment>) {
    let mut inputs = Inputs {
        versions: InputSession::new(),
        complete: InputSession::new(),
        wanted: InputSession::new(),
        held: InputSession::new(),
    };
    let outputs = Rc::new(RefCell::new(Outputs::default()));
    let probe = worker.dataflow::<Moment, _, _>(|scope| {
        let versions = inputs.versions.to_collection(scope);
        let complete = inputs.complete.to_collection(scope);
        let wanted = inputs.wanted.to_collection(scope);
        let held = inputs.held.to_collection(scope);
        let probe = ProbeHandle::new();
        let to_do = versions.clone().map(|version| (version, ()));
        let to_do = to_do.antijoin(complete.distinct());
        let to_do = to_do.map(|(version, ())| version);
        collect(to_do, &outputs, &probe, |outputs, change| {
            outputs.to_do.push(change);
        });
        if depth == Depth::Totals {
            let stale = held.clone().map(|held| ((held.key, held.version), ()));
            let stale = stale.antijoin(versions.clone());
            let stale = stale.map(|(version, ())| version);
            collect(stale, &outputs, &probe, |outputs, change| {
                outputs.stale.push(change);
            });
            let totals = totals(wanted, versions, held);
            collect(totals, &outputs, &probe, |outputs, change| {
                outputs.totals.push(change);
            });
        }
        probe
    });
    (inputs, outputs, probe)
}

/// Counts and sums over the rows that are held in the version that is wanted.
fn totals<'scope>(
    wanted: Collection<'scope, WantedCheckpoint>,
    versions: Collection<'scope, (Key, Version)>,
    held: Collection<'scope, HeldCheckpoint>,
) -> Collection<'scope, Total> {
    let current = held.map(|held| ((held.key, held.version), held.facts));
    let current = current.semijoin(versions);
    let by_status = current.clone().map(|(_, facts)| facts.status).count();
    let by_status = by_status.map(|(status, n)| Total::Status(status, n as i64));
    let current = current.map(|((key, _), facts)| (key, facts));
    let current = current.semijoin(last_of_runs(wanted));
    let by_group = current.clone().flat_map(|(_, facts)| facts.groups).count();
    let by_group = by_group.map(|(group, n)| Total::Group(group, n as i64));
    // The sum is in the difference, so that taking a checkpoint out subtracts it.
    let values = current.explode(|(_, facts)| {
        let sums = facts.sums.into_iter();
        sums.map(|(index, sum)| (index, Sum { n: 1, sum }))
    });
    let sums = values
        .count_core::<isize>()
        .map(|(index, Sum { n, sum })| Total::Sum(index, n, sum));
    by_status.concat(by_group).concat(sums)
}

/// The last checkpoint of each run. Whether it was measured does not matter.
fn last_of_runs(wanted: Collection<'_, WantedCheckpoint>) -> Collection<'_, Key> {
    let positions = wanted.flat_map(|wanted| {
        let position = wanted.position?;
        Some((position.run, (position.step, position.name, wanted.key)))
    });
    let last = positions.reduce(|_, checkpoints, last| {
        // They come in rising order.
        if let Some((checkpoint, _)) = checkpoints.last() {
            last.push(((*checkpoint).clone(), 1_isize));
        }
    });
    last.map(|(_, (_, _, key))| key)
}

/// Brings the changes of a collection to worker 0.
fn collect<D>(
    collection: Collection<'_, D>,
    outputs: &Rc<RefCell<Outputs>>,
    probe: &ProbeHandle<Moment>,
    put: impl Fn(&mut Outputs, (D, isize)) + 'static,
) where
    D: differential_dataflow::ExchangeData + std::hash::Hash,
{
    use timely::dataflow::operators::{Inspect, Probe};

    let outputs = Rc::clone(outputs);
    collection
        .consolidate()
        .inner
        .exchange(|_| 0)
        .inspect(move |(data, _, difference)| {
            put(&mut outputs.borrow_mut(), (data.clone(), *difference));
        })
        .probe_with(probe);
}
