//! Polars frames as Parquet files in the same form as our other tables.
//!
//! Texts are written as plain strings. Polars holds them as string views, which some readers cannot
//! use (for example filters of pyarrow).

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    UInt64Array, new_empty_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, Schema};
use arrow_select::concat::concat;
use cntflow_storage::write_atomically;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use polars::prelude::{Column, DataFrame, DataType, PolarsError, PolarsResult};

use crate::error::TablesError;

/// Name of a query's result in errors.
const RESULT: &str = "result";

/// Writes a frame, whole or not at all: whole numbers as 64-bit, reals as f64, lists as lists of
/// these, everything else as text.
///
/// # Errors
/// [`TablesError::FrameColumn`] if a column cannot be converted, [`TablesError::Io`] or
/// [`TablesError::WriteParquet`] if the file cannot be written.
pub fn write_frame(frame: &DataFrame, path: &Path) -> Result<(), TablesError> {
    let rows = frame_batch(frame)?;
    write_atomically(path, |file| {
        encode_rows(&rows, path, WriterProperties::default(), file)
    })
}

/// The rows of a frame.
pub(crate) fn frame_batch(frame: &DataFrame) -> Result<RecordBatch, TablesError> {
    let columns = frame_columns(frame)?;
    let fields = columns
        .iter()
        .map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(schema, arrays).map_err(|source| TablesError::Rows {
        table: RESULT,
        source,
    })
}

/// Writes rows into an open file. Errors name the file as `path`.
pub(crate) fn encode_rows(
    rows: &RecordBatch,
    path: &Path,
    properties: WriterProperties,
    file: &mut (dyn Write + Send),
) -> Result<(), TablesError> {
    let parquet = |source| TablesError::WriteParquet {
        path: path.to_owned(),
        source,
    };
    let mut writer =
        ArrowWriter::try_new(file, rows.schema(), Some(properties)).map_err(parquet)?;
    writer.write(rows).map_err(parquet)?;
    writer.close().map_err(parquet)?;
    Ok(())
}

/// The columns of a frame as Arrow arrays.
///
/// # Errors
/// [`TablesError::FrameColumn`] if a column cannot be converted.
pub(crate) fn frame_columns(frame: &DataFrame) -> Result<Vec<(String, ArrayRef)>, TablesError> {
    let columns = frame.columns().iter().map(|column| {
        let values = array(column).map_err(|source| TablesError::FrameColumn {
            column: column.name().to_string(),
            data_type: column.dtype().to_string(),
            source,
        })?;
        Ok((column.name().to_string(), values))
    });
    columns.collect()
}

fn array(column: &Column) -> PolarsResult<ArrayRef> {
    let array: ArrayRef = match column.dtype() {
        DataType::Boolean => Arc::new(column.bool()?.iter().collect::<BooleanArray>()),
        DataType::UInt64 => Arc::new(column.u64()?.iter().collect::<UInt64Array>()),
        DataType::List(_) => Arc::new(lists(column)?),
        kind if kind.is_float() => Arc::new(
            column
                .cast(&DataType::Float64)?
                .f64()?
                .iter()
                .collect::<Float64Array>(),
        ),
        kind if kind.is_integer() => Arc::new(
            column
                .cast(&DataType::Int64)?
                .i64()?
                .iter()
                .collect::<Int64Array>(),
        ),
        _ => Arc::new(
            column
                .cast(&DataType::String)?
                .str()?
                .iter()
                .collect::<StringArray>(),
        ),
    };
    Ok(array)
}

fn lists(column: &Column) -> PolarsResult<ListArray> {
    let (mut values, mut lengths, mut present) = (Vec::new(), Vec::new(), Vec::new());
    for list in column.list()?.series_iter() {
        present.push(list.is_some());
        let elements = list.map(|list| array(&Column::from(list))).transpose()?;
        lengths.push(elements.as_ref().map_or(0, |elements| elements.len()));
        values.extend(elements);
    }
    let arrow = |error: ArrowError| PolarsError::ComputeError(error.to_string().into());
    let values = if values.is_empty() {
        let holds_reals = matches!(column.dtype(), DataType::List(inner) if inner.is_float());
        new_empty_array(if holds_reals {
            &ArrowType::Float64
        } else {
            &ArrowType::Int64
        })
    } else {
        let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
        concat(&values).map_err(arrow)?
    };
    let element = Field::new("element", values.data_type().clone(), true);
    ListArray::try_new(
        Arc::new(element),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(NullBuffer::from(present)),
    )
    .map_err(arrow)
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use polars::prelude::{NamedFrom, Series, df};

    use super::*;

    #[test]
    fn texts_are_plain_texts_and_nulls_stay() {
        let frame = df!("a" => [Some("x"), None], "b" => [1i32, 2], "c" => [0.5f32, 1.0], "d" => [true, false]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_frame(&frame, &path).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(fs_err::File::open(path).unwrap().into_file())
                .unwrap();
        let types: Vec<String> = reader
            .schema()
            .fields()
            .iter()
            .map(|field| field.data_type().to_string())
            .collect();
        assert_eq!(types, ["Utf8", "Int64", "Float64", "Boolean"]);
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!((batch.num_rows(), batch.column(0).null_count()), (2, 1));
    }

    #[test]
    fn lists_stay_lists() {
        let lists = [Some(vec![784_i64, 32]), None, Some(Vec::new())];
        let lists = lists.map(|list| list.map(|list| Series::new("".into(), list)));
        let frame = df!("shape" => lists.to_vec()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_frame(&frame, &path).unwrap();
        let read = crate::scan_parquet(&[path]).unwrap().collect().unwrap();
        assert!(read.equals_missing(&frame), "{read:?}");
    }
}
