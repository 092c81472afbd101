//! What the files of the checkpoints looked like when they were measured: a cache beside the
//! tables, so that unchanged files need not be hashed again. Without it they are.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::file::properties::WriterProperties;

use crate::error::TablesError;
use crate::frame::encode_rows;
use crate::part_file::{open, text_column};
use crate::store::TableStore;

/// Name of the file below `tables`.
const FILE: &str = "files.parquet";

/// What the file of a measured checkpoint looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// The checkpoint.
    pub checkpoint: String,
    /// The stamp of its file.
    pub stamp: String,
    /// BLAKE3 of its content; `None` if it could not be read, or is not hashed.
    pub digest: Option<String>,
    /// What else the measurement depended on, as text.
    pub description: String,
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
            let [checkpoints, stamps, digests, descriptions] = [
                text_column(path, &rows, "checkpoint")?,
                text_column(path, &rows, "stamp")?,
                text_column(path, &rows, "digest")?,
                text_column(path, &rows, "description")?,
            ];
            let text = |texts: &StringArray, row: usize| texts.value(row).to_owned();
            known.extend((0..rows.num_rows()).map(|row| KnownFile {
                checkpoint: text(checkpoints, row),
                stamp: text(stamps, row),
                digest: digests.is_valid(row).then(|| text(digests, row)),
                description: text(descriptions, row),
            }));
        }
        Ok(known)
    }

    /// Replaces the list of known files, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_known_files(&self, known: &[KnownFile]) -> Result<(), TablesError> {
        let texts = |text: fn(&KnownFile) -> Option<&str>| -> ArrayRef {
            Arc::new(known.iter().map(text).collect::<StringArray>())
        };
        let columns = [
            ("checkpoint", texts(|file| Some(&file.checkpoint))),
            ("stamp", texts(|file| Some(&file.stamp))),
            ("digest", texts(|file| file.digest.as_deref())),
            ("description", texts(|file| Some(&file.description))),
        ];
        let fields = columns
            .iter()
            .map(|(name, _)| Field::new(*name, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let rows = RecordBatch::try_new(schema, arrays).map_err(|source| TablesError::Rows {
            table: "files",
            source,
        })?;
        let path = self.root.path_of(FILE);
        self.root.write(FILE, |file| {
            encode_rows(&rows, &path, WriterProperties::default(), file)
        })
    }
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
            digest: (name == "a").then(|| "0f".to_owned()),
            description: String::new(),
        });
        store.write_known_files(&known).unwrap();
        assert_eq!(store.known_files().unwrap(), known);
    }
}
