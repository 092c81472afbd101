//! Opening parts: the schema version is checked, and columns of older versions are converted to the
//! current one.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use fs_err as fs;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use crate::coverage::{NotAShape, shapes_from_texts};
use crate::error::TablesError;
use crate::schema::{ColumnType, element_field};
use crate::table::{READABLE_VERSIONS, Table, VERSION_KEY};

/// Opens a part.
///
/// # Errors
/// [`TablesError::Io`] or [`TablesError::ReadParquet`] if it cannot be opened,
/// [`TablesError::Version`] if a newer program wrote it.
pub(crate) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, TablesError> {
    let file = fs::File::open(path)?.into_file();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| {
        TablesError::ReadParquet {
            path: path.to_owned(),
            source,
        }
    })?;
    check_version(path, reader.metadata())?;
    Ok(reader)
}

/// Refuses a part of a schema version that this program does not know. A file without a version is
/// accepted: cntflow did not write it, so there is no version to compare.
pub(crate) fn check_version(path: &Path, metadata: &ParquetMetaData) -> Result<(), TablesError> {
    match value_of(metadata, VERSION_KEY) {
        Some(version) if !READABLE_VERSIONS.contains(&version) => Err(TablesError::Version {
            path: path.to_owned(),
            version: version.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The value of a key in the metadata of a Parquet file; `None` if it has no such key.
pub(crate) fn value_of<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let mut pairs = metadata.file_metadata().key_value_metadata()?.iter();
    pairs.find(|pair| pair.key == key)?.value.as_deref()
}

/// A column of a part in the current schema version. Version 1 had `coverage.shape` as text.
pub(crate) fn current_field(table: Table, field: &Field) -> Field {
    if is_text_shape(table, field.name(), field.data_type()) {
        let list = DataType::List(Arc::new(element_field(DataType::Int64)));
        return field.clone().with_data_type(list);
    }
    field.clone()
}

/// The values of a column in the current schema version, see [`current_field`].
///
/// # Errors
/// [`TablesError::Shape`] for a text that is no shape.
pub(crate) fn current_column(
    path: &Path,
    table: Table,
    name: &str,
    column: &ArrayRef,
) -> Result<ArrayRef, TablesError> {
    if !is_text_shape(table, name, column.data_type()) {
        return Ok(Arc::clone(column));
    }
    let shapes = if let Some(texts) = column.as_string_opt::<i32>() {
        shapes_from_texts(texts.iter())
    } else {
        shapes_from_texts(column.as_string_view().iter())
    };
    let shapes = shapes.map_err(|NotAShape(text)| TablesError::Shape {
        path: path.to_owned(),
        text,
    })?;
    Ok(Arc::new(shapes))
}

fn is_text_shape(table: Table, name: &str, data_type: &DataType) -> bool {
    let is_text = matches!(data_type, DataType::Utf8 | DataType::Utf8View);
    table == Table::Coverage && name == "shape" && is_text
}

/// A text column that a part must have.
///
/// # Errors
/// [`TablesError::MissingColumn`] or [`TablesError::ColumnType`].
pub(crate) fn text_column<'a>(
    path: &Path,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a StringArray, TablesError> {
    let column = column(path, rows, name)?;
    let texts = column.as_string_opt::<i32>();
    texts.ok_or_else(|| wrong_type(path, name, ColumnType::Text, column))
}

/// A column of numbers that a part must have.
///
/// # Errors
/// As [`text_column`].
pub(crate) fn number_column<'a, T: ArrowPrimitiveType>(
    path: &Path,
    rows: &'a RecordBatch,
    name: &'static str,
    expected: ColumnType,
) -> Result<&'a PrimitiveArray<T>, TablesError> {
    let column = column(path, rows, name)?;
    let numbers = column.as_primitive_opt::<T>();
    numbers.ok_or_else(|| wrong_type(path, name, expected, column))
}

/// A column that a part must have.
pub(crate) fn column<'a>(
    path: &Path,
    rows: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a ArrayRef, TablesError> {
    let column = rows.column_by_name(name);
    column.ok_or_else(|| TablesError::MissingColumn {
        path: path.to_owned(),
        column: name,
    })
}

/// The error for a column of another type than `expected`.
pub(crate) fn wrong_type(
    path: &Path,
    name: &str,
    expected: ColumnType,
    column: &ArrayRef,
) -> TablesError {
    TablesError::ColumnType {
        path: path.to_owned(),
        column: name.to_owned(),
        expected: expected.to_string(),
        actual: column.data_type().to_string(),
    }
}
