//! The folder of the tables, on a disk or an object store: which batches are committed, their
//! checkpoints, and scans of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cntflow_storage::store::{Folder, FolderFile};
use parquet::arrow::ProjectionMask;
use polars::prelude::{DataFrame, LazyFrame};

use crate::error::TablesError;
use crate::frame::{encode_rows, frame_columns};
use crate::merge::{is_merged, read_replaced};
use crate::part::plain_properties;
use crate::part_file::{open, text_column};
use crate::record::Status;
use crate::scan::scan_table;
use crate::schema::checked_batch;
use crate::table::Table;

/// The tables below one folder.
#[derive(Clone, Debug)]
pub struct TableStore {
    pub(crate) root: Folder,
}

/// The folder of the twins' tables, below the real ones.
const TWINS: &str = "twins";

/// Name of the only part of a table without batches.
pub(crate) const ONLY_PART: &str = "all";

/// Name and folder of the feature columns of an experiment, which have no schema.
pub(crate) const FEATURES: &str = "features";

/// Status of every checkpoint in the committed batches.
pub type Committed = BTreeMap<String, Status>;

impl TableStore {
    /// The tables of an output folder, a path or a URL: `<folder>/tables`. Nothing is read or
    /// created yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            root: Folder::at(folder).below("tables"),
        }
    }

    /// The tables of a twin population, `<folder>/tables/twins/<name>`. They have the same schemas
    /// and commits of their own.
    #[must_use]
    pub fn twin(&self, name: &str) -> Self {
        Self {
            root: self.root.below(TWINS).below(name),
        }
    }

    /// Location of the part of `table` in `batch`: a path or a URL.
    pub fn part(&self, table: Table, batch: &str) -> PathBuf {
        self.folder(table).path_of(&file_name(batch))
    }

    /// The folder of a table's parts.
    pub(crate) fn folder(&self, table: Table) -> Folder {
        self.root.below(table.name())
    }

    /// The parts of a table, committed or not.
    pub(crate) fn parts(&self, table: Table) -> Result<Vec<FolderFile>, TablesError> {
        let files = self.folder(table).files()?.into_iter();
        Ok(files
            .filter(|file| batch_of(&file.name).is_some())
            .collect())
    }

    /// Names of the committed batches, sorted. A batch is committed if it has a `networks` part and
    /// no merged `networks` part lists it as replaced.
    ///
    /// # Errors
    /// The folder cannot be listed, or a merged part not be read.
    pub fn batches(&self) -> Result<Vec<String>, TablesError> {
        let parts = self.parts(Table::Networks)?;
        let names = parts.iter().filter_map(|part| batch_of(&part.name));
        let mut batches: BTreeSet<String> = names.map(str::to_owned).collect();
        let merged = parts.iter().filter(|part| is_merged(&part.name));
        for path in self.folder(Table::Networks).local_paths(merged)? {
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
        self.each_committed(|checkpoint, status| {
            committed.insert(checkpoint.to_owned(), status);
        })?;
        Ok(committed)
    }

    /// Calls `take` with every committed checkpoint and its status.
    ///
    /// # Errors
    /// As [`TableStore::committed`].
    pub fn each_committed(&self, mut take: impl FnMut(&str, Status)) -> Result<(), TablesError> {
        for path in self.committed_parts(Table::Networks)? {
            read_status(&path, &mut take)?;
        }
        Ok(())
    }

    /// Removes what a killed run left: temporary files, and parts without their `networks` part.
    /// Returns their number.
    ///
    /// # Errors
    /// A folder cannot be listed or a file not removed.
    pub fn remove_leftovers(&self) -> Result<usize, TablesError> {
        let committed = self.batches()?;
        let mut removed = 0;
        for file in self.root.files()? {
            if file.name.starts_with('.') && file.name.ends_with(".part") {
                self.root.remove(&file.name)?;
                removed += 1;
            }
        }
        for table in Table::ALL {
            let folder = self.folder(table);
            for file in folder.files()? {
                let batch = batch_of(&file.name);
                let is_committed = |batch: &str| committed.iter().any(|name| name == batch);
                let belongs = if table.is_batched() {
                    batch.is_some_and(is_committed)
                } else {
                    batch.is_some()
                };
                if !belongs && is_part_or_temporary(&file.name) {
                    folder.remove(&file.name)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes the temporary files that a killed run left among the tables of an experiment.
    ///
    /// # Errors
    /// A folder cannot be listed or a file not removed.
    pub fn remove_temporary_files(&self) -> Result<(), TablesError> {
        let tables = Table::OF_EXPERIMENT.map(|table| self.folder(table));
        for folder in tables.into_iter().chain([self.root.below(FEATURES)]) {
            for file in folder.files()? {
                if batch_of(&file.name).is_none() && is_part_or_temporary(&file.name) {
                    folder.remove(&file.name)?;
                }
            }
        }
        Ok(())
    }

    /// As [`TableStore::scan`], of some committed batches.
    ///
    /// # Errors
    /// As [`TableStore::scan`].
    pub fn scan_batches(
        &self,
        table: Table,
        batches: &[String],
    ) -> Result<Option<LazyFrame>, TablesError> {
        let paths = self.parts_of_batches(table, batches)?;
        if paths.is_empty() {
            return Ok(None);
        }
        scan_table(table, &paths).map(Some)
    }

    /// The committed rows of a table, lazily. A label column that a part lacks is null there, and
    /// columns of older schema versions are converted to the current one.
    ///
    /// # Errors
    /// [`TablesError::Empty`] if nothing is committed; as [`scan_parquet`](crate::scan_parquet) and
    /// [`TablesError::Version`] otherwise.
    pub fn scan(&self, table: Table) -> Result<LazyFrame, TablesError> {
        let paths = if table.is_batched() {
            self.committed_parts(table)?
        } else {
            self.folder(table).local_paths(&self.parts(table)?)?
        };
        if paths.is_empty() {
            return Err(TablesError::Empty {
                path: self.root.path_of(""),
                table: table.name(),
            });
        }
        scan_table(table, &paths)
    }

    /// The parts of a table in all committed batches. A batch need not have parts of `neurons`,
    /// `links` and `populations`; a missing part of any other table is an error.
    ///
    /// # Errors
    /// A folder cannot be listed, or a part is missing.
    pub fn committed_parts(&self, table: Table) -> Result<Vec<PathBuf>, TablesError> {
        // List batches before parts. In the other order, a batch that is committed between the two
        // listings would seem to lack its parts.
        let batches = self.batches()?;
        self.parts_of_batches(table, &batches)
    }

    /// As [`TableStore::committed_parts`], of some committed batches.
    pub(crate) fn parts_of_batches(
        &self,
        table: Table,
        batches: &[String],
    ) -> Result<Vec<PathBuf>, TablesError> {
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
                let path = self.part(table, batch);
                return Err(TablesError::Missing { path });
            }
        }
        Ok(self.folder(table).local_paths(committed)?)
    }

    /// The folder of these tables: a path or a URL.
    pub fn path(&self) -> PathBuf {
        self.root.path_of("")
    }

    /// The rows of some parts of a table without batches.
    ///
    /// # Errors
    /// As [`TableStore::scan`].
    pub fn scan_parts(&self, table: Table, parts: &[&String]) -> Result<LazyFrame, TablesError> {
        let files = self.parts(table)?;
        let is_wanted = |file: &&FolderFile| {
            batch_of(&file.name).is_some_and(|name| parts.iter().any(|part| *part == name))
        };
        scan_table(
            table,
            &self
                .folder(table)
                .local_paths(files.iter().filter(is_wanted))?,
        )
    }

    /// A value of the metadata of a table's only part; `None` without a part or without the key.
    ///
    /// # Errors
    /// The part cannot be read.
    pub fn part_metadata(&self, table: Table, key: &str) -> Result<Option<String>, TablesError> {
        let parts = self.parts(table)?;
        metadata_value(self.folder(table).local_paths(&parts)?, key)
    }

    /// The tables of an experiment: `<folder>/tables/experiments/<name>`.
    pub fn experiment(&self, name: &str) -> Self {
        Self {
            root: self.root.below("experiments").below(name),
        }
    }

    /// Replaces a table without batches by `frame`, whole or not at all; `metadata` goes into the
    /// file.
    ///
    /// # Errors
    /// [`TablesError::ColumnMismatch`] if the frame's columns are not those of the table,
    /// [`TablesError::Io`] or [`TablesError::WriteParquet`] if the file cannot be written.
    pub fn write_whole(
        &self,
        table: Table,
        frame: &DataFrame,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        self.write_part(table, ONLY_PART, frame, metadata)
    }

    /// Writes one part of a table without batches, whole or not at all.
    ///
    /// # Errors
    /// As [`TableStore::write_whole`].
    pub fn write_part(
        &self,
        table: Table,
        part: &str,
        frame: &DataFrame,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        let rows = checked_batch(table, frame_columns(frame)?)?;
        let path = self.part(table, part);
        let properties = plain_properties(table, metadata);
        self.folder(table).write(&file_name(part), |file| {
            encode_rows(&rows, &path, properties, file)
        })?;
        Ok(path)
    }

    /// The tables of the experiments, each as one frame over all of them, by name: those of
    /// [`Table::OF_EXPERIMENT`] and `features`. Those without a row are left out. `names` are the
    /// experiments to look for; on a disk the folder is listed as well.
    ///
    /// # Errors
    /// As [`TableStore::scan`].
    pub fn scan_experiments(
        &self,
        names: &[&str],
    ) -> Result<Vec<(&'static str, LazyFrame)>, TablesError> {
        let all = self.experiment_names(names)?;
        let mut frames = Vec::new();
        for table in Table::OF_EXPERIMENT {
            let mut paths = Vec::new();
            for name in &all {
                let own = self.experiment(name);
                paths.extend(own.folder(table).local_paths(&own.parts(table)?)?);
            }
            if !paths.is_empty() {
                frames.push((table.name(), scan_table(table, &paths)?));
            }
        }
        let mut paths = Vec::new();
        for name in &all {
            paths.extend(self.experiment(name).feature_files()?);
        }
        if !paths.is_empty() {
            frames.push((FEATURES, crate::scan::scan_parquet(&paths)?));
        }
        Ok(frames)
    }

    /// Names of the experiments to look for: these, and on a disk those that have folders.
    pub(crate) fn experiment_names(&self, names: &[&str]) -> Result<BTreeSet<String>, TablesError> {
        let mut all: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        all.extend(self.experiment_folders()?);
        Ok(all)
    }

    /// Names of the experiments' folders on a disk; none on an object store.
    fn experiment_folders(&self) -> Result<Vec<String>, TablesError> {
        let folder = self.root.below("experiments");
        if folder.is_remote() {
            return Ok(Vec::new());
        }
        let path = folder.path_of("");
        if !path.is_dir() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs_err::read_dir(path)? {
            let entry = entry?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    /// Local paths of the feature files of an experiment.
    pub(crate) fn feature_files(&self) -> Result<Vec<PathBuf>, TablesError> {
        let folder = self.root.below(FEATURES);
        let files = folder.files()?;
        let parts = files.iter().filter(|file| batch_of(&file.name).is_some());
        Ok(folder.local_paths(parts)?)
    }

    /// Names of the parts of a table without batches.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn part_names(&self, table: Table) -> Result<Vec<String>, TablesError> {
        let parts = self.parts(table)?;
        let names = parts.iter().filter_map(|part| batch_of(&part.name));
        Ok(names.map(str::to_owned).collect())
    }

    /// Removes one part of a table without batches.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_part(&self, table: Table, part: &str) -> Result<(), TablesError> {
        Ok(self.folder(table).remove_for_good(&file_name(part))?)
    }
}

/// What the first of these files says of a key in its metadata.
pub(crate) fn metadata_value(
    paths: Vec<PathBuf>,
    key: &str,
) -> Result<Option<String>, TablesError> {
    let Some(path) = paths.into_iter().next() else {
        return Ok(None);
    };
    let reader = open(&path)?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let pair = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == key));
    Ok(pair.and_then(|pair| pair.value.clone()))
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

/// Whether a file is a part or the temporary file of one. Other files in the folder are left alone.
fn is_part_or_temporary(name: &str) -> bool {
    name.ends_with(".parquet") || (name.starts_with('.') && name.ends_with(".part"))
}

pub(crate) fn read_status(
    path: &Path,
    mut take: impl FnMut(&str, Status),
) -> Result<(), TablesError> {
    let parquet = |source| TablesError::ReadParquet {
        path: path.to_owned(),
        source,
    };
    let reader = open(path)?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), ["checkpoint", "status"]);
    for rows in reader.with_projection(mask).build().map_err(parquet)? {
        let rows = rows.map_err(|error| parquet(error.into()))?;
        let checkpoints = text_column(path, &rows, "checkpoint")?;
        let statuses = text_column(path, &rows, "status")?;
        for (checkpoint, status) in checkpoints.iter().zip(statuses) {
            take(
                checkpoint.unwrap_or_default(),
                Status::of(status.unwrap_or_default()),
            );
        }
    }
    Ok(())
}
