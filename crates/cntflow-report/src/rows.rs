//! The columns of an answer as values.

use polars::prelude::{AnyValue, Column, DataFrame, DataType, PolarsError};

use crate::number;

/// The reals of a column; `None` for a null.
pub(crate) fn reals(frame: &DataFrame, column: &str) -> Result<Vec<Option<f64>>, PolarsError> {
    let reals = frame.column(column)?.cast(&DataType::Float64)?;
    Ok(reals.f64()?.iter().collect())
}

/// The finite reals of a column; `None` for what has no place in a drawing.
pub(crate) fn finite(frame: &DataFrame, column: &str) -> Result<Vec<Option<f64>>, PolarsError> {
    let values = reals(frame, column)?.into_iter();
    Ok(values
        .map(|value| value.filter(|value| value.is_finite()))
        .collect())
}

/// The texts of a column, of whatever type it is; empty for a null.
pub(crate) fn texts(frame: &DataFrame, column: &str) -> Result<Vec<String>, PolarsError> {
    column_texts(frame.column(column)?)
}

/// The values of a column as text.
pub(crate) fn column_texts(column: &Column) -> Result<Vec<String>, PolarsError> {
    let cells = (0..column.len()).map(|row| Ok(text(&column.get(row)?)));
    cells.collect()
}

/// A value as text; empty for a null.
fn text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Float64(value) => number::real(*value),
        AnyValue::Float32(value) => number::real(f64::from(*value)),
        AnyValue::Boolean(is) => if *is { "yes" } else { "no" }.to_owned(),
        other => other.to_string(),
    }
}

/// The different values in their order of appearance, and for each row the index of its own.
pub(crate) fn groups(values: &[String]) -> (Vec<String>, Vec<usize>) {
    let mut names: Vec<String> = Vec::new();
    let indices = values.iter().map(|value| {
        names
            .iter()
            .position(|name| name == value)
            .unwrap_or_else(|| {
                names.push(value.clone());
                names.len() - 1
            })
    });
    let indices = indices.collect();
    (names, indices)
}
