//! Writes the tables `densities` and `divergences`: the populations of a study and their
//! comparisons.

use anyhow::Context;
use cntflow_metrics::population::{Compared, SampleSummary, compare};
use cntflow_tables::{ComparisonWriter, View};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::compared_pairs::{ComparedPairs, TestCounts};
use super::known_groups::{GroupNulls, KnownGroups};
use super::population_groups::{GroupReader, GroupReading, PopulationGroup};
use super::population_networks::{PopulationNetworks, count_runs};
use super::population_nulls::group_nulls;
use super::population_plan::{PlannedGroup, PopulationPlan, VersionOf};
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::study::populations::PopulationsSpec;

/// Value of the column `view` for populations by bins of a label.
const ENSEMBLE_VIEW: &str = "ensemble";

/// Points of networks in memory after which no further group is read: 256 MB.
const MANY_POINTS: usize = 1 << 24;

/// What was compared, and what was left out.
#[derive(Clone, Debug)]
pub(crate) struct ComparisonCounts {
    /// Networks in the populations.
    pub(crate) n_networks: u64,
    /// Runs that they belong to.
    pub(crate) n_runs: u64,
    /// Groups (shape, layer, metric) whose populations were compared.
    pub(crate) n_groups: u64,
    /// Populations in all groups.
    pub(crate) n_populations: u64,
    /// Compared pairs of populations.
    pub(crate) n_pairs: u64,
    /// Pairs of populations in which nothing has changed since they were compared.
    pub(crate) n_from_before: u64,
    /// How many of these differ by more than chance.
    pub(crate) tests: TestCounts,
    /// What is in none of them.
    pub(crate) left_out: LeftOut,
}

/// What is in no population, and why.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// Fewest runs of a bin that is compared.
    pub(crate) min_runs: u64,
    /// Bins of a shape that have fewer runs.
    pub(crate) n_bins: u64,
    /// Networks in these bins.
    pub(crate) n_networks: u64,
    /// Measured networks that are not the last of their run.
    pub(crate) n_earlier: u64,
    /// Runs whose last checkpoint failed or diverged.
    pub(crate) n_runs_not_measured: u64,
    /// Measured networks without a value of the label, which are in no bin.
    pub(crate) n_without_label: u64,
    /// Networks with the label of which no values are stored: their graph is unknown, or they
    /// became the last of their run when a later checkpoint was withdrawn.
    pub(crate) n_without_values: u64,
}

/// Writes the tables `densities` and `divergences` from all committed networks.
pub(crate) struct PopulationTables<'a> {
    pub(crate) folder: &'a StudyFolder,
    pub(crate) record: &'a StudyRecord,
    pub(crate) spec: &'a PopulationsSpec,
    pub(crate) n_threads: usize,
}

impl PopulationTables<'_> {
    /// Compares all populations, and keeps no results.
    ///
    /// # Errors
    /// A part cannot be read, or a table not written.
    pub(crate) fn write(&self) -> anyhow::Result<ComparisonCounts> {
        self.write_with(&|_| None, None)
    }

    /// Compares the populations that are not those of before, by the versions of their networks,
    /// and keeps the results of all for the next time. The tables are the same as if all had been
    /// compared.
    ///
    /// # Errors
    /// A part cannot be read, or a table not written.
    pub(crate) fn write_changed(
        &self,
        version_of: VersionOf<'_>,
        known: &mut KnownGroups,
    ) -> anyhow::Result<ComparisonCounts> {
        self.write_with(version_of, Some(known))
    }

    fn write_with(
        &self,
        version_of: VersionOf<'_>,
        mut known: Option<&mut KnownGroups>,
    ) -> anyhow::Result<ComparisonCounts> {
        let tables = self.folder.tables();
        let spec = &self.spec.resolved(&self.record.labels);
        let networks = PopulationNetworks::choose(&tables, spec)?;
        let mut metadata = self.record.metadata();
        metadata.push((
            "cntflow.populations".to_owned(),
            serde_json::to_string(spec)?,
        ));
        let view = View {
            view: ENSEMBLE_VIEW,
            label: &spec.label,
        };
        let threads = ThreadPoolBuilder::new()
            .num_threads(self.n_threads)
            .build()
            .context("cannot start the threads that compare populations")?;
        let mut plan = PopulationPlan::read(&tables, &networks, spec.min_runs, version_of)?;
        let groups = std::mem::take(&mut plan.groups);
        let n_populations = groups.iter().map(|group| group.members.len() as u64).sum();
        let n_groups = groups.len() as u64;
        let before = known.as_mut().map(|known| std::mem::take(*known));
        let mut comparing = Comparing {
            reader: GroupReader::open(
                &tables,
                &networks,
                groups
                    .iter()
                    .filter(|group| !is_same(before.as_ref(), group)),
            )?,
            version_of,
            threads,
            n_threads: self.n_threads,
            kept: before.as_ref().map(|_| KnownGroups::default()),
            before,
            pairs: ComparedPairs::default(),
            n_from_before: 0,
        };
        tables.write_comparisons(view, &metadata, |writer| -> anyhow::Result<()> {
            comparing.write_all(groups, writer)?;
            comparing.pairs.write(writer)
        })?;
        if let (Some(known), Some(kept)) = (known, comparing.kept.take()) {
            *known = kept;
        }
        let n_read = plan.compared.union(&plan.left_out).count();
        Ok(ComparisonCounts {
            n_networks: plan.compared.len() as u64,
            n_runs: count_runs(&plan.compared),
            n_groups,
            n_populations,
            n_pairs: comparing.pairs.len() as u64,
            n_from_before: comparing.n_from_before,
            tests: comparing.pairs.counts(),
            left_out: LeftOut {
                min_runs: spec.min_runs,
                n_bins: plan.bins_left_out.len() as u64,
                n_networks: plan.left_out.len() as u64,
                n_earlier: networks.n_earlier,
                n_runs_not_measured: networks.n_runs_not_measured,
                n_without_label: networks.n_without_label,
                n_without_values: (networks.len() - n_read) as u64,
            },
        })
    }
}

