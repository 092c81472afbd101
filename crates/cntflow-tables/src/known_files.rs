//! What the files of the checkpoints looked like when they were measured: a cache beside the
//! tables, so that unchanged files need not be hashed again. Without it they are.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;

use crate::error::TablesError;
use crate::part_file::{column, open, text_column, wrong_type};
use crate::schema::ColumnType;
use crate::store::TableStore;

/// Name of the file below `tables`.
const FILE: &str = "files.parquet";

/// Number of rows that are written at a time.
const PIECE: usize = 1 << 14;

/// What the file of a measured checkpoint looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// The checkpoint.
    pub checkpoint: String,
    /// The stamp of its file.
    pub stamp: String,
    /// What else the measurement depended on, as text.
    pub description: String,
    /// Whether it was measured for populations. Some networks have no values nevertheless.
    pub for_populations: bool,
}

impl TableStore {
    /// The files that were known last; none if there is no such list.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn known_files(&self) -> Result<Vec<KnownFile>, TablesError> {
        let files = self.root.files()?;
        let paths = self
            .root
            .local_paths(files.iter().filter(|file| file.name == FILE))?;
        let Some(path) = paths.first() else {
            return Ok(Vec::new());
        };
        let parquet = |source| TablesError::ReadParquet {
            path: path.clone(),
            source,
        };
        let mut known = Vec::new();
        for rows in open(path)?.build().map_err(parquet)? {
            let rows = rows.map_err(|error| parquet(error.into()))?;
            let [checkpoints, stamps, descriptions] = [
                text_column(path, &rows, "checkpoint")?,
                text_column(path, &rows, "stamp")?,
                text_column(path, &rows, "description")?,
            ];
            let for_populations = column(path, &rows, "for_populations")?;
            let wrong = || wrong_type(path, "for_populations", ColumnType::Flag, for_populations);
            let for_populations = for_populations.as_boolean_opt().ok_or_else(wrong)?;
            let text = |texts: &StringArray, row: usize| texts.value(row).to_owned();
            known.extend((0..rows.num_rows()).map(|row| KnownFile {
                checkpoint: text(checkpoints, row),
                stamp: text(stamps, row),
                description: text(descriptions, row),
                for_populations: for_populations.value(row),
            }));
        }
        Ok(known)
    }

    /// Replaces the list of known files, whole or not at all. There may be a million of them, so
    /// they are taken a few at a time.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_known_files(
        &self,
        known: impl IntoIterator<Item = KnownFile>,
    ) -> Result<(), TablesError> {
        let path = self.root.path_of(FILE);
        let fields = ["checkpoint", "stamp", "description"];
        let fields = fields.map(|name| Field::new(name, DataType::Utf8, true));
        let mut fields = fields.to_vec();
        fields.push(Field::new("for_populations", DataType::Boolean, true));
        let schema = Arc::new(Schema::new(fields));
        let failed = |source| TablesError::WriteParquet {
            path: path.clone(),
            source,
        };
        self.root.write(FILE, |file| {
            let mut writer =
                ArrowWriter::try_new(file, Arc::clone(&schema), None).map_err(failed)?;
            let mut known = known.into_iter();
            loop {
                let some: Vec<KnownFile> = known.by_ref().take(PIECE).collect();
                if some.is_empty() {
                    break;
                }
                let rows = rows(&some, &schema)?;
                writer.write(&rows).map_err(failed)?;
            }
            writer.close().map_err(failed)?;
            Ok(())
        })
    }
}

fn rows(known: &[KnownFile], schema: &SchemaRef) -> Result<RecordBatch, TablesError> {
    let texts = |text: fn(&KnownFile) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(known.iter().map(text)))
    };
    let columns = vec![
        texts(|file| &file.checkpoint),
        texts(|file| &file.stamp),
        texts(|file| &file.description),
        Arc::new(BooleanArray::from_iter(
            known.iter().map(|file| Some(file.for_populations)),
        )),
    ];
    let rows = RecordBatch::try_new(Arc::clone(schema), columns);
    rows.map_err(|source| TablesError::Rows {
        table: "files",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = TableStore::new(folder.path());
        assert_eq!(store.known_files().unwrap(), []);
        let known = ["a", "b"].map(|name| KnownFile {
            checkpoint: name.to_owned(),
            stamp: "12 3.4".to_owned(),
            description: String::new(),
            for_populations: name == "a",
        });
        store.write_known_files(known.clone()).unwrap();
        assert_eq!(store.known_files().unwrap(), known);
    }
}
