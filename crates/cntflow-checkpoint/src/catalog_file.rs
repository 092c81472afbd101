//! The catalog as a Parquet file: `checkpoint`, `path`, `run`, `step`, `architecture`, `absent` and one column per label.
//!
//! Paths are kept relative to the folder of the catalog, so that a population can be moved as a whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use fs_err as fs;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::catalog::{Absence, Catalog, CatalogEntry, LabelColumn, LabelKind};
use crate::{CheckpointError, Label, write_beside};

/// Columns that are no labels.
const OWN_COLUMNS: [&str; 6] = [
    "checkpoint",
    "path",
    "run",
    "step",
    "architecture",
    "absent",
];

/// The values of one label column over `entries`, null where an entry has none.
pub fn label_array<'a>(
    column: &LabelColumn,
    entries: impl Iterator<Item = &'a CatalogEntry>,
) -> ArrayRef {
    let labels = entries.map(|entry| entry.labels.get(&column.name));
    match column.kind {
        LabelKind::Flag => Arc::new(
            labels
                .map(|label| as_flag(label?))
                .collect::<BooleanArray>(),
        ),
        LabelKind::Integer => Arc::new(
            labels
                .map(|label| as_integer(label?))
                .collect::<Int64Array>(),
        ),
        LabelKind::Real => Arc::new(
            labels
                .map(|label| as_real(label?))
                .collect::<Float64Array>(),
        ),
        LabelKind::Text => Arc::new(
            labels
                .map(|label| label.map(Label::to_string))
                .collect::<StringArray>(),
        ),
    }
}

fn as_flag(label: &Label) -> Option<bool> {
    if let Label::Flag(value) = label {
        Some(*value)
    } else {
        None
    }
}

fn as_integer(label: &Label) -> Option<i64> {
    if let Label::Integer(value) = label {
        Some(*value)
    } else {
        None
    }
}

fn as_real(label: &Label) -> Option<f64> {
    match label {
        Label::Real(value) => Some(*value),
        Label::Integer(value) => Some(*value as f64),
        _ => None,
    }
}

/// The catalog as one record batch, paths relative to `folder` where they lie below it.
///
/// # Errors
/// Arrow refuses the columns (two of one name).
fn catalog_batch(catalog: &Catalog, folder: &Path) -> Result<RecordBatch, ArrowError> {
    let entries = catalog.entries();
    let texts = |value: &dyn Fn(&CatalogEntry) -> Option<String>| -> ArrayRef {
        Arc::new(entries.iter().map(value).collect::<StringArray>())
    };
    let relative = |path: &Path| {
        path.strip_prefix(folder)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "checkpoint".into(),
            texts(&|entry| Some(entry.checkpoint.clone())),
        ),
        ("path".into(), texts(&|entry| Some(relative(&entry.path)))),
        ("run".into(), texts(&|entry| Some(entry.run.clone()))),
        (
            "step".into(),
            Arc::new(
                entries
                    .iter()
                    .map(|entry| Some(entry.step))
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "architecture".into(),
            texts(&|entry| entry.architecture.clone()),
        ),
        (
            "absent".into(),
            texts(&|entry| entry.absent.as_ref().map(ToString::to_string)),
        ),
    ];
    for column in catalog.label_columns() {
        columns.push((column.name.clone(), label_array(&column, entries.iter())));
    }
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, array)| array).collect(),
    )
}

/// Writes the catalog to `path`, whole or not at all.
///
/// # Errors
/// The file cannot be written; the text names it.
pub fn write_catalog(path: &Path, catalog: &Catalog) -> Result<(), CheckpointError> {
    let broken = |reason: String| CheckpointError::Catalog {
        path: path.to_owned(),
        reason,
    };
    let batch = catalog_batch(catalog, path.parent().unwrap_or(Path::new("")));
    let batch = batch.map_err(|error| broken(error.to_string()))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    write_beside(path, |file| {
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))
            .map_err(std::io::Error::other)?;
        writer.write(&batch).map_err(std::io::Error::other)?;
        writer.close().map_err(std::io::Error::other)?;
        Ok::<(), std::io::Error>(())
    })
    .map_err(|error| broken(error.to_string()))
}

/// Reads a catalog: a Parquet file with at least a `path` column. `checkpoint` is the path where it is not given, `run` the
/// checkpoint, `step` 0; every other column of numbers, flags or texts is a label.
///
/// # Errors
/// The file is no Parquet, has no `path`, or a column of its own has a wrong type or a null.
pub fn read_catalog(path: &Path) -> Result<Vec<CatalogEntry>, CheckpointError> {
    let broken = |reason: String| CheckpointError::Catalog {
        path: path.to_owned(),
        reason,
    };
    let file = fs::File::open(path)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.into_file())
        .and_then(|builder| builder.build())
        .map_err(|error| broken(error.to_string()))?;
    let mut entries = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| broken(error.to_string()))?;
        read_batch(&batch, path.parent().unwrap_or(Path::new("")), &mut entries).map_err(broken)?;
    }
    Ok(entries)
}

