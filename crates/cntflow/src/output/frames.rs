//! Polars data frames as text, CSV and JSON.
//!
//! Frames to print are small, so their rows are formatted one by one. Polars' own writers would
//! take minutes to compile.

use std::io::Write;
use std::path::Path;

use cntflow_storage::write_atomically;
use polars::prelude::{AnyValue, DataFrame, Series};
use serde_json::{Map, Number, Value};

use crate::printer;

/// Rows shown as text. A note says how many there are in all.
const ROWS_SHOWN: usize = 1000;

/// A table with aligned columns, of at most [`ROWS_SHOWN`] rows.
pub(crate) fn to_text(frame: &DataFrame) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for row in 0..frame.height().min(ROWS_SHOWN) {
        rows.push(row_values(frame, row)?.iter().map(rounded_text).collect());
    }
    let mut text = printer::table(column_names(frame), rows);
    if frame.height() > ROWS_SHOWN {
        text.push_str(&format!(
            "\n({} of {} rows; --format csv prints all)",
            ROWS_SHOWN,
            frame.height()
        ));
    }
    Ok(text)
}

/// Comma-separated values with a header. Numbers keep all digits.
pub(crate) fn to_csv(frame: &DataFrame) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(column_names(frame))?;
    for row in 0..frame.height() {
        writer.write_record(row_values(frame, row)?.iter().map(exact_text))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?
        .trim_end()
        .to_owned())
}

/// An array with one object per row. NaN and infinity become null: JSON has neither.
pub(crate) fn to_json(frame: &DataFrame) -> anyhow::Result<Value> {
    let names = column_names(frame);
    let mut rows = Vec::new();
    for row in 0..frame.height() {
        let values = row_values(frame, row)?;
        let cells = names.iter().cloned().zip(values.iter().map(json_value));
        rows.push(Value::Object(cells.collect::<Map<_, _>>()));
    }
    Ok(Value::Array(rows))
}

/// Writes a file, complete or not at all.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically::<std::io::Error>(path, |file: &mut (dyn Write + Send)| {
        file.write_all(bytes)
    })?;
    Ok(())
}

fn column_names(frame: &DataFrame) -> Vec<String> {
    frame
        .get_column_names()
        .iter()
        .map(|name| name.to_string())
        .collect()
}

fn row_values(frame: &DataFrame, row: usize) -> anyhow::Result<Vec<AnyValue<'_>>> {
    frame
        .columns()
        .iter()
        .map(|column| Ok(column.get(row)?))
        .collect()
}

fn rounded_text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Float64(value) => rounded_number(*value),
        AnyValue::Float32(value) => rounded_number(f64::from(*value)),
        other => exact_text(other),
    }
}

fn rounded_number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

fn exact_text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Float64(value) => value.to_string(),
        AnyValue::Float32(value) => value.to_string(),
        AnyValue::List(values) => format!("[{}]", elements(values, exact_text).join(", ")),
        other => other.to_string(),
    }
}

/// The elements of a list, each converted.
fn elements<T>(list: &Series, convert: impl Fn(&AnyValue<'_>) -> T) -> Vec<T> {
    // Series are iterated in one chunk only.
    let list = list.rechunk();
    list.iter().map(|element| convert(&element)).collect()
}

fn json_value(value: &AnyValue<'_>) -> Value {
    let real = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(*value),
        AnyValue::Float64(value) => real(*value),
        AnyValue::Float32(value) => real(f64::from(*value)),
        AnyValue::UInt64(value) => Value::from(*value),
        AnyValue::List(values) => Value::Array(elements(values, json_value)),
        other => match other.extract::<i64>() {
            Some(whole) if other.is_integer() => Value::from(whole),
            _ => Value::String(exact_text(other)),
        },
    }
}
