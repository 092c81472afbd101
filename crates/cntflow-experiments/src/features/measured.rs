//! Columns of the table `layers`.

use std::collections::{BTreeSet, HashMap};

use polars::prelude::LazyFrame;

use super::column::FeatureColumn;
use super::error::Result;
use super::formula::Formula;
use super::groups::{Group, Summary, group_lines};
use super::lines::Lines;
use super::metrics::{ALL_STATISTICS, Sets, check_measured};
use super::normalise::Normalisation;
use crate::spec::Representation;

/// Statistics that are in memory at a time: 8 bytes for each of them and each row of the table.
const STATISTICS_AT_A_TIME: usize = 3;

/// The columns of the sets that are read from `layers`, and the networks that have no row there.
pub(super) struct MeasuredColumns {
    pub(super) columns: Vec<FeatureColumn>,
    pub(super) without_layers: Vec<usize>,
}

impl MeasuredColumns {
    /// Reads the columns of the `wanted` sets. A statistic that no network has makes no column.
    ///
    /// # Errors
    /// The metrics of a `required` set were not measured; a column of the table is missing; any
    /// error of Polars.
    pub(super) fn read(
        layers: &LazyFrame,
        row_of: &HashMap<&str, u32>,
        n_rows: usize,
        representation: Representation,
        wanted: Sets,
        required: Sets,
    ) -> Result<Self> {
        let lines = Lines::read(layers, row_of, n_rows)?;
        let present: BTreeSet<&str> = lines.metrics.texts().iter().map(String::as_str).collect();
        check_measured(required, &present)?;
        let groups = group_lines(&lines, representation, wanted);
        let needs = |group: &Group, statistic: &str, summary| {
            group.sets(statistic, summary, representation).meets(wanted)
        };
        let normalisation = if groups.iter().any(|group| group.is_normalised) {
            Some(Normalisation::read(&lines, layers)?)
        } else {
            None
        };
        let is_needed = |statistic: &&str| {
            let mut groups = groups.iter();
            groups.any(|group| needs(group, statistic, Summary::Mean))
        };
        let statistics: Vec<&str> = ALL_STATISTICS.into_iter().filter(is_needed).collect();
        let mut columns = Vec::new();
        for chunk in statistics.chunks(STATISTICS_AT_A_TIME) {
            let numbers = lines.numbers(layers, chunk)?;
            for (statistic, values) in chunk.iter().zip(&numbers) {
                for group in &groups {
                    let summaries = group.summaries().iter();
                    let summaries: Vec<Summary> = summaries
                        .copied()
                        .filter(|summary| needs(group, statistic, *summary))
                        .collect();
                    let formula = formula(group, statistic);
                    let value = |line: usize| match &normalisation {
                        Some(normalisation) => normalisation.apply(formula, line, values[line]),
                        None => values[line],
                    };
                    for (summary, values) in summarise(group, &lines, &summaries, n_rows, value) {
                        columns.push(FeatureColumn {
                            name: name(group, statistic, summary),
                            sets: group.sets(statistic, summary, representation),
                            values,
                        });
                    }
                }
            }
        }
        Ok(Self {
            columns,
            without_layers: lines.without_lines(),
        })
    }
}

fn formula(group: &Group, statistic: &str) -> Formula {
    if group.is_normalised {
        Formula::of(&group.metric, statistic)
    } else {
        Formula::AsItIs
    }
}

/// The column's name. A number that is not the table's has another name than the table's.
fn name(group: &Group, statistic: &str, summary: Summary) -> String {
    let name = group.column_name(statistic, summary);
    if formula(group, statistic) == Formula::AsItIs {
        name
    } else {
        format!("{name}_normalised")
    }
}

/// The summaries of each network's finite values. A summary that no network has is left out.
fn summarise(
    group: &Group,
    lines: &Lines,
    summaries: &[Summary],
    n_rows: usize,
    value: impl Fn(usize) -> f64,
) -> Vec<(Summary, Vec<f64>)> {
    let mut columns: Vec<(Summary, Vec<f64>)> = summaries
        .iter()
        .map(|summary| (*summary, vec![f64::NAN; n_rows]))
        .collect();
    if columns.is_empty() {
        return columns;
    }
    let network = |line: u32| lines.lines[line as usize].network;
    let mut finite = Vec::new();
    for of_network in group.lines.chunk_by(|a, b| network(*a) == network(*b)) {
        finite.clear();
        let values = of_network.iter().map(|&line| value(line as usize));
        finite.extend(values.filter(|value| value.is_finite()));
        // Sums of the same numbers in another order differ in their last bits, and the order of a
        // table's parts must not show.
        finite.sort_by(f64::total_cmp);
        let row = network(of_network[0]) as usize;
        for (summary, column) in &mut columns {
            column[row] = match summary {
                Summary::Mean => mean(&finite),
                Summary::Std => deviation(&finite),
            };
        }
    }
    columns.retain(|(_, values)| values.iter().any(|value| value.is_finite()));
    columns
}

/// The mean; NaN of no values.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The population standard deviation (ddof 0); NaN of fewer than two values.
fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / values.len() as f64).sqrt()
}
