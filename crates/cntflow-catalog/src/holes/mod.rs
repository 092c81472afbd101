//! Holes: which steps the runs of a catalog have, and which are missing.
//!
//! Runs whose names have the same text before the last slash are one group. A step is expected of
//! a run if at least half of the runs of its group have it, or if the run's own steps are evenly
//! spaced and this one is left out, see [`Gap`]. Checkpoints that are a run of their own belong to
//! no group.

mod grid;
mod run_holes;
mod spacing;
mod steps;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

pub use grid::{GroupSteps, StepCount};
pub use run_holes::{RunHoles, StepMark};
pub use spacing::Gap;
pub use steps::StepState;

use crate::{Catalog, CatalogEntry};
use arcstr::ArcStr;
use grid::grids;
use steps::{RunStep, step_ranges};

/// The steps of all runs. Names of runs are not kept: a run takes some forty bytes, and each of
/// its steps 16.
#[derive(Debug)]
pub struct Holes {
    /// Which run has a name, by a hash of the name.
    runs: HashMap<u64, u32>,
    hasher: RandomState,
    /// The group of each run.
    group_of_run: Vec<u32>,
    /// Sorted by run and step, each once.
    steps: Vec<RunStep>,
    /// Where the steps of each run end.
    ends: Vec<usize>,
    groups: Vec<GroupSteps>,
    summary: HolesSummary,
}

/// What is counted over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolesSummary {
    /// Number of groups of runs.
    pub groups: usize,
    /// Number of runs.
    pub runs: usize,
    /// Runs without holes: each expected step is there, and can be read.
    pub complete: usize,
    /// Runs that lack expected steps after their last one.
    pub ending_early: usize,
    /// Steps of all runs that are there.
    pub steps: usize,
    /// Expected steps that are not there.
    pub missing: u64,
    /// Steps whose checkpoint is there and cannot be read.
    pub unreadable: usize,
    /// Steps whose checkpoint never had weights, such as those of a run that diverged.
    pub without_weights: usize,
    /// Checkpoints with the run and the step of another one.
    pub repeated: usize,
    /// Checkpoints that are a run of their own.
    pub without_run: usize,
}

impl Holes {
    /// Looks at all entries. `state` says whether the checkpoint of an entry is there.
    pub fn of(catalog: &Catalog, mut state: impl FnMut(&CatalogEntry) -> StepState) -> Self {
        let mut holes = Self {
            runs: HashMap::new(),
            hasher: RandomState::new(),
            group_of_run: Vec::new(),
            steps: Vec::new(),
            ends: Vec::new(),
            groups: Vec::new(),
            summary: HolesSummary::default(),
        };
        let mut groups = HashMap::new();
        for entry in catalog.entries() {
            if has_no_run(&entry) {
                holes.summary.without_run += 1;
                continue;
            }
            let run = holes.run_index(&entry, &mut groups);
            let (step, state) = (entry.step, state(&entry));
            holes.steps.push(RunStep { run, step, state });
        }
        let n_found = holes.steps.len();
        holes.steps.sort_unstable();
        // Of several checkpoints of one step, the best stands first.
        holes.steps.dedup_by_key(|step| (step.run, step.step));
        holes.summary.repeated = n_found - holes.steps.len();
        holes.ends = step_ranges(&holes.steps, holes.group_of_run.len());
        let mut names: Vec<(String, u32)> = groups.into_iter().collect();
        names.sort_unstable_by_key(|(_, index)| *index);
        let names = names.into_iter().map(|(name, _)| name);
        holes.groups = grids(names, &holes.steps, &holes.group_of_run);
        holes.count();
        holes
    }

    /// What is counted over all runs.
    pub fn summary(&self) -> &HolesSummary {
        &self.summary
    }

    /// The groups of runs, in the order of the catalog.
    pub fn groups(&self) -> &[GroupSteps] {
        &self.groups
    }

    /// The runs that have holes, in the order of `catalog`, which is that of [`Holes::of`]: names
    /// are read from it again.
    pub fn runs_with_holes<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = RunHoles> + 'a {
        let mut next_run = 0;
        catalog.entries().filter_map(move |entry| {
            if has_no_run(&entry) {
                return None;
            }
            let run = *self.runs.get(&self.hasher.hash_one(entry.run.as_str()))?;
            // Runs are numbered as they come, so a smaller number was met before.
            if run < next_run {
                return None;
            }
            next_run = run + 1;
            let found = self.found(run, entry.run.clone());
            (!found.is_complete()).then_some(found)
        })
    }

    /// The number of an entry's run.
    fn run_index(&mut self, entry: &CatalogEntry, groups: &mut HashMap<String, u32>) -> u32 {
        let new = self.group_of_run.len() as u32;
        let key = self.hasher.hash_one(entry.run.as_str());
        let run = *self.runs.entry(key).or_insert(new);
        if run == new {
            let name = entry.run.rsplit_once('/').map_or("", |(folder, _)| folder);
            let n_groups = groups.len() as u32;
            let group = match groups.get(name) {
                Some(group) => *group,
                None => *groups.entry(name.to_owned()).or_insert(n_groups),
            };
            self.group_of_run.push(group);
        }
        run
    }

    /// The holes of a run, under this name.
    fn found(&self, run: u32, name: ArcStr) -> RunHoles {
        let run = run as usize;
        let start = run.checked_sub(1).map_or(0, |before| self.ends[before]);
        let steps = &self.steps[start..self.ends[run]];
        let group = self.group_of_run[run] as usize;
        RunHoles::of(name, group, steps, &self.groups[group].expected)
    }

    fn count(&mut self) {
        let n_runs = self.group_of_run.len();
        let mut summary = HolesSummary {
            groups: self.groups.len(),
            runs: n_runs,
            steps: self.steps.len(),
            ..self.summary
        };
        for run in 0..n_runs {
            let found = self.found(run as u32, ArcStr::new());
            summary.missing = summary.missing.saturating_add(found.n_missing);
            summary.unreadable += found.unreadable.len();
            summary.without_weights += found.without_weights.len();
            summary.ending_early += usize::from(found.ends_early);
            if found.is_complete() {
                summary.complete += 1;
                self.groups[found.group].n_complete += 1;
            }
        }
        self.summary = summary;
    }
}

/// Whether nobody has said which run an entry belongs to.
fn has_no_run(entry: &CatalogEntry) -> bool {
    entry.run == entry.checkpoint
}

#[cfg(test)]
mod tests;
