//! The folder of the tables: which batches are committed, what they hold, and scans of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use fs_err as fs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polars::prelude::{DataFrame, LazyFrame, PlRefPath, PolarsResult, ScanArgsParquet, Schema};

use crate::error::TablesError;
use crate::frame::write_frame_with;
use crate::merge::{is_merged, read_replaced};
use crate::part::plain_properties;
use crate::record::Status;
use crate::table::Table;

/// The tables below one folder.
#[derive(Clone, Debug)]
pub struct TableStore {
    root: PathBuf,
}

/// What the committed batches hold: status by checkpoint.
pub type Committed = BTreeMap<String, Status>;

impl TableStore {
    /// The tables of an output folder: `<folder>/tables`. Nothing is read or made yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            root: folder.join("tables"),
        }
    }

    /// Where the part of `table` in `batch` lies.
    pub fn part(&self, table: Table, batch: &str) -> PathBuf {
        self.root
            .join(table.name())
            .join(format!("{batch}.parquet"))
    }

    /// Names of the committed batches, sorted: those with a `networks` part, but for those that a committed merge replaces.
    ///
    /// # Errors
    /// The folder cannot be listed, or a merged part not be read.
    pub fn batches(&self) -> Result<Vec<String>, TablesError> {
        let parts = parts(&self.root.join(Table::Networks.name()))?;
        let mut batches: BTreeSet<String> =
            parts.iter().filter_map(|path| batch_of(path)).collect();
        for path in parts.iter().filter(|path| is_merged(path)) {
            for replaced in read_replaced(path)? {
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
        for batch in self.batches()? {
            read_status(&self.part(Table::Networks, &batch), &mut committed)?;
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
            for path in files(&self.root.join(table.name()))? {
                let batch = batch_of(&path);
                let belongs = match table.is_batched() {
                    false => batch.is_some(),
                    true => batch.is_some_and(|batch| committed.binary_search(&batch).is_ok()),
                };
                if !belongs && is_ours(&path) {
                    fs::remove_file(&path)?;
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
            false => parts(&self.root.join(table.name()))?,
            true => self.committed_parts(table)?,
        };
        if paths.is_empty() {
            return Err(TablesError::Empty {
                path: self.root.clone(),
                table: table.name(),
            });
        }
        scan_parts(&paths).map_err(polars)
    }

    /// The parts of a table in all committed batches. Only `neurons` and `populations` may have none in a batch: nobody asked for them.
    pub(crate) fn committed_parts(&self, table: Table) -> Result<Vec<PathBuf>, TablesError> {
        let mut paths = Vec::new();
        for batch in self.batches()? {
            let path = self.part(table, &batch);
            if path.exists() {
                paths.push(path);
            } else if !table.is_optional() {
                return Err(TablesError::Missing { path });
            }
        }
        Ok(paths)
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
        let path = self.part(Table::Discrimination, "all");
        write_frame_with(
            frame,
            &path,
            plain_properties(Table::Discrimination, metadata),
        )?;
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

/// All files of a folder, sorted; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, TablesError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn parts(folder: &Path) -> Result<Vec<PathBuf>, TablesError> {
    Ok(files(folder)?
        .into_iter()
        .filter(|path| batch_of(path).is_some())
        .collect())
}

/// The batch of a part; `None` for anything else, temporary files included.
pub(crate) fn batch_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".parquet")
        .filter(|batch| !batch.starts_with('.'))
        .map(str::to_owned)
}

/// Whether a file is one that a run makes: a part or a temporary one beside it. What others put there stays.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
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
