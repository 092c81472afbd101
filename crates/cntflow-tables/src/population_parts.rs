//! Parts of the table `populations`: written in the order of the keys, and read together, one
//! row at a time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};

use crate::error::TablesError;
use crate::part::properties;
use crate::part_file::open;
use crate::population::{EncodedPopulation, Group, PopulationKey, PopulationRow, StoredPopulation};
use crate::population_rows::{
    CHECKPOINTS, SUMMARY, checkpoints, decode_key, decode_without_values, encode, stored,
};
use crate::store::TableStore;
use crate::table::Table;

/// Number of populations that are read or written at a time. It is small because a summary may take
/// some hundred kilobytes.
const ROWS: usize = 16;

/// Size of a row group in bytes. A row group stays in memory until it is complete, and a part may
/// have gigabytes.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// The populations of several parts in the order of their keys; those of one key are merged. Only a
/// few rows of each part are in memory at a time.
pub struct Populations {
    parts: Vec<PartRows>,
}

impl std::fmt::Debug for Populations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = self.parts.iter().map(|part| &part.path);
        f.debug_list().entries(paths).finish()
    }
}

impl TableStore {
    /// The populations of these groups in all committed batches.
    ///
    /// # Errors
    /// A part cannot be opened.
    pub fn populations(&self, groups: BTreeSet<Group>) -> Result<Populations, TablesError> {
        let paths = self.committed_parts(Table::Populations)?;
        Populations::open_some(&paths, Some(&Arc::new(groups)))
    }

    /// Calls `visit` with each row of `populations` in all committed batches, without its values:
    /// in the order of its key within a batch.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn visit_population_rows(
        &self,
        mut visit: impl FnMut(PopulationRow),
    ) -> Result<(), TablesError> {
        for path in self.committed_parts(Table::Populations)? {
            let builder = open_part(&path)?;
            let columns = builder.parquet_schema().columns().iter().enumerate();
            let wanted = columns.filter(|(_, column)| column.path().parts()[0] != SUMMARY);
            let wanted: Vec<usize> = wanted.map(|(index, _)| index).collect();
            let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted);
            let unread = |source| TablesError::ReadParquet {
                path: path.clone(),
                source,
            };
            let reader = builder.with_projection(mask).build().map_err(unread)?;
            for rows in reader {
                let rows = rows.map_err(|error| unread(error.into()))?;
                for row in 0..rows.num_rows() {
                    let key = decode_key(&path, &rows, row)?;
                    visit(decode_without_values(&path, &rows, row, key)?);
                }
            }
        }
        Ok(())
    }
}

impl Populations {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, TablesError> {
        Self::open_some(paths, None)
    }

    /// Opens parts, to read the rows of some groups; `None` reads all.
    fn open_some(
        paths: &[PathBuf],
        groups: Option<&Arc<BTreeSet<Group>>>,
    ) -> Result<Self, TablesError> {
        let parts = paths
            .iter()
            .map(|path| PartRows::open(path, groups.cloned()));
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    fn next_population(&mut self) -> Result<Option<StoredPopulation>, TablesError> {
        let keys = self.parts.iter().filter_map(PartRows::key);
        let Some(key) = keys.min().cloned() else {
            return Ok(None);
        };
        let mut merged: Option<StoredPopulation> = None;
        for part in &mut self.parts {
            while part.key() == Some(&key) {
                let Some(population) = part.take()? else {
                    break;
                };
                match &mut merged {
                    None => merged = Some(population),
                    Some(merged) => merged.merge(population)?,
                }
            }
        }
        Ok(merged)
    }
}

impl Iterator for Populations {
    type Item = Result<StoredPopulation, TablesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_population().transpose()
    }
}

/// The rows of one part, read one by one. The next row is always read already, so that its key can
/// be compared.
struct PartRows {
    path: Arc<Path>,
    reader: ParquetRecordBatchReader,
    /// The rows decoded last.
    rows: Option<RecordBatch>,
    /// Index in `rows` of the row after `next`.
    next_index: usize,
    next: Option<StoredPopulation>,
    /// The groups whose rows are read; `None` for all.
    groups: Option<Arc<BTreeSet<Group>>>,
}

