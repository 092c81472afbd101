//! Steps of runs, as they are collected from a catalog.

/// Whether the checkpoint of a step is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepState {
    /// It is there.
    Present,
    /// It is there and cannot be read.
    Unreadable,
    /// The catalog says why it has no weights.
    WithoutWeights,
}

/// A step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunStep {
    pub(super) run: u32,
    pub(super) step: i64,
    pub(super) state: StepState,
}

/// Where the steps of each of `n_runs` runs end in `steps`, which are sorted. Each run has some.
pub(super) fn step_ranges(steps: &[RunStep], n_runs: usize) -> Vec<usize> {
    let mut ends = Vec::with_capacity(n_runs);
    for (index, pair) in steps.windows(2).enumerate() {
        if pair[0].run != pair[1].run {
            ends.push(index + 1);
        }
    }
    if !steps.is_empty() {
        ends.push(steps.len());
    }
    ends
}