fn read_batch(
    batch: &RecordBatch,
    folder: &Path,
    entries: &mut Vec<CatalogEntry>,
) -> Result<(), String> {
    let paths = text_column(batch, "path")?.ok_or("a catalog needs a column 'path'")?;
    let checkpoints = text_column(batch, "checkpoint")?;
    let runs = text_column(batch, "run")?;
    let steps = step_column(batch)?;
    let architectures = text_column(batch, "architecture")?;
    let absent = text_column(batch, "absent")?;
    let columns = label_columns(batch);
    let value = |texts: &Option<StringArray>, row: usize| {
        texts
            .as_ref()
            .filter(|texts| !texts.is_null(row))
            .map(|texts| texts.value(row).to_owned())
    };
    for row in 0..batch.num_rows() {
        if paths.is_null(row) {
            return Err(format!("row {}: column 'path' is null", entries.len()));
        }
        let path = folder.join(paths.value(row));
        let checkpoint =
            value(&checkpoints, row).unwrap_or_else(|| path.to_string_lossy().into_owned());
        let labels: BTreeMap<String, Label> = columns
            .iter()
            .filter_map(|(name, array)| Some((name.clone(), label_at(array, row)?)))
            .collect();
        entries.push(CatalogEntry {
            run: value(&runs, row).unwrap_or_else(|| checkpoint.clone()),
            step: steps
                .as_ref()
                .filter(|steps| !steps.is_null(row))
                .map_or(0, |steps| steps.value(row)),
            architecture: value(&architectures, row),
            absent: value(&absent, row).map(|text| Absence::of(&text)),
            labels,
            path,
            checkpoint,
        });
    }
    Ok(())
}

fn numbers_as_texts(numbers: &Int64Array) -> StringArray {
    numbers
        .iter()
        .map(|number| number.map(|number| number.to_string()))
        .collect()
}

/// A column as texts; runs are often numbered. Polars and pandas write large strings or string views where Arrow has three types of text.
fn text_column(batch: &RecordBatch, name: &str) -> Result<Option<StringArray>, String> {
    let Some(column) = batch.column_by_name(name) else {
        return Ok(None);
    };
    let numbers = || {
        plain(column)?
            .as_primitive_opt::<Int64Type>()
            .map(numbers_as_texts)
    };
    let texts = as_texts(column).or_else(numbers);
    texts.map(Some).ok_or_else(|| {
        format!(
            "column '{name}' is of type {}, not text",
            column.data_type()
        )
    })
}

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

/// The column `step`, whatever its width.
fn step_column(batch: &RecordBatch) -> Result<Option<Int64Array>, String> {
    let Some(column) = batch.column_by_name("step") else {
        return Ok(None);
    };
    let whole = plain(column).and_then(|column| column.as_primitive_opt::<Int64Type>().cloned());
    whole.map(Some).ok_or_else(|| {
        format!(
            "column 'step' is of type {}, not of whole numbers",
            column.data_type()
        )
    })
}

fn label_columns(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    let labels = named.filter(|(field, _)| !OWN_COLUMNS.contains(&field.name().as_str()));
    labels
        .filter_map(|(field, array)| Some((field.name().clone(), plain(array)?)))
        .collect()
}

/// The column in one of the four types of labels; `None` where it holds nothing of the kind (lists, dates).
fn plain(array: &ArrayRef) -> Option<ArrayRef> {
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
        _ => Some(Label::Text(array.as_string::<i32>().value(row).to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.parquet");
        let entry = |name: &str, labels: Vec<(&str, Label)>, absent: Option<&str>| CatalogEntry {
            checkpoint: name.to_owned(),
            path: folder
                .path()
                .join(format!("checkpoints/{name}.safetensors")),
            run: "run".to_owned(),
            step: 3,
            architecture: Some("{}".to_owned()),
            labels: labels
                .into_iter()
                .map(|(key, label)| (key.to_owned(), label))
                .collect(),
            absent: absent.map(Absence::of),
        };
        let entries = vec![
            entry(
                "a",
                vec![
                    ("flag", true.into()),
                    ("rate", 0.5.into()),
                    ("seed", 7.into()),
                ],
                None,
            ),
            entry(
                "b",
                vec![("activation", "relu".into())],
                Some("diverged: loss is NaN"),
            ),
        ];
        let catalog = Catalog::new(entries).unwrap();
        write_catalog(&path, &catalog).unwrap();
        assert_eq!(Catalog::new(read_catalog(&path).unwrap()).unwrap(), catalog);
    }
}
