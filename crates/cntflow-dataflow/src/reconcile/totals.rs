//! Counts and sums that follow from the current checkpoints.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::Group;

/// Counts and sums over the current checkpoints: those that are held in the version that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of checkpoints by status.
    pub by_status: BTreeMap<u8, i64>,
    /// Number of last checkpoints of runs by group.
    pub by_group: BTreeMap<Group, i64>,
    /// Number of values and their sum, over last checkpoints of runs.
    pub sums: BTreeMap<u32, (i64, i128)>,
}

/// A difference of a total: a total of this value holds from now on, or does not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Total {
    Status(u8, i64),
    Group(Group, i64),
    Sum(u32, i64, i128),
}

impl Totals {
    /// Applies a difference. Those of one moment may come in any order.
    pub(super) fn apply(&mut self, total: Total, difference: i64) {
        match total {
            Total::Status(status, n) => add(&mut self.by_status, status, n * difference),
            Total::Group(group, n) => add(&mut self.by_group, group, n * difference),
            Total::Sum(index, n, sum) => {
                let entry = self.sums.entry(index).or_default();
                entry.0 += n * difference;
                entry.1 += sum * i128::from(difference);
                if *entry == (0, 0) {
                    self.sums.remove(&index);
                }
            }
        }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, i64>, key: K, difference: i64) {
    match counts.entry(key) {
        Entry::Vacant(entry) => _ = entry.insert(difference),
        Entry::Occupied(entry) if *entry.get() == -difference => _ = entry.remove(),
        Entry::Occupied(mut entry) => *entry.get_mut() += difference,
    }
}
