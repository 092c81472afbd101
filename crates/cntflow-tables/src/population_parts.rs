//! Parts of the table `populations`: written in the order of the keys, and read together, one
//! population at a time.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, LargeBinaryArray, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};
use cntflow_metrics::population::SampleSummary;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::error::TablesError;
use crate::part::properties;
use crate::part_file::{column, number_column, open, text_column, wrong_type};
use crate::population::{Bin, Group, Population, PopulationKey};
use crate::schema::{ColumnType, checked_batch};
use crate::store::TableStore;
use crate::table::Table;

/// Number of populations that are read or written at a time. It is small because a summary may take
/// some hundred kilobytes.
const ROWS: usize = 16;

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
    /// The populations of all committed batches.
    ///
    /// # Errors
    /// A part cannot be opened.
    pub fn populations(&self) -> Result<Populations, TablesError> {
        Populations::open(&self.committed_parts(Table::Populations)?)
    }
}

impl Populations {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, TablesError> {
        let parts = paths.iter().map(|path| PartRows::open(path));
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    fn next_population(&mut self) -> Result<Option<(PopulationKey, Population)>, TablesError> {
        let keys = self.parts.iter().filter_map(PartRows::key);
        let Some(key) = keys.min().cloned() else {
            return Ok(None);
        };
        let mut merged: Option<Population> = None;
        for part in &mut self.parts {
            while part.key() == Some(&key) {
                let Some(population) = part.take()? else {
                    break;
                };
                match &mut merged {
                    None => merged = Some(population),
                    Some(merged) => merged.merge(&population),
                }
            }
        }
        Ok(merged.map(|merged| (key, merged)))
    }
}

impl Iterator for Populations {
    type Item = Result<(PopulationKey, Population), TablesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_population().transpose()
    }
}

/// The rows of one part, read one by one. The next row is always decoded already, so that its key
/// can be compared.
struct PartRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// The rows decoded last.
    rows: Option<RecordBatch>,
    /// Index in `rows` of the row after `next`.
    next_index: usize,
    next: Option<(PopulationKey, Population)>,
}

impl PartRows {
    fn open(path: &Path) -> Result<Self, TablesError> {
        let reader = open(path)?.with_batch_size(ROWS).build();
        let reader = reader.map_err(|source| TablesError::ReadParquet {
            path: path.to_owned(),
            source,
        })?;
        let mut rows = Self {
            path: path.to_owned(),
            reader,
            rows: None,
            next_index: 0,
            next: None,
        };
        rows.next = rows.decode_next()?;
        Ok(rows)
    }

    fn key(&self) -> Option<&PopulationKey> {
        self.next.as_ref().map(|(key, _)| key)
    }

    fn take(&mut self) -> Result<Option<Population>, TablesError> {
        let next = self.decode_next()?;
        let taken = std::mem::replace(&mut self.next, next);
        Ok(taken.map(|(_, population)| population))
    }

    fn decode_next(&mut self) -> Result<Option<(PopulationKey, Population)>, TablesError> {
        while self
            .rows
            .as_ref()
            .is_none_or(|rows| self.next_index == rows.num_rows())
        {
            let Some(rows) = self.reader.next() else {
                return Ok(None);
            };
            let rows = rows.map_err(|error| TablesError::ReadParquet {
                path: self.path.clone(),
                source: error.into(),
            })?;
            self.rows = Some(rows);
            self.next_index = 0;
        }
        let rows = self.rows.as_ref();
        let decoded = rows.map(|rows| decode(&self.path, rows, self.next_index));
        self.next_index += 1;
        decoded.transpose()
    }
}

