//! The population of an experiment: which networks of the table `networks` take part, and
//! which are left out and why.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, LazyFrame};
use serde::{Deserialize, Serialize};

use crate::columns::{LabelColumn, collect_columns, labels, numbers, texts};
use crate::error::Result;
use crate::spec::{CheckpointSelection, DiscriminateSpec};

const TABLE: &str = "networks";

/// How many networks there were, can be used, and were left out. A network is left out for the
/// first reason that applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationCounts {
    /// Rows of the table `networks`.
    pub networks: usize,
    /// Groups among these rows.
    pub groups: usize,
    /// Networks that can be used, including those in the middle that a rule leaves out later.
    pub usable: usize,
    /// Groups with at least one usable network.
    pub usable_groups: usize,
    /// Left out because the status is `failed`.
    pub failed: usize,
    /// Left out because the status is neither `ok` nor `failed`, such as `skipped`.
    pub skipped: usize,
    /// Left out because there is no group.
    pub without_group: usize,
    /// Left out because the run has a later checkpoint.
    pub earlier: usize,
    /// Left out because the accuracy is null, NaN or infinite.
    pub without_accuracy: usize,
}

/// The usable networks, one row each, sorted by checkpoint, so that nothing depends on the
/// order of a table's parts.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) checkpoints: Vec<String>,
    /// For each row, the index of its group in `group_names`.
    pub(crate) groups: Vec<usize>,
    pub(crate) group_names: Vec<String>,
    pub(crate) steps: Vec<f64>,
    /// Values of the label column that the rules read. They are losses if lower is better.
    pub(crate) accuracies: Vec<f64>,
    /// Columns of the feature set `hyperparameters`, with their names.
    pub(crate) hyperparameters: Vec<(String, LabelColumn)>,
    /// Columns whose values are strata, with their names.
    pub(crate) strata: Vec<(String, LabelColumn)>,
    pub(crate) counts: PopulationCounts,
}

impl Population {
    /// Reads the columns that `spec` names, and chooses the rows.
    ///
    /// # Errors
    /// A column is missing or has another type; any error of Polars.
    pub(crate) fn read(networks: LazyFrame, spec: &DiscriminateSpec) -> Result<Self> {
        let required = ["checkpoint", "status", "step", &spec.group, &spec.accuracy];
        let optional: Vec<&str> = spec
            .hyperparameters
            .iter()
            .chain(&spec.strata)
            .map(String::as_str)
            .collect();
        let frame = collect_columns(networks, TABLE, &required, &optional)?;
        let (rows, counts) = choose_rows(&frame, spec)?;
        let select = |values: Vec<f64>| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
        let groups = texts(&frame, TABLE, &spec.group)?;
        let (groups, group_names) =
            index_by_name(rows.iter().filter_map(|&row| groups[row].clone()));
        let checkpoints = texts(&frame, TABLE, "checkpoint")?;
        let mut population = Self {
            checkpoints: rows
                .iter()
                .filter_map(|&row| checkpoints[row].clone())
                .collect(),
            groups,
            group_names,
            steps: select(numbers(&frame, TABLE, "step")?),
            accuracies: select(numbers(&frame, TABLE, &spec.accuracy)?),
            hyperparameters: label_columns(&frame, &spec.hyperparameters, &rows)?,
            strata: label_columns(&frame, &spec.strata, &rows)?,
            counts,
        };
        population.counts.usable = population.checkpoints.len();
        population.counts.usable_groups = population.group_names.len();
        Ok(population)
    }
}

