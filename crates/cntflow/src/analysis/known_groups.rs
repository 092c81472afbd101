//! Compared populations of before, whose results hold as long as their networks stay the same.

use std::collections::BTreeMap;

use cntflow_metrics::population::{Compared, Grid};
use cntflow_tables::{DensityBand, Group, PairNull};

use super::population_plan::{PlannedGroup, PlannedMember};

/// Most populations whose results are kept: each takes 24 kB.
const MOST_POPULATIONS: usize = 1 << 13;

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
    n_populations: usize,
}

/// The results of one group.
pub(super) struct KnownGroup {
    members: Vec<PlannedMember>,
    pub(super) compared: Compared,
    pub(super) nulls: GroupNulls,
}

impl KnownGroups {
    /// The results of a group, if all its populations are the same as then.
    pub(super) fn get_same(&self, planned: &PlannedGroup) -> Option<&KnownGroup> {
        let known = self.groups.get(&planned.group)?;
        planned.is_same(&known.members).then_some(known)
    }

    /// The results of a group, some of whose populations may be the same as then.
    pub(super) fn get(&self, group: &Group) -> Option<&KnownGroup> {
        self.groups.get(group)
    }

    /// Keeps the results of a group, unless there are too many already.
    pub(super) fn keep(&mut self, planned: PlannedGroup, compared: Compared, nulls: GroupNulls) {
        let n = planned.members.len();
        if self.n_populations + n > MOST_POPULATIONS {
            return;
        }
        self.n_populations += n;
        let known = KnownGroup {
            members: planned.members,
            compared,
            nulls,
        };
        self.groups.insert(planned.group, known);
    }
}

impl KnownGroup {
    /// The null of a pair, if both populations are the same as then.
    pub(super) fn pair(&self, a: &PlannedMember, b: &PlannedMember) -> Option<&PairNull> {
        let index = |member: &PlannedMember| self.index_of(member);
        let wanted = (index(a)?, index(b)?);
        let pairs = self.compared.pairs.iter();
        let mut found = pairs.zip(&self.nulls.pairs);
        found
            .find(|((a, b, _), _)| (*a, *b) == wanted)
            .map(|(_, null)| null)
    }

    /// The band of a population, if it and the grid are the same as then.
    pub(super) fn band(&self, member: &PlannedMember, grid: &Grid) -> Option<&Option<DensityBand>> {
        let is_same_grid = self.compared.grid.as_ref() == Some(grid);
        let index = self.index_of(member).filter(|_| is_same_grid)?;
        self.nulls.bands.get(index)
    }

    fn index_of(&self, member: &PlannedMember) -> Option<usize> {
        self.members.iter().position(|known| known.is_same(member))
    }
}
