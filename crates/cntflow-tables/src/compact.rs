//! Tables for publication: one file for each, as small as its encodings make it, and always the
//! same bytes for the same rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::DataType;
use cntflow_storage::store::Folder;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use polars::prelude::DataFrame;

use crate::error::TablesError;
use crate::frame::frame_columns;
use crate::schema::{ColumnType, checked_batch, own_columns};
use crate::store::{TableStore, file_name};
use crate::table::{Table, part_metadata};

/// Level of zstd. The file is written once and downloaded often.
const ZSTD_LEVEL: i32 = 19;

/// Largest size of a page or a dictionary, in bytes. Values compress best in one piece.
const PAGE_BYTES: usize = 16 << 20;

impl TableStore {
    /// Writes the rows of a frame as the only part of a table, whole or not at all. Columns are put
    /// in their declared order, label columns sorted by name. Rows stay in the order of the frame:
    /// neighbours that are alike compress best.
    ///
    /// # Errors
    /// [`TablesError::ColumnMismatch`] if the frame's columns are not those of the table,
    /// [`TablesError::Io`] or [`TablesError::WriteParquet`] if the file cannot be written.
    pub fn write_compact(
        &self,
        table: Table,
        part: &str,
        frame: &DataFrame,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        let columns = in_declared_order(table, frame_columns(frame)?);
        let rows = checked_batch(table, columns)?;
        write(&self.folder(table), table, part, &rows, metadata)
    }

    /// Writes a part of a table without label columns that has no rows.
    ///
    /// # Errors
    /// [`TablesError::Io`] or [`TablesError::WriteParquet`] if the file cannot be written.
    pub fn write_empty(
        &self,
        table: Table,
        part: &str,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        let rows = RecordBatch::new_empty(Arc::new(table.schema()));
        write(&self.folder(table), table, part, &rows, metadata)
    }
}

fn write(
    folder: &Folder,
    table: Table,
    part: &str,
    rows: &RecordBatch,
    metadata: &[(String, String)],
) -> Result<PathBuf, TablesError> {
    let name = file_name(part);
    let path = folder.path_of(&name);
    // Readers would follow an embedded Arrow schema, and it takes about a kilobyte.
    let options = ArrowWriterOptions::new()
        .with_properties(properties(table, rows, metadata))
        .with_skip_arrow_metadata(true);
    let parquet = |source| write_error(&path, source);
    folder.write(&name, |file| {
        let writer = ArrowWriter::try_new_with_options(file, rows.schema(), options);
        let mut writer = writer.map_err(parquet)?;
        writer.write(rows).map_err(parquet)?;
        writer.close().map_err(parquet)?;
        Ok::<(), TablesError>(())
    })?;
    Ok(path)
}

fn write_error(path: &Path, source: parquet::errors::ParquetError) -> TablesError {
    TablesError::WriteParquet {
        path: path.to_owned(),
        source,
    }
}

/// The columns in the order of the declaration, label columns sorted by name; whole numbers in the
/// declared width.
fn in_declared_order(
    table: Table,
    mut columns: Vec<(String, ArrayRef)>,
) -> Vec<(String, ArrayRef)> {
    let mut labels: Vec<(String, ArrayRef)> = Vec::new();
    columns.retain(|(name, array)| {
        let is_own = own_columns(table).any(|own| own == name);
        if !is_own {
            labels.push((name.clone(), Arc::clone(array)));
        }
        is_own
    });
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    let mut ordered = Vec::new();
    for declared in table.columns() {
        if declared.data_type == ColumnType::Label {
            ordered.append(&mut labels);
        } else if let Some(index) = columns.iter().position(|(name, _)| name == declared.name) {
            let (name, array) = columns.swap_remove(index);
            ordered.push((name, in_declared_width(declared.data_type, array)));
        }
    }
    ordered.extend(columns);
    ordered.extend(labels);
    ordered
}

/// Frames hold whole numbers in 64 bits; an index is declared with 32.
fn in_declared_width(declared: ColumnType, array: ArrayRef) -> ArrayRef {
    let values = array.as_any().downcast_ref::<Int64Array>();
    let (ColumnType::UInt32, Some(values)) = (declared, values) else {
        return array;
    };
    let narrow = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    Arc::new(values.iter().map(narrow).collect::<UInt32Array>())
}

/// Reals are split by byte, whole numbers are stored as differences, texts by a dictionary.
fn properties(table: Table, rows: &RecordBatch, metadata: &[(String, String)]) -> WriterProperties {
    let pairs = part_metadata(table.name(), metadata).into_iter();
    let pairs = pairs.map(|(key, value)| KeyValue::new(key, value));
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default(),
        ))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_key_value_metadata(Some(pairs.collect()));
    for field in rows.schema().fields() {
        let encoding = match field.data_type() {
            DataType::Float64 => Encoding::BYTE_STREAM_SPLIT,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Encoding::DELTA_BINARY_PACKED,
            _ => continue,
        };
        let column = ColumnPath::from(field.name().as_str());
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    builder.build()
}
