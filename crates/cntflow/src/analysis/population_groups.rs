//! Reads the populations of the tables group by group.

use cntflow_metrics::population::SampleSummary;
use cntflow_tables::{Group, Member, Population, Populations, TablesError};

/// The populations of one group (shape, layer, metric), in the order of their bins.
pub(super) struct PopulationGroup {
    /// What the populations have in common.
    pub(super) group: Group,
    /// Bin and size of each population.
    pub(super) members: Vec<Member>,
    /// Values of each population, in the order of `members`.
    pub(super) samples: Vec<SampleSummary>,
}

/// Reads groups one after the other.
pub(super) struct GroupReader {
    populations: Populations,
    /// The first population of the next group: only reading it shows that a group has ended.
    next: Option<(Group, Population)>,
}

impl GroupReader {
    /// Reads the groups of these populations, which are sorted by group and bin.
    pub(super) fn new(populations: Populations) -> Self {
        Self {
            populations,
            next: None,
        }
    }

    /// The next groups, at most `n`; none at the end.
    ///
    /// # Errors
    /// A part of the table cannot be read.
    pub(super) fn next_groups(&mut self, n: usize) -> Result<Vec<PopulationGroup>, TablesError> {
        let mut groups = Vec::new();
        while groups.len() < n
            && let Some(group) = self.next_group()?
        {
            groups.push(group);
        }
        Ok(groups)
    }

    fn next_group(&mut self) -> Result<Option<PopulationGroup>, TablesError> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.read()?,
        };
        let Some((group, population)) = first else {
            return Ok(None);
        };
        let mut members = PopulationGroup {
            group,
            members: Vec::new(),
            samples: Vec::new(),
        };
        members.add(population);
        while let Some((group, population)) = self.read()? {
            if group != members.group {
                self.next = Some((group, population));
                break;
            }
            members.add(population);
        }
        Ok(Some(members))
    }

    fn read(&mut self) -> Result<Option<(Group, Population)>, TablesError> {
        let population = self.populations.next().transpose()?;
        Ok(population.map(|(key, population)| (key.group, population)))
    }
}

impl PopulationGroup {
    fn add(&mut self, population: Population) {
        self.members.push(Member {
            bin: population.bin,
            networks: population.networks,
            count: population.sample.count(),
        });
        self.samples.push(population.sample);
    }
}
