//! Polars frames as text, CSV and JSON. The tables are small by the time they get here, so rows are formatted one by one
//! and Polars' own writers, which take minutes to compile, are not needed.

use std::io::Write;
use std::path::Path;

use cntflow_storage::write_atomically;
use polars::prelude::{AnyValue, DataFrame};
use serde_json::{Map, Number, Value};

use crate::printer;

/// Rows shown for the eye; a note says how many there are beyond.
const ROWS_SHOWN: usize = 1000;

/// Columns for the eye.
pub(crate) fn text(frame: &DataFrame) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for row in 0..frame.height().min(ROWS_SHOWN) {
        rows.push(values(frame, row)?.iter().map(for_the_eye).collect());
    }
    let mut text = printer::table(names(frame), rows);
    if frame.height() > ROWS_SHOWN {
        text.push_str(&format!(
            "\n({} of {} rows; --format csv gives all)",
            ROWS_SHOWN,
            frame.height()
        ));
    }
    Ok(text)
}

/// Comma-separated values with a header; reals in full.
pub(crate) fn csv(frame: &DataFrame) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names(frame))?;
    for row in 0..frame.height() {
        writer.write_record(values(frame, row)?.iter().map(plain))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?
        .trim_end()
        .to_owned())
}

/// An array with one object per row. JSON has no NaN: it becomes null.
pub(crate) fn json(frame: &DataFrame) -> anyhow::Result<Value> {
    let names = names(frame);
    let mut rows = Vec::new();
    for row in 0..frame.height() {
        let values = values(frame, row)?;
        let cells = names.iter().cloned().zip(values.iter().map(json_value));
        rows.push(Value::Object(cells.collect::<Map<_, _>>()));
    }
    Ok(Value::Array(rows))
}

/// Writes a file, whole or not at all.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically::<std::io::Error>(path, |file: &mut (dyn Write + Send)| {
        file.write_all(bytes)
    })?;
    Ok(())
}

fn names(frame: &DataFrame) -> Vec<String> {
    frame
        .get_column_names()
        .iter()
        .map(|name| name.to_string())
        .collect()
}

fn values(frame: &DataFrame, row: usize) -> anyhow::Result<Vec<AnyValue<'_>>> {
    frame
        .columns()
        .iter()
        .map(|column| Ok(column.get(row)?))
        .collect()
}

fn for_the_eye(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Float64(value) => format_real(*value),
        AnyValue::Float32(value) => format_real(f64::from(*value)),
        other => plain(other),
    }
}

fn format_real(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

fn plain(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Float64(value) => value.to_string(),
        AnyValue::Float32(value) => value.to_string(),
        other => other.to_string(),
    }
}

fn json_value(value: &AnyValue<'_>) -> Value {
    let real = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(*value),
        AnyValue::Float64(value) => real(*value),
        AnyValue::Float32(value) => real(f64::from(*value)),
        AnyValue::UInt64(value) => Value::from(*value),
        other => match other.extract::<i64>() {
            Some(whole) if other.is_integer() => Value::from(whole),
            _ => Value::String(plain(other)),
        },
    }
}
