//! Parts of the table `populations`: written in the order of the keys, and read together, one population at a time.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, LargeBinaryArray, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use cntflow_metrics::population::SampleSummary;
use fs_err as fs;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::TablesError;
use crate::part::properties;
use crate::population::{Bin, Group, Population, PopulationKey};
use crate::store::TableStore;
use crate::table::Table;

/// Populations that are read or written at a time: each may hold some hundred kilobytes.
const ROWS: usize = 16;

/// All populations of some parts in the order of their keys, those of one key put together. One at a time is in memory, and a few of each
/// part.
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
        let mut whole: Option<Population> = None;
        for part in &mut self.parts {
            while part.key() == Some(&key) {
                let Some(population) = part.take()? else {
                    break;
                };
                match &mut whole {
                    None => whole = Some(population),
                    Some(whole) => whole.merge(&population),
                }
            }
        }
        Ok(whole.map(|whole| (key, whole)))
    }
}

impl Iterator for Populations {
    type Item = Result<(PopulationKey, Population), TablesError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_population().transpose()
    }
}

/// The rows of one part, the next one decoded.
struct PartRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    rows: Option<RecordBatch>,
    at: usize,
    next: Option<(PopulationKey, Population)>,
}

impl PartRows {
    fn open(path: &Path) -> Result<Self, TablesError> {
        let parquet = |source| TablesError::Parquet {
            path: path.to_owned(),
            source,
        };
        let file = fs::File::open(path)?.into_file();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?;
        let reader = builder.with_batch_size(ROWS).build().map_err(parquet)?;
        let mut rows = Self {
            path: path.to_owned(),
            reader,
            rows: None,
            at: 0,
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
            .is_none_or(|rows| self.at == rows.num_rows())
        {
            let Some(rows) = self.reader.next() else {
                return Ok(None);
            };
            self.rows = Some(rows.map_err(|error| self.broken(error.to_string()))?);
            self.at = 0;
        }
        let decoded = self.rows.as_ref().map(|rows| decode(rows, self.at));
        self.at += 1;
        decoded.transpose().map_err(|reason| self.broken(reason))
    }

    fn broken(&self, reason: String) -> TablesError {
        TablesError::Population {
            path: self.path.clone(),
            reason,
        }
    }
}

/// A row of a part.
fn decode(rows: &RecordBatch, row: usize) -> Result<(PopulationKey, Population), String> {
    let column = |name: &str| {
        let column = rows.column_by_name(name);
        column.ok_or_else(|| format!("no column '{name}'"))
    };
    let wrong = |name: &str| format!("column '{name}' is of another type");
    let text = |name: &str| -> Result<String, String> {
        let column = column(name)?.as_string_opt::<i32>();
        Ok(column.ok_or_else(|| wrong(name))?.value(row).to_owned())
    };
    let real = |name: &str| -> Result<f64, String> {
        let column = column(name)?.as_primitive_opt::<Float64Type>();
        Ok(column.ok_or_else(|| wrong(name))?.value(row))
    };
    let layer = column("layer")?.as_primitive_opt::<UInt32Type>();
    let bin = column("bin")?.as_primitive_opt::<Int64Type>();
    let networks = column("n_networks")?.as_primitive_opt::<UInt64Type>();
    let summary = column("summary")?.as_binary_opt::<i64>();
    let summary = summary.ok_or_else(|| wrong("summary"))?.value(row);
    let key = PopulationKey {
        group: Group {
            architecture: text("architecture")?,
            layer: layer.ok_or_else(|| wrong("layer"))?.value(row),
            name: text("name")?,
            role: text("role")?,
            metric: text("metric")?,
        },
        bin: bin.ok_or_else(|| wrong("bin"))?.value(row),
    };
    let population = Population {
        bin: Bin {
            bin: key.bin,
            low: real("bin_low")?,
            high: real("bin_high")?,
        },
        networks: networks.ok_or_else(|| wrong("n_networks"))?.value(row),
        sample: SampleSummary::from_bytes(summary).map_err(|error| error.to_string())?,
    };
    Ok((key, population))
}

/// Writes a part of populations in the order of their keys; `path` is what errors call it.
pub(crate) fn write_populations(
    path: &Path,
    file: &mut (dyn Write + Send),
    metadata: &[(String, String)],
    populations: impl IntoIterator<Item = Result<(PopulationKey, Population), TablesError>>,
) -> Result<(), TablesError> {
    let parquet = |source| TablesError::Parquet {
        path: path.to_owned(),
        source,
    };
    let schema = Arc::new(schema());
    let properties = properties(Table::Populations, &schema, metadata);
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(parquet)?;
    let mut populations = populations.into_iter();
    loop {
        let some: Vec<_> = populations.by_ref().take(ROWS).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        let rows =
            encode(&some).and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns));
        let rows = rows.map_err(|source| TablesError::Rows {
            table: Table::Populations.name(),
            source,
        })?;
        writer.write(&rows).map_err(parquet)?;
    }
    writer.close().map_err(parquet)?;
    Ok(())
}

fn schema() -> Schema {
    let fields = [
        ("architecture", DataType::Utf8),
        ("layer", DataType::UInt32),
        ("name", DataType::Utf8),
        ("role", DataType::Utf8),
        ("metric", DataType::Utf8),
        ("bin", DataType::Int64),
        ("bin_low", DataType::Float64),
        ("bin_high", DataType::Float64),
        ("n_networks", DataType::UInt64),
        ("count", DataType::UInt64),
        ("summary", DataType::LargeBinary),
    ];
    let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
    Schema::new(fields.to_vec())
}

/// The columns of [`schema`].
fn encode(rows: &[(PopulationKey, Population)]) -> Result<Vec<ArrayRef>, ArrowError> {
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
    Ok(vec![
        texts(|group| &group.architecture),
        Arc::new(UInt32Array::from_iter_values(layers)),
        texts(|group| &group.name),
        texts(|group| &group.role),
        texts(|group| &group.metric),
        Arc::new(Int64Array::from_iter_values(bins)),
        reals(|bin| bin.low),
        reals(|bin| bin.high),
        counts(|population| population.networks),
        counts(|population| population.sample.count()),
        Arc::new(LargeBinaryArray::from_iter_values(summaries)),
    ])
}

#[cfg(test)]
mod tests {
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
