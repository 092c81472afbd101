//! The table `features` of an experiment: one row per network and twin. Its columns are another for
//! each experiment, so no schema declares them.

use std::path::PathBuf;

use polars::prelude::{DataFrame, LazyFrame};

use crate::error::TablesError;
use crate::frame::{encode_rows, frame_batch};
use crate::part::named_properties;
use crate::schema::{ColumnDescription, type_name};
use crate::store::{FEATURES, ONLY_PART, TableStore, file_name, metadata_value};

/// The columns that all experiments have, with their meanings.
const KEYS: [(&str, &str); 4] = [
    ("experiment", "Name of the experiment."),
    (
        "twin",
        "The twin population; null for the networks themselves.",
    ),
    ("checkpoint", "Name of the checkpoint."),
    ("group", "Its group: the smallest run or checkpoint in it."),
];

/// The meaning of all other columns.
const FEATURE: &str =
    "A feature before any preparation; null where a network, or an experiment, has no such number.";

impl TableStore {
    /// Replaces the feature columns of an experiment: `features/all.parquet` beside its tables.
    /// `metadata` goes into the file.
    ///
    /// # Errors
    /// [`TablesError::Io`] or [`TablesError::WriteParquet`] if the file cannot be written.
    pub fn write_features(
        &self,
        frame: &DataFrame,
        metadata: &[(String, String)],
    ) -> Result<PathBuf, TablesError> {
        let folder = self.root.below(FEATURES);
        let path = folder.path_of(&file_name(ONLY_PART));
        let rows = frame_batch(frame)?;
        let properties = named_properties(FEATURES, metadata);
        folder.write(&file_name(ONLY_PART), |file| {
            encode_rows(&rows, &path, properties, file)
        })?;
        Ok(path)
    }

    /// What the metadata of an experiment's feature columns says of a key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn features_metadata(&self, key: &str) -> Result<Option<String>, TablesError> {
        metadata_value(self.feature_files()?, key)
    }

    /// The feature columns of an experiment; `None` if there are none.
    ///
    /// # Errors
    /// As [`scan_parquet`](crate::scan_parquet).
    pub fn scan_features(&self) -> Result<Option<LazyFrame>, TablesError> {
        let paths = self.feature_files()?;
        if paths.is_empty() {
            return Ok(None);
        }
        crate::scan::scan_parquet(&paths).map(Some)
    }

    /// The columns of the table `features` over these experiments and, on a disk, all others;
    /// empty where there is no experiment.
    ///
    /// # Errors
    /// As [`TableStore::scan_experiments`].
    pub fn describe_features(
        &self,
        experiments: &[&str],
    ) -> Result<Vec<ColumnDescription>, TablesError> {
        let tables = self.scan_experiments(experiments)?;
        let Some((_, mut frame)) = tables.into_iter().find(|(name, _)| *name == FEATURES) else {
            return Ok(Vec::new());
        };
        let schema = frame.collect_schema().map_err(TablesError::Scan)?;
        let describe = |(name, data_type): (&polars::prelude::PlSmallStr, &_)| {
            let key = KEYS.iter().find(|(key, _)| *key == name.as_str());
            ColumnDescription {
                name: name.to_string(),
                data_type: type_name(data_type),
                unit: None,
                doc: key.map_or(FEATURE, |(_, meaning)| *meaning),
            }
        };
        Ok(schema.iter().map(describe).collect())
    }
}
