//! Folders of schema version 1, in which `coverage.shape` is text.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, StringArray};
use arrow_schema::{DataType as ArrowType, Field};
use cntflow_tables::{SCHEMA_VERSION, Table, TableStore};
use polars::prelude::{DataType, SortMultipleOptions};

use crate::support::{commit, write_file};

/// A batch as version 1 wrote it.
fn commit_older(store: &TableStore, name: &str, checkpoint: &str, shape: &str) {
    let shape = Arc::new(StringArray::from(vec![shape]));
    commit(store, name, checkpoint, coverage(checkpoint, shape), "1");
    set_version(&store.part(Table::Networks, &format!("{name}-00000")), "1");
}

/// A batch as it is written now.
fn commit_current(store: &TableStore, name: &str, checkpoint: &str, shape: &[i64]) {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists = lists.with_field(Field::new("element", ArrowType::Int64, true));
    lists.append_value(shape.iter().copied().map(Some));
    let shape = Arc::new(lists.finish());
    commit(
        store,
        name,
        checkpoint,
        coverage(checkpoint, shape),
        SCHEMA_VERSION,
    );
}

fn coverage(checkpoint: &str, shape: ArrayRef) -> Vec<(&'static str, ArrayRef)> {
    let texts = |text: Option<&str>| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    vec![
        ("checkpoint", texts(Some(checkpoint))),
        ("tensor", texts(Some("fc.weight"))),
        ("shape", shape),
        ("dtype", texts(Some("F32"))),
        ("used_as", texts(None)),
        ("reason", texts(None)),
    ]
}

/// Writes a part anew with another schema version.
fn set_version(part: &Path, version: &str) {
    let file = fs_err::File::open(part).unwrap().into_file();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let rows = reader.unwrap().build().unwrap().next().unwrap().unwrap();
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let columns = names.zip(rows.columns().iter().cloned()).collect();
    write_file(part, columns, 1 << 20, &[("cntflow.schema", version)]);
}

/// Writes a part anew as version 4 wrote it, without `parent`.
fn without_parent(part: &Path) {
    let file = fs_err::File::open(part).unwrap().into_file();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let rows = reader.unwrap().build().unwrap().next().unwrap().unwrap();
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let columns = names.zip(rows.columns().iter().cloned());
    let columns = columns.filter(|(name, _)| *name != "parent").collect();
    write_file(part, columns, 1 << 20, &[("cntflow.schema", "4")]);
}

/// The shapes of all tensors as lists, by checkpoint.
fn shapes(store: &TableStore) -> Vec<Vec<i64>> {
    let coverage = store.scan(Table::Coverage).unwrap();
    let sorted = coverage.sort(["checkpoint"], SortMultipleOptions::default());
    let frame = sorted.collect().unwrap();
    let column = frame.column("shape").unwrap();
    assert_eq!(column.dtype(), &DataType::List(Box::new(DataType::Int64)));
    let lists = column.list().unwrap().series_iter();
    lists
        .map(|list| list.unwrap().i64().unwrap().iter().flatten().collect())
        .collect()
}

#[test]
fn texts_of_older_parts_are_read_as_lists() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit_older(&store, "a", "a", "[784, 32]");
    commit_older(&store, "b", "b", "[]");
    commit_current(&store, "c", "c", &[7]);
    assert_eq!(shapes(&store), [vec![784, 32], vec![], vec![7]]);
    assert_eq!(store.committed().unwrap().len(), 3);
}

#[test]
fn parts_of_two_versions_are_merged_into_the_current_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit_older(&store, "a", "a", "[784, 32]");
    assert!(!store.merge("x").unwrap(), "one batch, one version");
    commit_current(&store, "b", "b", &[7]);
    assert!(store.merge("y").unwrap());
    assert_eq!(store.batches().unwrap(), ["merged-y"]);
    assert_eq!(shapes(&store), [vec![784, 32], vec![7]]);
}

#[test]
fn a_column_that_older_parts_lack_is_null_before_and_after_they_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    let n_without = || {
        let networks = store.scan(Table::Networks).unwrap();
        let frame = networks.select([polars::prelude::col("parent")]);
        frame
            .collect()
            .unwrap()
            .column("parent")
            .unwrap()
            .null_count()
    };
    commit_current(&store, "a", "a", &[7]);
    without_parent(&store.part(Table::Networks, "a-00000"));
    assert_eq!(n_without(), 1);
    commit_current(&store, "b", "b", &[7]);
    assert_eq!(n_without(), 2);
    assert!(store.merge("x").unwrap());
    assert_eq!(n_without(), 2);
}

#[test]
fn a_text_that_is_no_shape_names_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit_older(&store, "a", "a", "784x32");
    let error = store.scan(Table::Coverage).unwrap().collect().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("a-00000.parquet") && text.contains("'784x32'"),
        "{text}"
    );
}

#[test]
fn a_part_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit_current(&store, "a", "a", &[7]);
    set_version(&store.part(Table::Networks, "a-00000"), "99");
    for error in [
        store.committed().map(|_| ()).unwrap_err(),
        store.scan(Table::Networks).map(|_| ()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            text.contains("version 99") && text.contains("up to 5"),
            "{text}"
        );
    }
}
