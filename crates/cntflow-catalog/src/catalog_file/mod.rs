//! The catalog as a file. It is written as Parquet: `checkpoint`, `path`, `run`, `step`,
//! `architecture`, `absent`, one column per label, and `member`, `row` and `parent` if some
//! checkpoint has them.
//!
//! Paths are relative to the folder of the catalog, so that a folder of checkpoints can be moved
//! together with its catalog.

mod read;

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{ArrowError, Field, Schema};
use cntflow_storage::{Location, write_atomically};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::{
    CatalogError, Label, TableError,
    catalog::{Catalog, LabelColumn, LabelKind},
    entry::CatalogEntry,
    label_names::PARENT,
    unreserved_name,
};

pub use read::read_catalog;
pub use read::{read_catalog_at, whole_number};

/// The values of one label column over `entries`; null for an entry without the label.
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

/// The catalog as one record batch, with paths below `folder` relative to it.
///
/// # Errors
/// Arrow refuses the columns (two of one name).
fn catalog_batch(catalog: &Catalog, folder: &Path) -> Result<RecordBatch, ArrowError> {
    let entries: Vec<Arc<CatalogEntry>> = catalog.entries().collect();
    let texts = |value: &dyn Fn(&CatalogEntry) -> Option<String>| -> ArrayRef {
        Arc::new(
            entries
                .iter()
                .map(|entry| value(entry))
                .collect::<StringArray>(),
        )
    };
    let relative = |location: &Location| match location.url() {
        Some(url) => url.to_owned(),
        None => {
            let path = location.path.strip_prefix(folder);
            let path = path.unwrap_or(&location.path);
            path.to_string_lossy().into_owned()
        }
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "checkpoint".into(),
            texts(&|entry| Some(entry.checkpoint.clone())),
        ),
        (
            "path".into(),
            texts(&|entry| Some(relative(&entry.location))),
        ),
        ("run".into(), texts(&|entry| Some(entry.run.to_string()))),
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
            texts(&|entry| entry.architecture.as_ref().map(ToString::to_string)),
        ),
        (
            "absent".into(),
            texts(&|entry| entry.absent.as_ref().map(ToString::to_string)),
        ),
    ];
    if entries.iter().any(|entry| entry.location.member.is_some()) {
        let members = texts(&|entry| entry.location.member.clone());
        columns.push(("member".into(), members));
    }
    if entries.iter().any(|entry| entry.location.row.is_some()) {
        let rows = entries.iter().map(|entry| entry.location.row);
        columns.push(("row".into(), Arc::new(rows.collect::<UInt64Array>())));
    }
    if entries.iter().any(|entry| entry.parent.is_some()) {
        let parents = texts(&|entry| entry.parent.as_ref().map(|parent| parent.name.to_string()));
        columns.push((PARENT.into(), parents));
    }
    // A label that code set under a reserved name must not clash with a column of the catalog.
    for column in catalog.label_columns() {
        columns.push((
            unreserved_name(&column.name),
            label_array(&column, entries.iter().map(AsRef::as_ref)),
        ));
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
pub fn write_catalog(path: &Path, catalog: &Catalog) -> Result<(), CatalogError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let batch = catalog_batch(catalog, folder).map_err(|error| CatalogError::table(path, error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    write_atomically(path, |file| {
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok::<(), TableError>(())
    })
    .map_err(|error| CatalogError::table(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Absence;

    #[test]
    fn a_catalog_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.parquet");
        let entry = |name: &str, labels: Vec<(&str, Label)>, absent: Option<&str>| CatalogEntry {
            checkpoint: name.to_owned(),
            location: Location {
                path: folder.path().join(format!("checkpoints/{name}.tar")).into(),
                member: (name == "a").then(|| "x/y.pt".to_owned()),
                row: (name == "b").then_some(7),
            },
            run: "run".into(),
            step: 3,
            architecture: Some("{}".into()),
            labels: labels
                .into_iter()
                .map(|(key, label)| (key.to_owned(), label))
                .collect(),
            parent: (name == "b").then(|| {
                let catalog = path.as_path().into();
                Box::new(crate::Parent::named("a", &catalog))
            }),
            absent: absent.map(Absence::parse),
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
        assert_eq!(
            read_catalog(&path).unwrap().into_catalog().unwrap(),
            catalog
        );
    }
}
