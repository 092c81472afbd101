//! Labels of the chosen networks: the target, and columns by their names.

use polars::prelude::DataFrame;

use super::columns::{LabelColumn, NETWORKS, labels};
use crate::error::{ExperimentError, Result};
use crate::spec::Target;
use crate::target::RawTarget;

/// The values of the target's label in these rows.
///
/// # Errors
/// The label holds texts where the target needs numbers.
pub(super) fn raw_target(frame: &DataFrame, target: &Target, rows: &[usize]) -> Result<RawTarget> {
    let column = labels(frame, NETWORKS, target.label())?.select(rows);
    match (column, target) {
        (LabelColumn::Texts(values), Target::Classes { .. }) => Ok(RawTarget::Texts(
            values.into_iter().map(Option::unwrap_or_default).collect(),
        )),
        (LabelColumn::Numbers(values), _) => Ok(RawTarget::Numbers(values)),
        (LabelColumn::Texts(_), _) => Err(ExperimentError::ColumnType {
            table: NETWORKS,
            column: target.label().to_owned(),
            expected: "numbers, which this kind of target needs",
        }),
    }
}

/// The named columns in these rows.
pub(super) fn label_columns(
    frame: &DataFrame,
    names: &[String],
    rows: &[usize],
) -> Result<Vec<(String, LabelColumn)>> {
    names
        .iter()
        .map(|name| Ok((name.clone(), labels(frame, NETWORKS, name)?.select(rows))))
        .collect()
}
