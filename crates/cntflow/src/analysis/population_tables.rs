//! Writes the tables `densities` and `divergences`: the populations of a study and their
//! comparisons.

use std::thread::ScopedJoinHandle;

use cntflow_metrics::population::{Compared, compare};
use cntflow_tables::{Table, TableStore, View};
use polars::prelude::{AnyValue, DataFrame, col};

use super::population_groups::{GroupReader, PopulationGroup};
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::study::populations::PopulationsSpec;

/// Value of the column `view` for populations by bins of a label.
const ENSEMBLE_VIEW: &str = "ensemble";

/// What was compared: networks, groups, populations and pairs.
#[derive(Clone, Debug, Default)]
pub(crate) struct ComparisonCounts {
    /// Measured networks in a bin.
    pub(crate) n_networks: u64,
    /// Measured networks without a value of the label, which are in no bin.
    pub(crate) n_without_label: u64,
    /// Groups (shape, layer, metric) whose populations were compared.
    pub(crate) n_groups: u64,
    /// Populations in all groups.
    pub(crate) n_populations: u64,
    /// Compared pairs of populations.
    pub(crate) n_pairs: u64,
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
    let mut counts = count_networks(&tables, &spec.label)?;
    let mut metadata = record.metadata();
    metadata.push((
        "cntflow.populations".to_owned(),
        serde_json::to_string(spec)?,
    ));
    let view = View {
        view: ENSEMBLE_VIEW,
        label: &spec.label,
    };
    let mut reader = GroupReader::new(tables.populations()?);
    tables.write_comparisons(view, &metadata, |writer| -> anyhow::Result<()> {
        // One group per thread is in memory at a time.
        loop {
            let groups = reader.next_groups(n_threads)?;
            if groups.is_empty() {
                return Ok(());
            }
            for (group, compared) in groups.iter().zip(compare_groups(&groups)) {
                counts.n_groups += 1;
                counts.n_populations += group.members.len() as u64;
                counts.n_pairs += compared.pairs.len() as u64;
                writer.write(&group.group, &group.members, &compared)?;
            }
        }
    })?;
    Ok(counts)
}

/// Compares the populations of each group, with one thread per group.
fn compare_groups(groups: &[PopulationGroup]) -> Vec<Compared> {
    std::thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, Compared>> = groups
            .iter()
            .map(|group| scope.spawn(|| compare(&group.samples)))
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

/// Counts measured networks with and without the label.
fn count_networks(tables: &TableStore, label: &str) -> anyhow::Result<ComparisonCounts> {
    let networks = tables.scan(Table::Networks)?;
    let frame = networks.select([col("status"), col(label)]).collect()?;
    let mut counts = ComparisonCounts::default();
    for row in 0..frame.height() {
        if cell(&frame, "status", row)? != AnyValue::String("ok") {
            continue;
        }
        match cell(&frame, label, row)?.extract::<f64>() {
            Some(value) if value.is_finite() => counts.n_networks += 1,
            _ => counts.n_without_label += 1,
        }
    }
    Ok(counts)
}

fn cell<'a>(frame: &'a DataFrame, column: &str, row: usize) -> anyhow::Result<AnyValue<'a>> {
    Ok(frame.column(column)?.get(row)?)
}