impl PartRows {
    fn open(path: &Path, groups: Option<Arc<BTreeSet<Group>>>) -> Result<Self, TablesError> {
        let reader = open_part(path)?.with_batch_size(ROWS).build();
        let reader = reader.map_err(|source| TablesError::ReadParquet {
            path: path.to_owned(),
            source,
        })?;
        let mut rows = Self {
            path: path.into(),
            reader,
            rows: None,
            next_index: 0,
            next: None,
            groups,
        };
        rows.next = rows.read_next()?;
        Ok(rows)
    }

    fn key(&self) -> Option<&PopulationKey> {
        self.next.as_ref().map(StoredPopulation::key)
    }

    fn take(&mut self) -> Result<Option<StoredPopulation>, TablesError> {
        let next = self.read_next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn read_next(&mut self) -> Result<Option<StoredPopulation>, TablesError> {
        loop {
            let Some(rows) = &self.rows else {
                if !self.read_more()? {
                    return Ok(None);
                }
                continue;
            };
            if self.next_index == rows.num_rows() {
                self.rows = None;
                continue;
            }
            let row = self.next_index;
            self.next_index += 1;
            let key = decode_key(&self.path, rows, row)?;
            let groups = self.groups.as_ref();
            if groups.is_none_or(|groups| groups.contains(&key.group)) {
                let row = stored(&self.path, rows, row, key)?;
                let part = Arc::clone(&self.path);
                return Ok(Some(StoredPopulation { row, part }));
            }
        }
    }

    /// Reads the next rows; returns whether there are any.
    fn read_more(&mut self) -> Result<bool, TablesError> {
        let Some(rows) = self.reader.next() else {
            return Ok(false);
        };
        let rows = rows.map_err(|error| TablesError::ReadParquet {
            path: self.path.to_path_buf(),
            source: error.into(),
        })?;
        self.rows = Some(rows);
        self.next_index = 0;
        Ok(true)
    }
}

/// Opens a part whose rows name their networks.
fn open_part(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, TablesError> {
    let builder = open(path)?;
    if builder.schema().column_with_name(CHECKPOINTS).is_none() {
        return Err(TablesError::UnnamedPopulations {
            path: path.to_owned(),
        });
    }
    Ok(builder)
}

/// The checkpoints of each row of a part.
pub(crate) fn read_checkpoints(path: &Path) -> Result<Vec<BTreeSet<String>>, TablesError> {
    let parquet = |source| TablesError::ReadParquet {
        path: path.to_owned(),
        source,
    };
    let reader = open(path)?;
    // A list is a group of columns.
    let names = reader.parquet_schema().columns();
    let is_wanted = |index: &usize| names[*index].path().parts()[0] == CHECKPOINTS;
    let wanted: Vec<usize> = (0..names.len()).filter(is_wanted).collect();
    let mask = ProjectionMask::leaves(reader.parquet_schema(), wanted);
    let mut all = Vec::new();
    for rows in reader.with_projection(mask).build().map_err(parquet)? {
        let rows = rows.map_err(|error| parquet(error.into()))?;
        for row in 0..rows.num_rows() {
            all.push(checkpoints(path, &rows, row)?);
        }
    }
    Ok(all)
}

/// Writes a part of populations, which must come in the order of their keys. Errors name the file
/// as `path`.
pub(crate) fn write_populations(
    path: &Path,
    file: &mut (dyn Write + Send),
    metadata: &[(String, String)],
    populations: impl IntoIterator<Item = Result<EncodedPopulation, TablesError>>,
) -> Result<(), TablesError> {
    let parquet = |source| TablesError::WriteParquet {
        path: path.to_owned(),
        source,
    };
    let schema = Arc::new(Table::Populations.schema());
    let properties = properties(Table::Populations, &schema, metadata);
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(parquet)?;
    let mut populations = populations.into_iter();
    loop {
        let some: Vec<_> = populations.by_ref().take(ROWS).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        let rows = encode(&some)?;
        writer.write(&rows).map_err(parquet)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES {
            writer.flush().map_err(parquet)?;
        }
    }
    writer.close().map_err(parquet)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::population::{Bin, Group, Population};

    fn row(layer: u32, bin: i64, network: &str, values: &[f64]) -> EncodedPopulation {
        let group = Group {
            architecture: "2 dense:1 (3 parameters)".to_owned(),
            layer,
            name: "fc".to_owned(),
            role: "hidden".to_owned(),
            metric: "link_weights".to_owned(),
        };
        let (low, high) = (bin as f64, bin as f64 + 1.0);
        let population = Population {
            bin: Bin {
                bin,
                low,
                high,
                value: None,
            },
            checkpoints: BTreeSet::from([network.to_owned()]),
            sample: values.iter().copied().collect(),
        };
        let key = PopulationKey {
            group,
            bin,
            value: None,
            checkpoint: None,
        };
        EncodedPopulation::new(key, population)
    }

    #[test]
    fn parts_are_read_in_the_order_of_keys_with_equal_ones_put_together() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(format!("{name}.parquet")));
        let first = [
            row(0, 1, "a", &[1.0]),
            row(1, 0, "a", &[2.0]),
            row(1, 3, "a", &[3.0]),
        ];
        let second = (0..40).map(|bin| row(1, bin, "b", &[5.0, 6.0]));
        let mut files = paths.each_ref().map(|path| fs::File::create(path).unwrap());
        let [a, b] = &mut files;
        write_populations(&paths[0], a, &[], first.into_iter().map(Ok)).unwrap();
        write_populations(&paths[1], b, &[], second.map(Ok)).unwrap();
        let all: Vec<_> = Populations::open(&paths)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(all.len(), 41);
        assert!(all.is_sorted_by(|a, b| a.key() < b.key()));
        let population = &all[4];
        assert_eq!((population.key().group.layer, population.key().bin), (1, 3));
        let networks: Vec<_> = population.checkpoints().iter().cloned().collect();
        let sample = population.sample().unwrap();
        assert_eq!(
            (networks.join(" "), population.row.count, sample.count()),
            ("a b".to_owned(), 3, 3)
        );
        assert_eq!(sample.mean(), 14.0 / 3.0);
    }

