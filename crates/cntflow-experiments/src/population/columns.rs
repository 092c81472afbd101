//! Columns of Polars frames as plain vectors, with errors that name table and column.

use polars::prelude::{Column, DataFrame, DataType, LazyFrame, PlSmallStr, col};

use crate::error::{ExperimentError, Result};

/// Name of the table of networks in errors.
pub(crate) const NETWORKS: &str = "networks";

/// A label column: numbers or text.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelColumn {
    /// Numbers and flags. NaN stands for a missing value.
    Numbers(Vec<f64>),
    /// Text. `None` stands for a missing value.
    Texts(Vec<Option<String>>),
}

impl LabelColumn {
    /// The values of the given rows, in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row]).collect()),
            Self::Texts(values) => {
                Self::Texts(rows.iter().map(|&row| values[row].clone()).collect())
            }
        }
    }

    /// Each value as text, `None` for a missing one.
    pub fn texts(&self) -> Vec<Option<String>> {
        match self {
            Self::Numbers(values) => values
                .iter()
                .map(|value| (!value.is_nan()).then(|| value.to_string()))
                .collect(),
            Self::Texts(values) => values.clone(),
        }
    }
}

/// Names of the frame's columns.
fn column_names(frame: &LazyFrame) -> Result<Vec<String>> {
    let schema = frame.clone().collect_schema()?;
    Ok(schema.iter_names().map(PlSmallStr::to_string).collect())
}

/// At most three of `names` that are similar to `name`, the most similar first.
pub fn nearest_names(name: &str, names: &[String]) -> Vec<String> {
    let similarity = |other: &String| strsim::jaro_winkler(name, other);
    let mut similar: Vec<&String> = names
        .iter()
        .filter(|other| similarity(other) > MIN_SIMILARITY || other.contains(name))
        .collect();
    similar.sort_by(|a, b| similarity(b).total_cmp(&similarity(a)));
    similar.into_iter().take(3).cloned().collect()
}

/// Jaro-Winkler similarity from which a name is offered instead of a missing one.
const MIN_SIMILARITY: f64 = 0.75;

/// Checks that a table has the required columns, and gives the names of all.
///
/// # Errors
/// [`ExperimentError::MissingColumn`] for the first that is missing; any error of Polars.
pub(crate) fn require_columns(
    frame: &LazyFrame,
    table: &'static str,
    required: &[&str],
) -> Result<Vec<String>> {
    let names = column_names(frame)?;
    let is_missing = |required: &&&str| !names.iter().any(|name| name == **required);
    match required.iter().find(is_missing) {
        None => Ok(names),
        Some(missing) => Err(ExperimentError::MissingColumn {
            table,
            column: (*missing).to_owned(),
            nearest: nearest_names(missing, &names),
        }),
    }
}

/// Reads all `required` columns, and those `optional` ones that the table has.
///
/// # Errors
/// [`ExperimentError::MissingColumn`] for a required column that is missing; any error of Polars.
pub(crate) fn collect_columns(
    frame: LazyFrame,
    table: &'static str,
    required: &[&str],
    optional: &[&str],
) -> Result<DataFrame> {
    let names = require_columns(&frame, table, required)?;
    let mut chosen = required.to_vec();
    for name in optional {
        let is_present = names.iter().any(|present| present == name);
        if is_present && !chosen.contains(name) {
            chosen.push(name);
        }
    }
    let expressions: Vec<_> = chosen.into_iter().map(col).collect();
    Ok(frame.select(expressions).collect()?)
}

/// A column as text; null becomes `None`.
pub(crate) fn texts(
    frame: &DataFrame,
    table: &'static str,
    name: &str,
) -> Result<Vec<Option<String>>> {
    let column = cast(frame, table, name, &DataType::String, "text")?;
    let values = column
        .as_materialized_series()
        .str()?
        .iter()
        .map(|value| value.map(str::to_owned));
    Ok(values.collect())
}

/// A column as numbers; null becomes NaN.
pub(crate) fn numbers(frame: &DataFrame, table: &'static str, name: &str) -> Result<Vec<f64>> {
    let column = cast(frame, table, name, &DataType::Float64, "numbers")?;
    let values = column
        .as_materialized_series()
        .f64()?
        .iter()
        .map(|value| value.unwrap_or(f64::NAN));
    Ok(values.collect())
}

/// A column as numbers if it holds numbers or flags, otherwise as text.
pub(crate) fn labels(frame: &DataFrame, table: &'static str, name: &str) -> Result<LabelColumn> {
    let kind = frame.column(name)?.dtype().clone();
    if kind.is_primitive_numeric() || kind == DataType::Boolean {
        return numbers(frame, table, name).map(LabelColumn::Numbers);
    }
    texts(frame, table, name).map(LabelColumn::Texts)
}

fn cast(
    frame: &DataFrame,
    table: &'static str,
    name: &str,
    to: &DataType,
    expected: &'static str,
) -> Result<Column> {
    let column = frame.column(name)?;
    let wrong_type = || ExperimentError::ColumnType {
        table,
        column: name.to_owned(),
        expected,
    };
    // Polars would cast text to numbers and make each word a null; a text column is
    // refused as a whole instead.
    if *to == DataType::Float64 && column.dtype() == &DataType::String {
        return Err(wrong_type());
    }
    column.cast(to).map_err(|_| wrong_type())
}
