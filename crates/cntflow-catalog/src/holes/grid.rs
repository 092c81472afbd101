//! The steps that the runs of a group share.

use super::steps::RunStep;

/// The runs of one group, and the steps that are expected of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSteps {
    /// What the names of its runs begin with, up to the last slash.
    pub name: String,
    /// Number of its runs.
    pub n_runs: usize,
    /// Runs without holes.
    pub n_complete: usize,
    /// Steps that at least half of the runs have, in their order.
    pub expected: Vec<StepCount>,
    /// Number of steps that fewer runs have; nobody else is expected to have them.
    pub n_rare: usize,
}

/// How many runs of a group have a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCount {
    /// The step.
    pub step: i64,
    /// Number of runs that have it, readable or not.
    pub n_runs: usize,
}

/// The groups of these names, with the steps of their runs.
pub(super) fn grids(
    names: impl Iterator<Item = String>,
    steps: &[RunStep],
    group_of_run: &[u32],
) -> Vec<GroupSteps> {
    let mut groups: Vec<GroupSteps> = names
        .map(|name| GroupSteps {
            name,
            n_runs: 0,
            n_complete: 0,
            expected: Vec::new(),
            n_rare: 0,
        })
        .collect();
    for group in group_of_run {
        groups[*group as usize].n_runs += 1;
    }
    let of_groups = steps
        .iter()
        .map(|step| (group_of_run[step.run as usize], step.step));
    let mut of_groups: Vec<(u32, i64)> = of_groups.collect();
    of_groups.sort_unstable();
    for same in of_groups.chunk_by(|a, b| a == b) {
        let (group, step) = same[0];
        let group = &mut groups[group as usize];
        let n_runs = same.len();
        if 2 * n_runs >= group.n_runs {
            group.expected.push(StepCount { step, n_runs });
        } else {
            group.n_rare += 1;
        }
    }
    groups
}