    #[test]
    fn a_broken_part_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, "no Parquet").unwrap();
        let error = Populations::open(&[path]).unwrap_err().to_string();
        assert!(error.contains("a.parquet"), "{error}");
    }

    /// Version 3 of the schemas: bins were ranges.
    #[test]
    fn a_part_without_values_of_labels_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let rows = encode(&[row(0, 1, "a", &[1.0, 2.0])]).unwrap();
        let columns = rows.schema();
        let kept = (0..rows.num_columns()).filter(|&i| columns.field(i).name() != "bin_value");
        let old = rows.project(&kept.collect::<Vec<_>>()).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, old.schema(), None).unwrap();
        writer.write(&old).unwrap();
        writer.close().unwrap();
        let read: Vec<_> = Populations::open(&[path]).unwrap().collect();
        let row = &read[0].as_ref().unwrap().row;
        assert_eq!((row.key.bin, &row.key.value), (1, &None));
        assert_eq!((row.bin.low, row.count), (1.0, 2));
    }

    #[test]
    fn networks_by_themselves_stay_so() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(format!("{name}.parquet")));
        for (path, network) in paths.iter().zip(["second", "first"]) {
            let mut own = row(0, 1, network, &[1.0]);
            own.key.checkpoint = Some(network.to_owned());
            let mut file = fs::File::create(path).unwrap();
            write_populations(path, &mut file, &[], [Ok(own)]).unwrap();
        }
        let keys = Populations::open(&paths).unwrap();
        let keys: Vec<_> = keys.map(|next| next.unwrap().row.key.checkpoint).collect();
        assert_eq!(keys, [Some("first".to_owned()), Some("second".to_owned())]);
    }

    /// Version 2 of the schemas: such a part says nothing of runs.
    #[test]
    fn a_part_without_names_of_networks_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let columns = Table::Populations.schema();
        let kept = (0..columns.fields().len()).filter(|&i| columns.field(i).name() != CHECKPOINTS);
        let old = Arc::new(columns.project(&kept.collect::<Vec<_>>()).unwrap());
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&old), None).unwrap();
        writer.write(&RecordBatch::new_empty(old)).unwrap();
        writer.close().unwrap();
        let error = Populations::open(&[path]).unwrap_err().to_string();
        assert!(
            error.contains("a.parquet") && error.contains("--fresh"),
            "{error}"
        );
    }
}
