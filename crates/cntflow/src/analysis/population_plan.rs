//! Which populations there are, by the rows of the tables without their values.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_dataflow::{Version, key_of};
use cntflow_tables::{Bin, Group, Member, PopulationRow, TableStore, TablesError};

use super::population_networks::{NetworkIndex, PopulationNetworks, count_runs};

/// What identifies a stored population within its group: index and value of its bin.
pub(super) type StoredBin = (i64, Option<String>);

/// All groups that have a population to compare.
pub(super) struct PopulationPlan {
    /// In rising order.
    pub(super) groups: Vec<PlannedGroup>,
    /// Networks in a bin with enough runs.
    pub(super) compared: BTreeSet<NetworkIndex>,
    /// Networks in a bin with too few runs.
    pub(super) left_out: BTreeSet<NetworkIndex>,
    /// Bins with too few runs: shape and index.
    pub(super) bins_left_out: BTreeSet<(String, i64)>,
}

/// The populations of one group (shape, layer, metric), in the order of their bins.
#[derive(Clone, Debug)]
pub(super) struct PlannedGroup {
    pub(super) group: Group,
    pub(super) members: Vec<PlannedMember>,
    /// Index of the member of each stored bin.
    pub(super) stored: BTreeMap<StoredBin, usize>,
}

/// A population that is to be compared.
#[derive(Clone, Debug)]
pub(super) struct PlannedMember {
    pub(super) member: Member,
    /// What its networks are; `None` if a version is not known.
    pub(super) versions: Option<MemberVersions>,
}

/// The networks of a population in their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberVersions {
    /// Digests of the networks that are stored one by one, sorted.
    pub(super) singles: Vec<u128>,
    /// Sum of the digests of those that are stored together: it does not depend on how many rows
    /// they have.
    together: u128,
}

/// The version of the rows of a checkpoint, if it is known.
pub(crate) type VersionOf<'a> = &'a dyn Fn(&str) -> Option<Version>;

impl PlannedMember {
    /// Whether it is for sure the same population as one of before, to the last bit of its values.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let of = |planned: &Self| {
            let Member {
                bin,
                networks,
                runs,
                count,
            } = &planned.member;
            (bin.bin, bin.value.clone(), *networks, *runs, *count)
        };
        self.versions.is_some() && self.versions == other.versions && of(self) == of(other)
    }

    /// Whether it has all networks of one of before, in the same versions and stored one by one.
    pub(super) fn extends(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (&self.versions, &other.versions) else {
            return false;
        };
        let mut own = own.singles.iter();
        // Both are sorted.
        others.together == 0
            && others
                .singles
                .iter()
                .all(|one| own.any(|other| other == one))
    }
}

impl PlannedGroup {
    /// Whether all populations are for sure the same as those of before.
    pub(super) fn is_same(&self, members: &[PlannedMember]) -> bool {
        let pairs = || self.members.iter().zip(members);
        self.members.len() == members.len() && pairs().all(|(a, b)| a.is_same(b))
    }

    /// What is written of each member.
    pub(super) fn members(&self) -> Vec<Member> {
        let members = self.members.iter();
        members.map(|planned| planned.member.clone()).collect()
    }
}

/// A population while its rows are gathered.
struct Gathered {
    bin: Bin,
    networks: BTreeSet<NetworkIndex>,
    count: u64,
    versions: Option<MemberVersions>,
}

impl Gathered {
    fn add_version(&mut self, row: &PopulationRow, digest: Option<u128>) {
        let known = self.versions.as_mut().zip(digest);
        match known {
            None => self.versions = None,
            Some((versions, digest)) if row.key.checkpoint.is_some() => {
                versions.singles.push(digest);
            }
            Some((versions, digest)) => versions.together = versions.together.wrapping_add(digest),
        }
    }
}

impl PopulationPlan {
    /// Reads which networks each population has. Only `networks` count, and bins of fewer runs than
    /// `min_runs` are left out.
    ///
    /// # Errors
    /// A part of the table cannot be read.
    pub(super) fn read(
        tables: &TableStore,
        networks: &PopulationNetworks,
        min_runs: u64,
        version_of: VersionOf<'_>,
    ) -> Result<Self, TablesError> {
        let mut groups: BTreeMap<Group, BTreeMap<StoredBin, Gathered>> = BTreeMap::new();
        tables.visit_population_rows(|row| {
            let indices = row.checkpoints.iter().filter_map(|name| networks.get(name));
            let indices: Vec<NetworkIndex> = indices.collect();
            if indices.is_empty() {
                return;
            }
            let digest = digest_of(&row.checkpoints, version_of);
            let stored = (row.key.bin, row.key.value.clone());
            let bins = groups.entry(row.key.group.clone()).or_default();
            let gathered = bins.entry(stored).or_insert_with(|| Gathered {
                bin: row.bin.clone(),
                networks: BTreeSet::new(),
                count: 0,
                versions: Some(MemberVersions::default()),
            });
            gathered.networks.extend(indices);
            gathered.count += row.count;
            gathered.add_version(&row, digest);
        })?;
        let mut plan = Self {
            groups: Vec::new(),
            compared: BTreeSet::new(),
            left_out: BTreeSet::new(),
            bins_left_out: BTreeSet::new(),
        };
        for (group, bins) in groups {
            let planned = plan.choose(group, bins, networks, min_runs);
            if !planned.members.is_empty() {
                plan.groups.push(planned);
            }
        }
        Ok(plan)
    }

    /// The populations of a group that have enough runs.
    fn choose(
        &mut self,
        group: Group,
        bins: BTreeMap<StoredBin, Gathered>,
        networks: &PopulationNetworks,
        min_runs: u64,
    ) -> PlannedGroup {
        let mut chosen: Vec<(StoredBin, PlannedMember)> = Vec::new();
        for (stored, mut gathered) in bins {
            if let Some(value) = &gathered.bin.value {
                gathered.bin.bin = networks.index_of_value(value);
            }
            let runs = count_runs(&gathered.networks);
            if runs < min_runs {
                let bin = (group.architecture.clone(), gathered.bin.bin);
                self.bins_left_out.insert(bin);
                self.left_out.extend(gathered.networks);
                continue;
            }
            let member = Member {
                bin: gathered.bin,
                networks: gathered.networks.len() as u64,
                runs,
                count: gathered.count,
            };
            self.compared.extend(gathered.networks);
            let mut versions = gathered.versions;
            if let Some(versions) = &mut versions {
                versions.singles.sort_unstable();
            }
            chosen.push((stored, PlannedMember { member, versions }));
        }
        // Stored bins are sorted by value as text, which is not the order of numbers.
        chosen.sort_by_key(|(_, planned)| planned.member.bin.bin);
        let stored = chosen.iter().enumerate();
        PlannedGroup {
            group,
            stored: stored
                .map(|(index, (stored, _))| (stored.clone(), index))
                .collect(),
            members: chosen.into_iter().map(|(_, planned)| planned).collect(),
        }
    }
}

/// Sum of the digests of some networks in their versions; `None` if one is not known.
pub(super) fn digest_of(checkpoints: &BTreeSet<String>, version_of: VersionOf<'_>) -> Option<u128> {
    checkpoints.iter().try_fold(0_u128, |sum, name| {
        let version = version_of(name)?;
        Some(sum.wrapping_add(key_of(name) ^ version.rotate_left(1)))
    })
}