/// A row of a part.
fn decode(
    path: &Path,
    rows: &RecordBatch,
    row: usize,
) -> Result<(PopulationKey, Population), TablesError> {
    let text = |name| Ok::<_, TablesError>(text_column(path, rows, name)?.value(row).to_owned());
    let real = |name| -> Result<f64, TablesError> {
        Ok(number_column::<Float64Type>(path, rows, name, ColumnType::Float64)?.value(row))
    };
    let layers = number_column::<UInt32Type>(path, rows, "layer", ColumnType::UInt32)?;
    let bins = number_column::<Int64Type>(path, rows, "bin", ColumnType::Int64)?;
    let networks = number_column::<UInt64Type>(path, rows, "n_networks", ColumnType::UInt64)?;
    let summaries = column(path, rows, "summary")?;
    let bytes = summaries
        .as_binary_opt::<i64>()
        .ok_or_else(|| wrong_type(path, "summary", ColumnType::Bytes, summaries))?;
    let sample =
        SampleSummary::from_bytes(bytes.value(row)).map_err(|source| TablesError::Summary {
            path: path.to_owned(),
            source,
        })?;
    let key = PopulationKey {
        group: Group {
            architecture: text("architecture")?,
            layer: layers.value(row),
            name: text("name")?,
            role: text("role")?,
            metric: text("metric")?,
        },
        bin: bins.value(row),
    };
    let population = Population {
        bin: Bin {
            bin: key.bin,
            low: real("bin_low")?,
            high: real("bin_high")?,
        },
        networks: networks.value(row),
        sample,
    };
    Ok((key, population))
}

/// Writes a part of populations, which must come in the order of their keys. Errors name the file
/// as `path`.
pub(crate) fn write_populations(
    path: &Path,
    file: &mut (dyn Write + Send),
    metadata: &[(String, String)],
    populations: impl IntoIterator<Item = Result<(PopulationKey, Population), TablesError>>,
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
    }
    writer.close().map_err(parquet)?;
    Ok(())
}

fn encode(rows: &[(PopulationKey, Population)]) -> Result<RecordBatch, TablesError> {
    let texts = |text: fn(&Group) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|(key, _)| text(&key.group)),
        ))
    };
    let reals = |real: fn(&Bin) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            rows.iter().map(|(_, population)| real(&population.bin)),
        ))
    };
    let counts = |count: fn(&Population) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            rows.iter().map(|(_, population)| count(population)),
        ))
    };
    let layers = rows.iter().map(|(key, _)| key.group.layer);
    let bins = rows.iter().map(|(key, _)| key.bin);
    let summaries = rows
        .iter()
        .map(|(_, population)| population.sample.to_bytes());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("architecture", texts(|group| &group.architecture)),
        ("layer", Arc::new(UInt32Array::from_iter_values(layers))),
        ("name", texts(|group| &group.name)),
        ("role", texts(|group| &group.role)),
        ("metric", texts(|group| &group.metric)),
        ("bin", Arc::new(Int64Array::from_iter_values(bins))),
        ("bin_low", reals(|bin| bin.low)),
        ("bin_high", reals(|bin| bin.high)),
        ("n_networks", counts(|population| population.networks)),
        ("count", counts(|population| population.sample.count())),
        (
            "summary",
            Arc::new(LargeBinaryArray::from_iter_values(summaries)),
        ),
    ];
    checked_batch(Table::Populations, columns)
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    fn row(layer: u32, bin: i64, values: &[f64]) -> (PopulationKey, Population) {
        let group = Group {
            architecture: "2 dense:1 (3 parameters)".to_owned(),
            layer,
            name: "fc".to_owned(),
            role: "hidden".to_owned(),
            metric: "link_weights".to_owned(),
        };
        let (low, high) = (bin as f64, bin as f64 + 1.0);
        let population = Population {
            bin: Bin { bin, low, high },
            networks: 1,
            sample: values.iter().copied().collect(),
        };
        (PopulationKey { group, bin }, population)
    }

    #[test]
    fn parts_are_read_in_the_order_of_keys_with_equal_ones_put_together() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(format!("{name}.parquet")));
        let first = [row(0, 1, &[1.0]), row(1, 0, &[2.0]), row(1, 3, &[3.0])];
        let second = (0..40).map(|bin| row(1, bin, &[5.0, 6.0]));
        let mut files = paths.each_ref().map(|path| fs::File::create(path).unwrap());
        let [a, b] = &mut files;
        write_populations(&paths[0], a, &[], first.into_iter().map(Ok)).unwrap();
        write_populations(&paths[1], b, &[], second.map(Ok)).unwrap();
        let all: Vec<_> = Populations::open(&paths)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(all.len(), 41);
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        let (key, population) = &all[4];
        assert_eq!((key.group.layer, key.bin), (1, 3));
        assert_eq!((population.networks, population.sample.count()), (2, 3));
        assert_eq!(population.sample.mean(), 14.0 / 3.0);
    }

    #[test]
    fn a_broken_part_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        fs::write(&path, "no Parquet").unwrap();
        let error = Populations::open(&[path]).unwrap_err().to_string();
        assert!(error.contains("a.parquet"), "{error}");
    }
}
