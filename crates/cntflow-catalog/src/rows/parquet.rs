//! Parquet, batch by batch. All three Arrow types of text are read: Polars and pandas write large
//! strings and string views.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use bytes::Bytes;
use cntflow_storage::Content;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::row::{Cell, Row, TakeRow};
use crate::{Label, TableError};

/// Calls `take` with each row, numbered from 1. Columns of other types than numbers, flags and
/// texts (lists, dates) are ignored.
pub(super) fn read(file: Content, take: TakeRow<'_>) -> Result<(), TableError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from_owner(file))
        .and_then(|builder| builder.build())?;
    let mut line = 0;
    for batch in reader {
        let batch = batch?;
        let columns = columns(&batch);
        for row in 0..batch.num_rows() {
            line += 1;
            let cells = columns.iter().filter_map(|(name, array)| {
                Some((name.clone(), Cell::Typed(label_at(array, row)?)))
            });
            let cells = cells.collect();
            take(Row { line, cells }).map_err(|source| TableError::Row { row: line, source })?;
        }
    }
    Ok(())
}

/// The columns that hold labels, by name.
fn columns(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    named
        .filter_map(|(field, array)| Some((field.name().clone(), as_label_type(array)?)))
        .collect()
}

/// The column as texts; `None` if it holds something else.
fn as_texts(column: &ArrayRef) -> Option<StringArray> {
    match column.data_type() {
        DataType::Utf8 => column.as_string_opt::<i32>().cloned(),
        DataType::LargeUtf8 => column
            .as_string_opt::<i64>()
            .map(|texts| texts.iter().collect()),
        DataType::Utf8View => column
            .as_string_view_opt()
            .map(|texts| texts.iter().collect()),
        DataType::Null => Some(StringArray::new_null(column.len())),
        _ => None,
    }
}

/// The column converted to one of the four types of labels; `None` if it holds something else
/// (lists, dates).
fn as_label_type(array: &ArrayRef) -> Option<ArrayRef> {
    use arrow_array::types::{
        Float32Type, Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    };
    macro_rules! widen {
        ($from:ty, $to:ty, $array:ty) => {
            Some(Arc::new(
                array
                    .as_primitive_opt::<$from>()?
                    .iter()
                    .map(|v| v.map(|v| v as $to))
                    .collect::<$array>(),
            ))
        };
    }
    match array.data_type() {
        DataType::Boolean | DataType::Int64 | DataType::Float64 => Some(Arc::clone(array)),
        DataType::Int8 => widen!(Int8Type, i64, Int64Array),
        DataType::Int16 => widen!(Int16Type, i64, Int64Array),
        DataType::Int32 => widen!(Int32Type, i64, Int64Array),
        DataType::UInt8 => widen!(UInt8Type, i64, Int64Array),
        DataType::UInt16 => widen!(UInt16Type, i64, Int64Array),
        DataType::UInt32 => widen!(UInt32Type, i64, Int64Array),
        // A u64 may be too large for an i64.
        DataType::UInt64 => widen!(UInt64Type, f64, Float64Array),
        DataType::Float32 => widen!(Float32Type, f64, Float64Array),
        _ => Some(Arc::new(as_texts(array)?)),
    }
}

fn label_at(array: &ArrayRef, row: usize) -> Option<Label> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Boolean => Some(Label::Flag(array.as_boolean().value(row))),
        DataType::Int64 => Some(Label::Integer(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => Some(Label::Real(array.as_primitive::<Float64Type>().value(row))),
        _ => Some(Label::Text(array.as_string::<i32>().value(row).into())),
    }
}