/// The usable rows, sorted by checkpoint, and the counts of all others.
fn choose_rows(
    frame: &DataFrame,
    spec: &DiscriminateSpec,
) -> Result<(Vec<usize>, PopulationCounts)> {
    let checkpoints = texts(frame, TABLE, "checkpoint")?;
    let status = texts(frame, TABLE, "status")?;
    let groups = texts(frame, TABLE, &spec.group)?;
    let steps = numbers(frame, TABLE, "step")?;
    let accuracies = numbers(frame, TABLE, &spec.accuracy)?;

    let mut order: Vec<usize> = (0..frame.height()).collect();
    order.sort_by(|&a, &b| checkpoints[a].cmp(&checkpoints[b]));
    let last = last_rows(&order, &groups, &steps);
    let mut counts = PopulationCounts {
        networks: order.len(),
        groups: last.len(),
        ..Default::default()
    };
    let mut rows = Vec::new();
    for row in order {
        let is_last = groups[row]
            .as_ref()
            .is_some_and(|group| last.get(group) == Some(&row));
        if status[row].as_deref() == Some("failed") {
            counts.failed += 1;
        } else if status[row].as_deref() != Some("ok") || checkpoints[row].is_none() {
            counts.skipped += 1;
        } else if groups[row].is_none() {
            counts.without_group += 1;
        } else if spec.checkpoints == CheckpointSelection::Last && !is_last {
            counts.earlier += 1;
        } else if !accuracies[row].is_finite() {
            counts.without_accuracy += 1;
        } else {
            rows.push(row);
        }
    }
    Ok((rows, counts))
}

/// The row with the highest step of each group, whatever its status. A null step is lower than all
/// others. Of rows with the same step, the last one in `order` counts.
fn last_rows<'a>(
    order: &[usize],
    groups: &'a [Option<String>],
    steps: &[f64],
) -> BTreeMap<&'a String, usize> {
    let step = |row: usize| {
        if steps[row].is_nan() {
            f64::NEG_INFINITY
        } else {
            steps[row]
        }
    };
    let mut last = BTreeMap::new();
    for &row in order {
        if let Some(group) = &groups[row] {
            let latest = last.entry(group).or_insert(row);
            if step(row) >= step(*latest) {
                *latest = row;
            }
        }
    }
    last
}

/// For each name its index among the sorted different names, and these.
fn index_by_name(names: impl Iterator<Item = String>) -> (Vec<usize>, Vec<String>) {
    let names: Vec<String> = names.collect();
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    let indices = names
        .iter()
        .map(|name| sorted.partition_point(|other| other < name))
        .collect();
    (indices, sorted)
}

fn label_columns(
    frame: &DataFrame,
    names: &[String],
    rows: &[usize],
) -> Result<Vec<(String, LabelColumn)>> {
    let present = names.iter().filter(|name| frame.column(name).is_ok());
    present
        .map(|name| Ok((name.clone(), labels(frame, TABLE, name)?.select(rows))))
        .collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoLazy, df};

    use super::*;

    #[test]
    fn every_network_that_is_left_out_is_counted_once() {
        let frame = df!(
            "checkpoint" => ["f", "e", "d", "c", "b", "a", "g"],
            "status" => ["ok", "ok", "failed", "skipped", "ok", "ok", "ok"],
            "run" => [Some("r1"), Some("r1"), Some("r2"), None, None, Some("r3"), Some("r4")],
            "step" => [2_i64, 1, 1, 1, 1, 1, 7],
            "test_accuracy" => [Some(0.5), Some(0.4), Some(0.1), None, Some(0.2), None, Some(0.9)],
        );
        let population =
            Population::read(frame.unwrap().lazy(), &DiscriminateSpec::default()).unwrap();
        assert_eq!(population.checkpoints, ["f", "g"]);
        assert_eq!(population.accuracies, [0.5, 0.9]);
        let expected = PopulationCounts {
            networks: 7,
            groups: 4,
            usable: 2,
            usable_groups: 2,
            failed: 1,
            skipped: 1,
            without_group: 1,
            earlier: 1,
            without_accuracy: 1,
        };
        assert_eq!(population.counts, expected);
    }

    #[test]
    fn a_run_whose_last_checkpoint_failed_is_not_replaced_by_an_earlier_one() {
        let frame = df!(
            "checkpoint" => ["a", "b"], "status" => ["ok", "failed"], "run" => ["r", "r"],
            "step" => [1_i64, 2], "test_accuracy" => [0.5, 0.1],
        );
        let population =
            Population::read(frame.unwrap().lazy(), &DiscriminateSpec::default()).unwrap();
        assert_eq!(
            (
                population.counts.failed,
                population.counts.earlier,
                population.counts.usable
            ),
            (1, 1, 0)
        );
    }
}
