//! The folder of the tables, on a disk or an object store: which batches are committed, what they hold, and scans of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use cntflow_storage::store::{Folder, FolderFile};
use fs_err as fs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polars::prelude::{DataFrame, LazyFrame, PlRefPath, PolarsResult, ScanArgsParquet, Schema};

use crate::error::TablesError;
use crate::frame::encode_frame;
use crate::merge::{is_merged, read_replaced};
use crate::part::plain_properties;
use crate::record::Status;
use crate::table::Table;

/// The tables below one folder.
#[derive(Clone, Debug)]
pub struct TableStore {
    root: Folder,
}

/// Name of the one part of a table that is written whole.
pub(crate) const WHOLE: &str = "all";

/// What the committed batches hold: status by checkpoint.
pub type Committed = BTreeMap<String, Status>;

impl TableStore {
    /// The tables of an output folder, a path or a URL: `<folder>/tables`. Nothing is read or made yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            root: Folder::at(folder).below("tables"),
        }
    }

    /// Where the part of `table` in `batch` lies: a path or a URL.
    pub fn part(&self, table: Table, batch: &str) -> PathBuf {
        self.folder(table).path_of(&file_name(batch))
    }

    /// Where the parts of a table lie.
    pub(crate) fn folder(&self, table: Table) -> Folder {
        self.root.below(table.name())
    }

    /// The parts of a table, committed or not.
    fn parts(&self, table: Table) -> Result<Vec<FolderFile>, TablesError> {
        let files = self.folder(table).files()?.into_iter();
        Ok(files
            .filter(|file| batch_of(&file.name).is_some())
            .collect())
    }

    /// Names of the committed batches, sorted: those with a `networks` part, but for those that a committed merge replaces.
    ///
    /// # Errors
    /// The folder cannot be listed, or a merged part not be read.
    pub fn batches(&self) -> Result<Vec<String>, TablesError> {
        let parts = self.parts(Table::Networks)?;
        let names = parts.iter().filter_map(|part| batch_of(&part.name));
        let mut batches: BTreeSet<String> = names.map(str::to_owned).collect();
        let merged = parts.iter().filter(|part| is_merged(&part.name));
        for path in self.folder(Table::Networks).readable(merged)? {
            for replaced in read_replaced(&path)? {
                batches.remove(&replaced);
            }
        }
        Ok(batches.into_iter().collect())
    }

    /// Every committed checkpoint with its status.
    ///
    /// # Errors
    /// A `networks` part cannot be read.
    pub fn committed(&self) -> Result<Committed, TablesError> {
        let mut committed = Committed::new();
        for path in self.committed_parts(Table::Networks)? {
            read_status(&path, &mut committed)?;
        }
        Ok(committed)
    }

    /// Removes what a dead run left: temporary files, and parts without their `networks` part. Gives their number.
    ///
    /// # Errors
    /// A folder cannot be listed or a file not removed.
    pub fn remove_leftovers(&self) -> Result<usize, TablesError> {
        let committed = self.batches()?;
        let mut removed = 0;
        for table in Table::ALL {
            let folder = self.folder(table);
            for file in folder.files()? {
                let batch = batch_of(&file.name);
                let is_committed = |batch: &str| committed.iter().any(|known| known == batch);
                let belongs = match table.is_batched() {
                    false => batch.is_some(),
                    true => batch.is_some_and(is_committed),
                };
                if !belongs && is_ours(&file.name) {
                    folder.remove(&file.name)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// The committed rows of a table, lazily. Parts whose label columns differ are joined by name, with nulls.
    ///
    /// # Errors
    /// Nothing is committed, or a part cannot be read.
    pub fn scan(&self, table: Table) -> Result<LazyFrame, TablesError> {
        let polars = |source| TablesError::Polars {
            table: table.name(),
            source,
        };
        let paths = match table.is_batched() {
            false => self.folder(table).readable(&self.parts(table)?)?,
            true => self.committed_parts(table)?,
        };
        if paths.is_empty() {
            return Err(TablesError::Empty {
                path: self.root.path_of(""),
                table: table.name(),
            });
        }
        scan_parts(&paths).map_err(polars)
    }

    /// The parts of a table in all committed batches. Only `neurons` and `populations` may have none in a batch: nobody asked for them.
    pub(crate) fn committed_parts(&self, table: Table) -> Result<Vec<PathBuf>, TablesError> {
        // In this order: what is committed meanwhile is not seen, and not taken for incomplete.
        let batches = self.batches()?;
        let parts = self.parts(table)?;
        let by_batch: BTreeMap<&str, &FolderFile> = parts
            .iter()
            .filter_map(|part| Some((batch_of(&part.name)?, part)))
            .collect();
        let mut committed = Vec::new();
        for batch in batches {
            if let Some(part) = by_batch.get(batch.as_str()) {
                committed.push(*part);
            } else if !table.is_optional() {
                let path = self.part(table, &batch);
                return Err(TablesError::Missing { path });
            }
        }
        Ok(self.folder(table).readable(committed)?)
    }

    /// Replaces the table `discrimination` by `frame`, whole or not at all; `metadata` goes into the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_discrimination(
        &self,
        frame: &DataFrame,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        let path = self.part(Table::Discrimination, WHOLE);
        let properties = plain_properties(Table::Discrimination, metadata);
        let folder = self.folder(Table::Discrimination);
        folder.write(&file_name(WHOLE), |file| {
            encode_frame(frame, &path, properties, file)
        })?;
        Ok(path)
    }
}

/// One scan over parts that may differ in their label columns: a column that a part lacks is null there.
fn scan_parts(paths: &[PathBuf]) -> PolarsResult<LazyFrame> {
    let plain = || ScanArgsParquet {
        glob: false,
        ..ScanArgsParquet::default()
    };
    let mut schema = Schema::default();
    for path in paths {
        let mut part = LazyFrame::scan_parquet(place(path), plain())?;
        for (name, dtype) in part.collect_schema()?.iter() {
            if !schema.contains(name) {
                schema.insert(name.clone(), dtype.clone());
            }
        }
    }
    let args = ScanArgsParquet {
        schema: Some(schema.into()),
        allow_missing_columns: true,
        ..plain()
    };
    LazyFrame::scan_parquet_files(paths.iter().map(|path| place(path)).collect(), args)
}

fn place(path: &Path) -> PlRefPath {
    PlRefPath::new(path.to_string_lossy())
}

/// Name of a batch's part.
pub(crate) fn file_name(batch: &str) -> String {
    format!("{batch}.parquet")
}

/// The batch of a part, by its name; `None` for anything else, temporary files included.
pub(crate) fn batch_of(name: &str) -> Option<&str> {
    name.strip_suffix(".parquet")
        .filter(|batch| !batch.starts_with('.'))
}

/// Whether a file is one that a run makes: a part or a temporary one beside it. What others put there stays.
fn is_ours(name: &str) -> bool {
    name.ends_with(".parquet") || (name.starts_with('.') && name.ends_with(".part"))
}

fn read_status(path: &Path, committed: &mut Committed) -> Result<(), TablesError> {
    let parquet = |source| TablesError::Parquet {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path)?.into_file();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["checkpoint", "status"]);
    for batch in builder.with_projection(mask).build().map_err(parquet)? {
        let batch = batch.map_err(|error| parquet(error.into()))?;
        let column = |name: &'static str| {
            let column = batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>());
            column.ok_or(TablesError::Column {
                path: path.to_owned(),
                column: name,
            })
        };
        let (checkpoints, statuses) = (column("checkpoint")?, column("status")?);
        for (checkpoint, status) in checkpoints.iter().zip(statuses) {
            committed.insert(
                checkpoint.unwrap_or_default().to_owned(),
                Status::of(status.unwrap_or_default()),
            );
        }
    }
    Ok(())
}
