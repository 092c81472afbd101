//! Reads the populations of the tables group by group.

use std::collections::BTreeSet;

use cntflow_metrics::population::SampleSummary;
use cntflow_tables::{Group, Member, Population, Populations, TablesError};

use super::population_networks::{NetworkIndex, PopulationNetworks, count_runs};

/// The populations of one group (shape, layer, metric), in the order of their bins.
pub(super) struct PopulationGroup {
    /// What the populations have in common.
    pub(super) group: Group,
    /// Bin and size of each population.
    pub(super) members: Vec<Member>,
    /// Values of each population, in the order of `members`.
    pub(super) samples: Vec<SampleSummary>,
}

/// The networks of all groups that were read.
#[derive(Debug, Default)]
pub(super) struct ReadNetworks {
    /// Networks in a bin with enough runs.
    pub(super) compared: BTreeSet<NetworkIndex>,
    /// Networks in a bin with too few runs.
    pub(super) left_out: BTreeSet<NetworkIndex>,
    /// Bins with too few runs: shape and index.
    pub(super) bins_left_out: BTreeSet<(String, i64)>,
}

/// Reads groups one after the other.
pub(super) struct GroupReader<'n> {
    populations: Populations,
    networks: &'n PopulationNetworks,
    min_runs: u64,
    /// The first population of the next group: only reading it shows that a group has ended.
    next: Option<(Group, Population)>,
    read: ReadNetworks,
}

impl<'n> GroupReader<'n> {
    /// Reads the groups of these populations, which are sorted by group and bin. Only `networks`
    /// count. Bins of fewer runs than `min_runs` are left out.
    pub(super) fn new(
        populations: Populations,
        networks: &'n PopulationNetworks,
        min_runs: u64,
    ) -> Self {
        Self {
            populations,
            networks,
            min_runs,
            next: None,
            read: ReadNetworks::default(),
        }
    }

    /// The next groups that have a population, at most `n`; none at the end.
    ///
    /// # Errors
    /// A part of the table cannot be read.
    pub(super) fn next_groups(&mut self, n: usize) -> Result<Vec<PopulationGroup>, TablesError> {
        let mut groups = Vec::new();
        while groups.len() < n
            && let Some(group) = self.next_group()?
        {
            if !group.members.is_empty() {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// The networks of all groups that were read so far.
    pub(super) fn into_networks(self) -> ReadNetworks {
        self.read
    }

    fn next_group(&mut self) -> Result<Option<PopulationGroup>, TablesError> {
        let Some((group, first)) = self.next_row()? else {
            return Ok(None);
        };
        let mut members = PopulationGroup {
            group,
            members: Vec::new(),
            samples: Vec::new(),
        };
        let mut population = first;
        while let Some((group, row)) = self.next_row()? {
            if group != members.group {
                self.next = Some((group, row));
                break;
            }
            if row.bin.bin == population.bin.bin {
                population.merge(row);
            } else {
                let complete = std::mem::replace(&mut population, row);
                self.finish(complete, &mut members);
            }
        }
        self.finish(population, &mut members);
        Ok(Some(members))
    }

    /// Adds a complete population to its group, or leaves it out.
    fn finish(&mut self, population: Population, group: &mut PopulationGroup) {
        let names = population.checkpoints.iter();
        let networks: BTreeSet<NetworkIndex> =
            names.filter_map(|name| self.networks.get(name)).collect();
        let runs = count_runs(&networks);
        let n_networks = networks.len() as u64;
        if runs < self.min_runs {
            let bin = (group.group.architecture.clone(), population.bin.bin);
            self.read.bins_left_out.insert(bin);
            self.read.left_out.extend(networks);
            return;
        }
        self.read.compared.extend(networks);
        group.members.push(Member {
            bin: population.bin,
            networks: n_networks,
            runs,
            count: population.sample.count(),
        });
        group.samples.push(population.sample);
    }

    /// The next row with a network that is compared.
    fn next_row(&mut self) -> Result<Option<(Group, Population)>, TablesError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        while let Some((key, population)) = self.populations.next().transpose()? {
            let mut names = population.checkpoints.iter();
            if names.any(|name| self.networks.get(name).is_some()) {
                return Ok(Some((key.group, population)));
            }
        }
        Ok(None)
    }
}
