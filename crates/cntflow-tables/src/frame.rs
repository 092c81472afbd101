//! Polars frames as Parquet files like all others of ours.
//!
//! Polars' own writer marks texts as string views, which readers that people have (pyarrow's filters among them) cannot work with.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use cntflow_storage::write_atomically;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use polars::prelude::{Column, DataFrame, DataType, PolarsResult};

use crate::error::TablesError;

/// Writes a frame, whole or not at all: whole numbers as 64-bit, reals as f64, and what is neither text, number nor flag as text.
///
/// # Errors
/// A column cannot be converted, or the file not be written.
pub fn write_frame(frame: &DataFrame, path: &Path) -> Result<(), TablesError> {
    write_atomically(path, |file| {
        encode_frame(frame, path, WriterProperties::default(), file)
    })
}

/// As [`write_frame`], into a file that is open, with the properties of a table; `path` is what errors call it.
pub(crate) fn encode_frame(
    frame: &DataFrame,
    path: &Path,
    properties: WriterProperties,
    file: &mut (dyn Write + Send),
) -> Result<(), TablesError> {
    let rows = record_batch(frame)?;
    let parquet = |source| TablesError::Parquet {
        path: path.to_owned(),
        source,
    };
    let mut writer =
        ArrowWriter::try_new(file, rows.schema(), Some(properties)).map_err(parquet)?;
    writer.write(&rows).map_err(parquet)?;
    writer.close().map_err(parquet)?;
    Ok(())
}

fn record_batch(frame: &DataFrame) -> Result<RecordBatch, TablesError> {
    const TABLE: &str = "result";
    let mut columns: Vec<(String, ArrayRef, bool)> = Vec::new();
    for column in frame.columns() {
        let values = array(column).map_err(|source| TablesError::Polars {
            table: TABLE,
            source,
        })?;
        columns.push((column.name().to_string(), values, true));
    }
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|source| TablesError::Rows {
        table: TABLE,
        source,
    })
}

fn array(column: &Column) -> PolarsResult<ArrayRef> {
    let array: ArrayRef = match column.dtype() {
        DataType::Boolean => Arc::new(column.bool()?.iter().collect::<BooleanArray>()),
        DataType::UInt64 => Arc::new(column.u64()?.iter().collect::<UInt64Array>()),
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

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use polars::prelude::df;

    use super::*;

    #[test]
    fn texts_are_plain_texts_and_nulls_stay() {
        let frame = df!("a" => [Some("x"), None], "b" => [1i32, 2], "c" => [0.5f32, 1.0], "d" => [true, false]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_frame(&frame, &path).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
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
}
