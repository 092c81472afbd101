//! Columns of Polars frames as plain vectors, with errors that name table and column.

use polars::prelude::{Column, DataFrame, DataType, LazyFrame, PlSmallStr, col};

use crate::error::{DiscriminateError, Result};

/// A label column, as numbers or as text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LabelColumn {
    /// Numbers and flags; NaN where there is none.
    Numbers(Vec<f64>),
    /// Text; `None` where there is none.
    Texts(Vec<Option<String>>),
}

impl LabelColumn {
    /// The values at `rows`, in that order.
    pub(crate) fn at(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row]).collect()),
            Self::Texts(values) => {
                Self::Texts(rows.iter().map(|&row| values[row].clone()).collect())
            }
        }
    }

    /// Each value as text; `None` where there is none.
    pub(crate) fn texts(&self) -> Vec<Option<String>> {
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
pub(crate) fn column_names(frame: &LazyFrame) -> Result<Vec<String>> {
    let schema = frame.clone().collect_schema()?;
    Ok(schema.iter_names().map(PlSmallStr::to_string).collect())
}

/// Collects `required` columns and those of `wanted` that the table has.
///
/// # Errors
/// [`DiscriminateError::MissingColumn`] for a required column that is not there, and Polars' own.
pub(crate) fn collect_columns(
    frame: LazyFrame,
    table: &'static str,
    required: &[&str],
    wanted: &[&str],
) -> Result<DataFrame> {
    let names = column_names(&frame)?;
    let has = |name: &str| names.iter().any(|present| present == name);
    if let Some(missing) = required.iter().find(|name| !has(name)) {
        return Err(DiscriminateError::MissingColumn {
            table,
            column: (*missing).to_owned(),
        });
    }
    let mut chosen = required.to_vec();
    for name in wanted {
        if has(name) && !chosen.contains(name) {
            chosen.push(name);
        }
    }
    let expressions: Vec<_> = chosen.into_iter().map(col).collect();
    Ok(frame.select(expressions).collect()?)
}

/// A column as text, `None` where it is null.
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

/// A column as numbers, NaN where it is null.
pub(crate) fn numbers(frame: &DataFrame, table: &'static str, name: &str) -> Result<Vec<f64>> {
    let column = cast(frame, table, name, &DataType::Float64, "numbers")?;
    let values = column
        .as_materialized_series()
        .f64()?
        .iter()
        .map(|value| value.unwrap_or(f64::NAN));
    Ok(values.collect())
}

/// A column as numbers if it holds any kind of number or flags, as text otherwise.
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
    let wrong = || DiscriminateError::ColumnType {
        table,
        column: name.to_owned(),
        expected,
    };
    if *to == DataType::Float64 && column.dtype() == &DataType::String {
        return Err(wrong());
    }
    column.cast(to).map_err(|_| wrong())
}
