//! Writes the tables `densities` and `divergences`: the populations of a study and their
//! comparisons.

use std::thread::ScopedJoinHandle;

use cntflow_metrics::population::{Compared, compare};
use cntflow_tables::View;

use super::compared_pairs::{ComparedPairs, TestCounts};
use super::population_groups::{GroupReader, PopulationGroup};
use super::population_networks::{PopulationNetworks, count_runs};
use super::population_nulls::{GroupNulls, group_nulls};
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::study::populations::PopulationsSpec;

/// Value of the column `view` for populations by bins of a label.
const ENSEMBLE_VIEW: &str = "ensemble";

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

/// Writes the tables `densities` and `divergences` from all committed networks, on `n_threads`
/// threads.
///
/// # Errors
/// A part cannot be read, or a table not written.
pub(crate) fn write_population_tables(
    folder: &StudyFolder,
    record: &StudyRecord,
    spec: &PopulationsSpec,
    n_threads: usize,
) -> anyhow::Result<ComparisonCounts> {
    let tables = folder.tables();
    let spec = &spec.resolved(&record.labels);
    let networks = PopulationNetworks::choose(&tables, spec)?;
    let mut metadata = record.metadata();
    metadata.push((
        "cntflow.populations".to_owned(),
        serde_json::to_string(spec)?,
    ));
    let view = View {
        view: ENSEMBLE_VIEW,
        label: &spec.label,
    };
    let mut reader = GroupReader::new(tables.populations()?, &networks, spec.min_runs);
    let (mut n_groups, mut n_populations) = (0, 0);
    // Pairs are few beside the points of densities, and their p-values are adjusted all together.
    let mut pairs = ComparedPairs::default();
    tables.write_comparisons(view, &metadata, |writer| -> anyhow::Result<()> {
        // One group per thread is in memory at a time.
        loop {
            let groups = reader.next_groups(n_threads)?;
            if groups.is_empty() {
                return pairs.write(writer);
            }
            let compared = compare_groups(&groups);
            for (group, (compared, nulls)) in groups.into_iter().zip(compared) {
                n_groups += 1;
                n_populations += group.members.len() as u64;
                let (key, members) = (group.group, group.members);
                writer.write_densities(&key, &members, &compared, &nulls.bands)?;
                pairs.add(key, members, compared.pairs, nulls.pairs);
            }
        }
    })?;
    let read = reader.into_networks();
    let n_read = read.compared.union(&read.left_out).count();
    Ok(ComparisonCounts {
        n_networks: read.compared.len() as u64,
        n_runs: count_runs(&read.compared),
        n_groups,
        n_populations,
        n_pairs: pairs.len() as u64,
        tests: pairs.counts(),
        left_out: LeftOut {
            min_runs: spec.min_runs,
            n_bins: read.bins_left_out.len() as u64,
            n_networks: read.left_out.len() as u64,
            n_earlier: networks.n_earlier,
            n_runs_not_measured: networks.n_runs_not_measured,
            n_without_label: networks.n_without_label,
            n_without_values: (networks.len() - n_read) as u64,
        },
    })
}

/// Compares the populations of each group, with one thread per group.
fn compare_groups(groups: &[PopulationGroup]) -> Vec<(Compared, GroupNulls)> {
    let with_nulls = |group: &PopulationGroup| {
        let compared = compare(&group.samples);
        let nulls = group_nulls(group, &compared);
        (compared, nulls)
    };
    std::thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, _>> = groups
            .iter()
            .map(|group| scope.spawn(move || with_nulls(group)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
