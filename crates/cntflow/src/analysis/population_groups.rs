//! Reads the populations of the tables group by group.

use std::collections::BTreeSet;

use cntflow_metrics::population::{SamplePoints, SampleSummary};
use cntflow_tables::{Group, Member, Population, PopulationKey, Populations, TablesError};

use super::population_networks::{NetworkIndex, PopulationNetworks, count_runs};

/// The populations of one group (shape, layer, metric), in the order of their bins.
pub(super) struct PopulationGroup {
    /// What the populations have in common.
    pub(super) group: Group,
    /// Bin and size of each population.
    pub(super) members: Vec<Member>,
    /// Values of each population, in the order of `members`.
    pub(super) samples: Vec<SampleSummary>,
    /// Values of each population network by network, in the order of `members`; `None` where the
    /// networks of a bin are stored together.
    pub(super) networks: Vec<Option<Vec<SamplePoints>>>,
}

impl PopulationGroup {
    /// Sorts the populations by the indices of their bins. Rows are sorted by value as text, which
    /// is not the order of numbers.
    fn sort_by_bin(&mut self) {
        let members = std::mem::take(&mut self.members).into_iter();
        let samples = std::mem::take(&mut self.samples);
        let networks = std::mem::take(&mut self.networks);
        let mut all: Vec<_> = members.zip(samples).zip(networks).collect();
        all.sort_by_key(|((member, _), _)| member.bin.bin);
        for ((member, sample), networks) in all {
            self.members.push(member);
            self.samples.push(sample);
            self.networks.push(networks);
        }
    }
}

/// A population while its rows are read.
struct ReadPopulation {
    population: Population,
    /// Its networks in few points each, in the order of their names; `None` if the values of one
    /// are stored with those of others.
    networks: Option<Vec<SamplePoints>>,
}

impl ReadPopulation {
    fn of(checkpoint: Option<&str>, population: Population) -> Self {
        let points = checkpoint.map(|_| vec![SamplePoints::of(&population.sample)]);
        Self {
            population,
            networks: points,
        }
    }

    fn merge(&mut self, other: Self) {
        self.population.merge(other.population);
        self.networks = self
            .networks
            .take()
            .zip(other.networks)
            .map(|(mut all, more)| {
                all.extend(more);
                all
            });
    }
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
    next: Option<(PopulationKey, Population)>,
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
        let Some((mut key, first)) = self.next_row()? else {
            return Ok(None);
        };
        let mut group = PopulationGroup {
            group: key.group.clone(),
            members: Vec::new(),
            samples: Vec::new(),
            networks: Vec::new(),
        };
        let mut read = ReadPopulation::of(key.checkpoint.as_deref(), first);
        while let Some((next, row)) = self.next_row()? {
            if next.group != group.group {
                self.next = Some((next, row));
                break;
            }
            let row = ReadPopulation::of(next.checkpoint.as_deref(), row);
            if (next.bin, &next.value) == (key.bin, &key.value) {
                read.merge(row);
            } else {
                let complete = std::mem::replace(&mut read, row);
                self.finish(complete, &mut group);
            }
            key = next;
        }
        self.finish(read, &mut group);
        group.sort_by_bin();
        Ok(Some(group))
    }

    /// Adds a complete population to its group, or leaves it out.
    fn finish(&mut self, read: ReadPopulation, group: &mut PopulationGroup) {
        let mut population = read.population;
        if let Some(value) = &population.bin.value {
            population.bin.bin = self.networks.index_of_value(value);
        }
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
        group.networks.push(read.networks);
    }

    /// The next row with a network that is compared.
    fn next_row(&mut self) -> Result<Option<(PopulationKey, Population)>, TablesError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        while let Some((key, population)) = self.populations.next().transpose()? {
            let mut names = population.checkpoints.iter();
            if names.any(|name| self.networks.get(name).is_some()) {
                return Ok(Some((key, population)));
            }
        }
        Ok(None)
    }
}