/// Whether a group is the same as before.
fn is_same(before: Option<&KnownGroups>, group: &PlannedGroup) -> bool {
    before.is_some_and(|before| before.has_same(group))
}

/// Comparing group after group.
struct Comparing<'n> {
    reader: GroupReader<'n>,
    version_of: VersionOf<'n>,
    threads: ThreadPool,
    n_threads: usize,
    before: Option<KnownGroups>,
    /// Results for the next time, if they are kept.
    kept: Option<KnownGroups>,
    /// Pairs are few beside the points of densities, and their p-values are adjusted all together.
    pairs: ComparedPairs,
    /// Number of pairs whose nulls are those of before.
    n_from_before: u64,
}

impl Comparing<'_> {
    /// Writes the densities of all groups, and keeps their pairs.
    fn write_all(
        &mut self,
        groups: Vec<PlannedGroup>,
        writer: &mut ComparisonWriter<'_>,
    ) -> anyhow::Result<()> {
        let mut read: Vec<PopulationGroup> = Vec::new();
        let mut n_points = 0;
        for group in groups {
            let before = self.before.as_mut();
            if let Some(mut known) = before.and_then(|before| before.take_same(&group)) {
                known.nulls.n_from_before = known.nulls.pairs.len();
                // In the order of groups.
                self.write_read(&mut read, writer)?;
                n_points = 0;
                self.write_one(group, known.samples, known.compared, known.nulls, writer)?;
                continue;
            }
            let known = self.before.as_ref();
            let known = known.and_then(|known| known.get(&group.group));
            let reading = GroupReading {
                known,
                version_of: self.version_of,
                threads: &self.threads,
            };
            let group = self.reader.read(group, reading)?;
            n_points += group.n_points();
            read.push(group);
            if read.len() == self.n_threads || n_points > MANY_POINTS {
                self.write_read(&mut read, writer)?;
                n_points = 0;
            }
        }
        self.write_read(&mut read, writer)
    }

    /// Compares groups that were read, and writes them. Threads share the groups and the pairs of
    /// each.
    fn write_read(
        &mut self,
        groups: &mut Vec<PopulationGroup>,
        writer: &mut ComparisonWriter<'_>,
    ) -> anyhow::Result<()> {
        let with_nulls = |group: PopulationGroup| {
            let compared = compare(&group.samples);
            let known = self.before.as_ref();
            let known = known.and_then(|known| known.get(&group.planned.group));
            let nulls = group_nulls(&group, &compared, known);
            (group, compared, nulls)
        };
        let groups = std::mem::take(groups);
        let compared: Vec<_> = self
            .threads
            .install(|| groups.into_par_iter().map(with_nulls).collect());
        for (group, compared, nulls) in compared {
            self.write_one(group.planned, group.samples, compared, nulls, writer)?;
        }
        Ok(())
    }

    fn write_one(
        &mut self,
        planned: PlannedGroup,
        samples: Vec<SampleSummary>,
        compared: Compared,
        nulls: GroupNulls,
        writer: &mut ComparisonWriter<'_>,
    ) -> anyhow::Result<()> {
        let members = planned.members();
        writer.write_densities(&planned.group, &members, &compared, &nulls.bands)?;
        self.n_from_before += nulls.n_from_before as u64;
        let group = planned.group.clone();
        if let Some(kept) = &mut self.kept {
            kept.keep(planned, samples, compared.clone(), nulls.clone());
        }
        self.pairs.add(group, members, compared.pairs, nulls.pairs);
        Ok(())
    }
}
