//! What designs need of the table `networks`: the epochs of runs, and which networks are matched.

use polars::prelude::DataFrame;

use super::columns::{NETWORKS, numbers, texts};
use super::groups::named_groups;
use super::labels::{label_columns, raw_target};
use super::matched::{MatchedNetworks, Matching, cells};
use super::selection::SelectedRows;
use super::sides::TableSides;
use crate::error::Result;
use crate::spec::ExperimentSpec;
use crate::target::LearnedTarget;

/// Column with the number of epochs that a run is trained for.
pub(super) const EPOCHS: &str = "epochs";

/// Epochs of the runs of the chosen rows; NaN if the frame has no such column.
pub(super) fn epochs(frame: &DataFrame, rows: &[usize]) -> Result<Vec<f64>> {
    if frame.column(EPOCHS).is_err() {
        return Ok(vec![f64::NAN; rows.len()]);
    }
    let epochs = numbers(frame, NETWORKS, EPOCHS)?;
    Ok(rows.iter().map(|&row| epochs[row]).collect())
}

/// The rows that the labels of these rows are taken from.
pub(super) fn of_label(rows: &[usize], label_rows: &[usize]) -> Vec<usize> {
    rows.iter().map(|&row| label_rows[row]).collect()
}

/// Leaves out what the key `match` does not keep. Labels of the design alone decide.
pub(super) fn match_rows(
    frame: &DataFrame,
    spec: &ExperimentSpec,
    selected: &mut SelectedRows,
    groups: &[Option<usize>],
    sides: Option<&TableSides>,
) -> Result<Option<MatchedNetworks>> {
    if spec.matching.is_empty() {
        return Ok(None);
    }
    let rows = &selected.rows;
    let raw = raw_target(frame, &spec.target, &of_label(rows, &selected.label_rows))?;
    let all: Vec<usize> = (0..rows.len()).collect();
    let learned = LearnedTarget::learn(&spec.target, &raw, &all);
    let class_names = learned.class_names();
    let runs = texts(frame, NETWORKS, "run")?;
    let checkpoints = texts(frame, NETWORKS, "checkpoint")?;
    let (groups, group_names) = named_groups(rows, groups, &runs, &checkpoints);
    let side = |row: usize| sides.and_then(|sides| sides.name(row));
    let matching = Matching {
        cells: cells(frame, &spec.matching, rows, side)?,
        classes: all.iter().map(|&row| learned.class(&raw, row)).collect(),
        n_classes: class_names.len(),
        groups: &groups,
        group_names: &group_names,
        seed: spec.protocol.seed,
    };
    let kept = matching.kept();
    let kept: Vec<usize> = all.into_iter().filter(|&index| kept[index]).collect();
    let names: Vec<String> = spec
        .matching
        .iter()
        .map(|rule| rule.label.clone())
        .collect();
    let labels = label_columns(frame, &names, rows)?;
    let described = matching.describe(&kept, class_names, &labels);
    selected.counts.matched = rows.len() - kept.len();
    selected.rows = kept.iter().map(|&index| rows[index]).collect();
    Ok(Some(described))
}
