//! Small Parquet files and records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use cntflow_catalog::CatalogEntry;
use cntflow_storage::Location;
use cntflow_tables::{Batch, BatchLimits, Record, Status, Table, TableStore};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

/// Writes a file with row groups of at most `group_rows` rows.
pub(crate) fn write_file(
    path: &Path,
    columns: Vec<(&str, ArrayRef)>,
    group_rows: usize,
    metadata: &[(&str, &str)],
) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let pairs = metadata
        .iter()
        .map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_key_value_metadata(Some(pairs.collect()))
        .build();
    let file = fs_err::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

/// A file of one row group in a folder.
pub(crate) fn file(folder: &Path, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = folder.join(name);
    write_file(&path, columns, 1 << 20, &[]);
    path
}

/// Commits one batch of one checkpoint, and gives it a part of `coverage` with these columns.
pub(crate) fn commit(
    store: &TableStore,
    name: &str,
    checkpoint: &str,
    coverage: Vec<(&str, ArrayRef)>,
    version: &str,
) {
    let mut batch = Batch::new(
        store.clone(),
        BatchLimits::default(),
        Arc::new([]),
        Arc::new([]),
        name.to_owned(),
    );
    batch.add(record(checkpoint));
    batch.commit().unwrap();
    let metadata = [("cntflow.table", "coverage"), ("cntflow.schema", version)];
    let part = store.part(Table::Coverage, &format!("{name}-00000"));
    write_file(&part, coverage, 1 << 20, &metadata);
}

/// The record of a checkpoint without metrics.
pub(crate) fn record(checkpoint: &str) -> Record {
    Record {
        entry: CatalogEntry {
            checkpoint: checkpoint.to_owned(),
            location: Location::default(),
            run: "r".into(),
            step: 0,
            architecture: None,
            labels: Default::default(),
            parent: None,
            absent: None,
        },
        status: Status::Ok,
        reason: None,
        digest: None,
        bytes: None,
        metrics: None,
        coverage: Vec::new(),
        samples: None,
        seconds: 0.0,
    }
}
