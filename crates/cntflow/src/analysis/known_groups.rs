//! Compared populations of before, whose results hold as long as their networks stay the same.

use std::collections::{BTreeMap, HashMap};

use cntflow_metrics::population::{Compared, Grid, SampleSummary};
use cntflow_tables::{DensityBand, Group, PairNull};

use super::population_plan::{PlannedGroup, PlannedMember};

/// Size of the results that are kept, and of the values, at most, in bytes.
const MOST_BYTES: usize = 256 << 20;

/// Sizes of the results of a population (a curve and its band) and of a pair, in bytes.
const POPULATION_BYTES: usize = 24 << 10;
const PAIR_BYTES: usize = 256;

/// Nulls of a group of populations.
#[derive(Clone)]
pub(super) struct GroupNulls {
    /// Of each pair, in the order of [`Compared::pairs`].
    pub(super) pairs: Vec<PairNull>,
    /// Of each density, in the order of the members.
    pub(super) bands: Vec<Option<DensityBand>>,
    /// Number of pairs whose nulls are those of before.
    pub(super) n_from_before: usize,
}

/// The results of groups that were compared.
#[derive(Default)]
pub(crate) struct KnownGroups {
    groups: BTreeMap<Group, KnownGroup>,
    bytes: usize,
    sample_bytes: usize,
}

/// The results of one group.
pub(super) struct KnownGroup {
    members: Vec<PlannedMember>,
    /// The values of each member; empty if there were too many to keep.
    pub(super) samples: Vec<SampleSummary>,
    pub(super) compared: Compared,
    pub(super) nulls: GroupNulls,
}

impl KnownGroups {
    /// Whether all populations of a group are the same as then.
    pub(super) fn has_same(&self, planned: &PlannedGroup) -> bool {
        let known = self.groups.get(&planned.group);
        known.is_some_and(|known| planned.is_same(&known.members))
    }

    /// The results of a group, some of whose populations may be the same as then.
    pub(super) fn get(&self, group: &Group) -> Option<&KnownGroup> {
        self.groups.get(group)
    }

    /// Keeps the results of a group, unless there are too many already.
    pub(super) fn keep(
        &mut self,
        planned: PlannedGroup,
        mut samples: Vec<SampleSummary>,
        compared: Compared,
        nulls: GroupNulls,
    ) {
        let bytes = planned.members.len() * POPULATION_BYTES + nulls.pairs.len() * PAIR_BYTES;
        if self.bytes + bytes > MOST_BYTES {
            return;
        }
        self.bytes += bytes;
        let sample_bytes: usize = samples.iter().map(SampleSummary::bytes).sum();
        if self.sample_bytes + sample_bytes > MOST_BYTES {
            samples.clear();
        } else {
            self.sample_bytes += sample_bytes;
        }
        let known = KnownGroup {
            members: planned.members,
            samples,
            compared,
            nulls,
        };
        self.groups.insert(planned.group, known);
    }

    /// Removes the results of a group, if all its populations are the same as then.
    pub(super) fn take_same(&mut self, planned: &PlannedGroup) -> Option<KnownGroup> {
        if !self.has_same(planned) {
            return None;
        }
        self.groups.remove(&planned.group)
    }
}

impl KnownGroup {
    /// A population of then that this one has all networks of, and its values.
    pub(super) fn part_of(
        &self,
        planned: &PlannedMember,
    ) -> Option<(&PlannedMember, &SampleSummary)> {
        let bin = &planned.member.bin;
        let mut known = self.members.iter().zip(&self.samples);
        known.find(|(known, _)| {
            let of = &known.member.bin;
            (of.bin, &of.value) == (bin.bin, &bin.value) && planned.extends(known)
        })
    }

    /// Which of these populations are the same as then: the index of each among those of then.
    pub(super) fn same_members(&self, members: &[PlannedMember]) -> Vec<Option<usize>> {
        let bins = self.members.iter().enumerate();
        let by_bin: HashMap<i64, usize> = bins
            .map(|(index, known)| (known.member.bin.bin, index))
            .collect();
        let same = |planned: &PlannedMember| {
            let index = *by_bin.get(&planned.member.bin.bin)?;
            planned.is_same(&self.members[index]).then_some(index)
        };
        members.iter().map(same).collect()
    }

    /// The null of a pair, by the indices of then, the first below the second.
    pub(super) fn pair(&self, a: usize, b: usize) -> Option<&PairNull> {
        // Pairs are in the order of (0, 1), (0, 2), ..., (1, 2), ...
        let n = self.members.len();
        let before = a * n - a * (a + 1) / 2;
        let index = before + b - a - 1;
        let is_it = self.compared.pairs.get(index).map(|(x, y, _)| (*x, *y)) == Some((a, b));
        self.nulls.pairs.get(index).filter(|_| is_it)
    }

    /// The band of a population, by its index of then, if the grid is the same.
    pub(super) fn band(&self, index: usize, grid: &Grid) -> Option<&Option<DensityBand>> {
        let is_same_grid = self.compared.grid.as_ref() == Some(grid);
        self.nulls.bands.get(index).filter(|_| is_same_grid)
    }
}
