//! Reads the values of populations group by group.

use std::collections::BTreeSet;

use anyhow::bail;
use cntflow_metrics::population::{SamplePoints, SampleSummary};
use cntflow_tables::{Populations, StoredPopulation, TableStore, TablesError};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::known_groups::KnownGroup;
use super::population_networks::PopulationNetworks;
use super::population_plan::{PlannedGroup, PlannedMember, VersionOf, digest_of};

/// Size of the stored values that are in memory until they are decoded, in bytes.
const READ_BYTES: usize = 16 << 20;

/// Number of rows that a thread decodes and merges at a time.
const ROWS_OF_A_TASK: usize = 16;

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

/// What helps to read a group.
#[derive(Clone, Copy)]
pub(super) struct GroupReading<'a> {
    /// What the group was before.
    pub(super) known: Option<&'a KnownGroup>,
    pub(super) version_of: VersionOf<'a>,
    pub(super) threads: &'a ThreadPool,
}

/// A row that is not decoded yet.
struct ReadRow {
    /// Index of its population.
    index: usize,
    /// Whether the population has its values already.
    is_merged: bool,
    row: StoredPopulation,
}

/// Rows of one population, decoded.
struct DecodedRows {
    index: usize,
    /// Values of those that the population did not have.
    sample: SampleSummary,
    networks: Option<Vec<SamplePoints>>,
}

impl DecodedRows {
    /// Decodes some rows of one population, of which there is at least one.
    fn of(rows: &[ReadRow]) -> Result<Self, TablesError> {
        let mut decoded = Self {
            index: rows[0].index,
            sample: SampleSummary::default(),
            networks: Some(Vec::with_capacity(rows.len())),
        };
        for read in rows {
            decoded.add(read)?;
        }
        Ok(decoded)
    }

    fn add(&mut self, read: &ReadRow) -> Result<(), TablesError> {
        let points = if read.is_merged {
            read.row.points()?
        } else {
            let sample = read.row.sample()?;
            self.sample.merge(&sample);
            SamplePoints::of(&sample)
        };
        if read.row.key().checkpoint.is_none() {
            self.networks = None;
        }
        if let Some(networks) = &mut self.networks {
            networks.push(points);
        }
        Ok(())
    }
}

/// A population while its rows are read.
struct ReadPopulation {
    sample: SampleSummary,
    /// `None` where the networks of a bin are stored together.
    networks: Option<Vec<SamplePoints>>,
    /// The networks whose values `sample` has had from the beginning.
    merged: BTreeSet<u128>,
    has_rows: bool,
}

impl ReadPopulation {
    /// Begins with the values that the population had before, if nothing was taken out since then.
    fn begin(planned: &PlannedMember, known: Option<&KnownGroup>) -> Self {
        let known = known.and_then(|known| known.part_of(planned));
        let versions = known.and_then(|(member, _)| member.versions.as_ref());
        Self {
            sample: known.map_or_else(SampleSummary::default, |(_, sample)| sample.clone()),
            networks: Some(Vec::new()),
            merged: versions.map_or_else(BTreeSet::new, |versions| {
                versions.singles.iter().copied().collect()
            }),
            has_rows: false,
        }
    }

    /// Adds networks whose names come after those that are here.
    fn add(&mut self, rows: DecodedRows) {
        self.has_rows = true;
        self.sample.merge(&rows.sample);
        let networks = self.networks.take().zip(rows.networks);
        self.networks = networks.map(|(mut all, more)| {
            all.extend(more);
            all
        });
    }
}

/// The populations of a group while its rows are read.
struct ReadGroup<'a> {
    reading: GroupReading<'a>,
    /// In the order of the group's members.
    populations: Vec<ReadPopulation>,
    rows: Vec<ReadRow>,
    /// Size of the values of these rows.
    bytes: usize,
}

impl<'a> ReadGroup<'a> {
    fn begin(planned: &PlannedGroup, reading: GroupReading<'a>) -> Self {
        let members = planned.members.iter();
        let populations = members.map(|member| ReadPopulation::begin(member, reading.known));
        Self {
            reading,
            populations: populations.collect(),
            rows: Vec::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, index: usize, row: StoredPopulation) -> Result<(), TablesError> {
        let merged = &self.populations[index].merged;
        let is_merged = !merged.is_empty()
            && digest_of(row.checkpoints(), self.reading.version_of)
                .is_some_and(|digest| merged.contains(&digest));
        self.bytes += row.bytes();
        self.rows.push(ReadRow {
            index,
            is_merged,
            row,
        });
        if self.bytes >= READ_BYTES {
            self.decode()?;
        }
        Ok(())
    }

    /// Decodes the rows that have come together; threads share them.
    fn decode(&mut self) -> Result<(), TablesError> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        let populations = rows.chunk_by(|a, b| a.index == b.index);
        let tasks: Vec<&[ReadRow]> = populations
            .flat_map(|rows| rows.chunks(ROWS_OF_A_TASK))
            .collect();
        let decoded: Vec<DecodedRows> = self.reading.threads.install(|| {
            let tasks = tasks.into_par_iter();
            tasks.map(DecodedRows::of).collect::<Result<_, _>>()
        })?;
        for rows in decoded {
            self.populations[rows.index].add(rows);
        }
        Ok(())
    }
}

/// Reads groups one after the other.
pub(super) struct GroupReader<'n> {
    populations: Populations,
    networks: &'n PopulationNetworks,
    /// The first row of the next group: only reading it shows that a group has ended.
    next: Option<StoredPopulation>,
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
    pub(super) fn read(
        &mut self,
        planned: PlannedGroup,
        reading: GroupReading<'_>,
    ) -> anyhow::Result<PopulationGroup> {
        let mut read = ReadGroup::begin(&planned, reading);
        while let Some(row) = self.next_row()? {
            let key = row.key();
            if key.group > planned.group {
                self.next = Some(row);
                break;
            }
            let stored = (key.bin, key.value.clone());
            let Some(&index) = planned.stored.get(&stored) else {
                continue;
            };
            read.add(index, row)?;
        }
        read.decode()?;
        let mut group = PopulationGroup {
            planned,
            samples: Vec::new(),
            networks: Vec::new(),
        };
        for population in read.populations {
            if !population.has_rows {
                bail!("the table 'populations' has changed while it was read");
            }
            group.samples.push(population.sample);
            group.networks.push(population.networks);
        }
        let counts = group.samples.iter().map(SampleSummary::count);
        for (count, planned) in counts.zip(&group.planned.members) {
            if count != planned.member.count {
                let of = &group.planned.group;
                bail!(
                    "the table 'populations' has {count} values of {} of layer {} of {} in bin {}, \
                     and its column 'count' says {}",
                    of.metric,
                    of.name,
                    of.architecture,
                    planned.member.bin.bin,
                    planned.member.count
                );
            }
        }
        Ok(group)
    }

    /// The next row with a network that is compared.
    fn next_row(&mut self) -> anyhow::Result<Option<StoredPopulation>> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        while let Some(row) = self.populations.next().transpose()? {
            let mut names = row.checkpoints().iter();
            if names.any(|name| self.networks.get(name).is_some()) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}
