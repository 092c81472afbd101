//! Merging large parts without decoding them: their column chunks are copied byte by byte.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_schema::Schema;
use fs_err as fs;
use parquet::arrow::ArrowSchemaConverter;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::error::TablesError;
use crate::part_file::open;

/// Least average number of rows per row group for the groups to be copied. With smaller groups a
/// reader would spend its time on their metadata. Also, each group has dictionaries of its own, so
/// values that repeat would be stored once per group.
const MIN_GROUP_ROWS: i64 = 1 << 13;

/// Whether the parts have the same columns and row groups that are large enough.
pub(crate) fn can_copy(parts: &[PathBuf], schema: &Schema) -> Result<bool, TablesError> {
    let (mut rows, mut groups) = (0, 0);
    for part in parts {
        let reader = open(part)?;
        if reader.schema().fields() != schema.fields() {
            return Ok(false);
        }
        rows += reader.metadata().file_metadata().num_rows();
        groups += reader.metadata().num_row_groups() as i64;
    }
    Ok(rows >= groups * MIN_GROUP_ROWS)
}

/// Writes the row groups of all parts, in order, into one file. Errors name the file as `merged`.
pub(crate) fn copy_row_groups(
    parts: &[PathBuf],
    merged: &Path,
    file: &mut (dyn Write + Send),
    schema: &Schema,
    properties: WriterProperties,
) -> Result<(), TablesError> {
    let read_failed = |part: &Path| {
        let path = part.to_owned();
        move |source| TablesError::ReadParquet { path, source }
    };
    let write_failed = |source| TablesError::WriteParquet {
        path: merged.to_owned(),
        source,
    };
    let columns = ArrowSchemaConverter::new().convert(schema);
    let columns = columns.map_err(write_failed)?.root_schema_ptr();
    let has_failed = AtomicBool::new(false);
    let sink = Sink {
        file,
        has_failed: &has_failed,
    };
    let mut writer =
        SerializedFileWriter::new(sink, columns, Arc::new(properties)).map_err(write_failed)?;
    for part in parts {
        let reader = open(part)?;
        let file = fs::File::open(part)?.into_file();
        copy_groups(reader.metadata().row_groups(), &file, &mut writer).map_err(|error| {
            if has_failed.load(Ordering::Relaxed) {
                write_failed(error)
            } else {
                read_failed(part)(error)
            }
        })?;
    }
    writer.close().map_err(write_failed)?;
    Ok(())
}

/// A file that remembers whether writing to it has failed: an error of a copy does not say which
/// side it is of.
struct Sink<'a> {
    file: &'a mut (dyn Write + Send),
    has_failed: &'a AtomicBool,
}

impl Sink<'_> {
    fn noted<T>(&self, written: std::io::Result<T>) -> std::io::Result<T> {
        written.inspect_err(|_| self.has_failed.store(true, Ordering::Relaxed))
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.file.flush();
        self.noted(flushed)
    }
}

/// Copies row groups of `file`.
fn copy_groups<W: Write + Send>(
    groups: &[RowGroupMetaData],
    file: &File,
    writer: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    for group in groups {
        let mut copied = writer.next_row_group()?;
        for column in group.columns() {
            let chunk = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: group.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            copied.append_column(file, chunk)?;
        }
        copied.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt32Type;
    use arrow_array::{RecordBatch, StringArray, UInt32Array};
    use parquet::arrow::ArrowWriter;

    use super::*;

    /// Writes a part of `n_rows` rows: the name of the part and the number of the row.
    fn write_part(folder: &Path, name: &str, n_rows: u32) -> PathBuf {
        let path = folder.join(name);
        let texts = StringArray::from_iter_values((0..n_rows).map(|_| name));
        let rows = RecordBatch::try_from_iter([
            ("checkpoint", Arc::new(texts) as _),
            (
                "neuron",
                Arc::new(UInt32Array::from_iter_values(0..n_rows)) as _,
            ),
        ]);
        let rows = rows.unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        path
    }

    #[test]
    fn copied_row_groups_hold_every_row_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let parts = [("a", 70_000), ("b", 66_000)];
        let parts = parts.map(|(name, n_rows)| write_part(folder.path(), name, n_rows));
        let schema = Arc::clone(open(&parts[0]).unwrap().schema());
        assert!(can_copy(&parts, &schema).unwrap());
        let merged = folder.path().join("merged");
        let mut file = fs::File::create(&merged).unwrap();
        let properties = WriterProperties::default();
        copy_row_groups(&parts, &merged, &mut file, &schema, properties).unwrap();

        let reader = open(&merged).unwrap();
        assert_eq!(reader.schema().fields(), schema.fields());
        assert_eq!(reader.metadata().num_row_groups(), 2);
        let mut found = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let names = batch.column(0).as_string::<i32>().iter();
            let numbers = batch.column(1).as_primitive::<UInt32Type>().iter();
            let rows = names.zip(numbers);
            found.extend(rows.map(|(name, number)| (name.unwrap() == "b", number.unwrap())));
        }
        let of = |b, n| (0..n).map(move |number| (b, number));
        assert!(
            found
                .into_iter()
                .eq(of(false, 70_000).chain(of(true, 66_000)))
        );
    }

    #[test]
    fn small_row_groups_and_other_columns_are_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let small = write_part(folder.path(), "a", 100);
        let schema = Arc::clone(open(&small).unwrap().schema());
        assert!(!can_copy(&[small.clone(), small], &schema).unwrap());
        let large = write_part(folder.path(), "b", 70_000);
        assert!(!can_copy(&[large], &schema.project(&[0]).unwrap()).unwrap());
    }
}
