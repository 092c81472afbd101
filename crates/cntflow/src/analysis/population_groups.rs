//! Reads the values of populations group by group.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use cntflow_metrics::population::{SamplePoints, SampleSummary};
use cntflow_tables::{Population, PopulationKey, Populations, TableStore};

use super::population_networks::PopulationNetworks;
use super::population_plan::PlannedGroup;

/// The populations of one group (shape, layer, metric), in the order of its members.
pub(super) struct PopulationGroup {
    /// What the populations are.
    pub(super) planned: PlannedGroup,
    /// Values of each population.
    pub(super) samples: Vec<SampleSummary>,
    /// Values of each population network by network, in the order of their names; `None` where the
    /// networks of a bin are stored together.
    pub(super) networks: Vec<Option<Vec<SamplePoints>>>,
}

impl PopulationGroup {
    /// Number of points of all networks.
    pub(super) fn n_points(&self) -> usize {
        let networks = self.networks.iter().flatten().flatten();
        networks.map(SamplePoints::len).sum()
    }
}

/// A population while its rows are read.
struct ReadPopulation {
    sample: SampleSummary,
    networks: Option<Vec<SamplePoints>>,
}

impl ReadPopulation {
    fn of(checkpoint: Option<&str>, population: Population) -> Self {
        let points = checkpoint.map(|_| vec![SamplePoints::of(&population.sample)]);
        Self {
            sample: population.sample,
            networks: points,
        }
    }

    fn merge(&mut self, other: Self) {
        self.sample.merge(&other.sample);
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

/// Reads groups one after the other.
pub(super) struct GroupReader<'n> {
    populations: Populations,
    networks: &'n PopulationNetworks,
    /// The first row of the next group: only reading it shows that a group has ended.
    next: Option<(PopulationKey, Population)>,
}

impl<'n> GroupReader<'n> {
    /// Reads these groups, of which only `networks` count.
    ///
    /// # Errors
    /// A part of the table cannot be opened.
    pub(super) fn open<'g>(
        tables: &TableStore,
        networks: &'n PopulationNetworks,
        groups: impl Iterator<Item = &'g PlannedGroup>,
    ) -> anyhow::Result<Self> {
        let groups: BTreeSet<_> = groups.map(|planned| planned.group.clone()).collect();
        Ok(Self {
            populations: tables.populations(groups)?,
            networks,
            next: None,
        })
    }

    /// Reads the values of a group. Groups must come in rising order.
    ///
    /// # Errors
    /// A part of the table cannot be read, or lacks a population of the group.
    pub(super) fn read(&mut self, planned: PlannedGroup) -> anyhow::Result<PopulationGroup> {
        let mut read: Vec<Option<ReadPopulation>> = Vec::new();
        read.resize_with(planned.members.len(), || None);
        while let Some((key, population)) = self.next_row()? {
            if key.group > planned.group {
                self.next = Some((key, population));
                break;
            }
            let Some(&index) = planned.stored.get(&(key.bin, key.value)) else {
                continue;
            };
            let row = ReadPopulation::of(key.checkpoint.as_deref(), population);
            match &mut read[index] {
                Some(read) => read.merge(row),
                first => *first = Some(row),
            }
        }
        let mut group = PopulationGroup {
            planned,
            samples: Vec::new(),
            networks: Vec::new(),
        };
        for read in read {
            let read = read.context("the table 'populations' has changed while it was read")?;
            group.samples.push(read.sample);
            group.networks.push(read.networks);
        }
        let counts = group.samples.iter().map(SampleSummary::count);
        for (count, planned) in counts.zip(&group.planned.members) {
            if count != planned.member.count {
                bail!(
                    "the table 'populations' has {count} values of layer {} of {}, and its column \
                     'count' says {}",
                    group.planned.group.name,
                    group.planned.group.architecture,
                    planned.member.count
                );
            }
        }
        Ok(group)
    }

    /// The next row with a network that is compared.
    fn next_row(&mut self) -> anyhow::Result<Option<(PopulationKey, Population)>> {
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
