//! Collecting records into batches and writing their parts: all tables of a batch under one name,
//! `networks` last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use cntflow_catalog::LabelColumn;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::coverage::coverage;
use crate::error::TablesError;
use crate::layers::layers;
use crate::links::{links, n_links};
use crate::networks::networks;
use crate::neurons::neurons;
use crate::population::GatheredPopulations;
use crate::population_parts::write_populations;
use crate::record::Record;
use crate::store::{TableStore, file_name};
use crate::table::{Table, part_metadata};

/// Longest time that a record waits for its commit, default is 25 seconds. A killed run loses at
/// most this much work.
pub const DEFAULT_BATCH_AGE: Duration = Duration::from_secs(25);

/// Size in memory at which a batch is committed, in bytes, default is 12 MiB for each worker. While
/// a worker writes a batch it needs several times as much memory, because it builds the columns
/// beside the records.
pub const DEFAULT_BATCH_BYTES: usize = 12 << 20;

/// Number of rows of `layers` at which a batch is committed whatever its size, default is 16,384
/// for each worker: their columns are many, and take several times the memory of the records.
const MOST_LAYER_ROWS: usize = 1 << 14;

/// Rough size in memory of a row of `layers`, in bytes.
const LAYER_ROW_BYTES: usize = 256;

/// Size in memory of a row of `neurons`, in bytes: 4 strengths and 9 statistics over inputs.
const NEURON_ROW_BYTES: usize = 104;

/// Rough size in memory of a row of `links`, in bytes.
const LINK_ROW_BYTES: usize = 80;

/// Number of rows for which columns are built in memory before they are written.
const PIECE_ROWS: usize = 1 << 12;

/// When a batch is committed.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Longest time that a record waits.
    pub age: Duration,
    /// Size in memory, in bytes.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            age: DEFAULT_BATCH_AGE,
            bytes: DEFAULT_BATCH_BYTES,
        }
    }
}

/// The records of one worker that are not committed yet.
#[derive(Debug)]
pub struct Batch {
    store: TableStore,
    limits: BatchLimits,
    labels: Arc<[LabelColumn]>,
    metadata: Arc<[(String, String)]>,
    name_prefix: String,
    n_committed: usize,
    records: Vec<Record>,
    populations: GatheredPopulations,
    bytes: usize,
    n_layer_rows: usize,
    since: Option<Instant>,
}

impl Batch {
    /// Parts are called `<name_prefix>-<number>`. No other worker and no other run may use
    /// `name_prefix`, since its parts would be overwritten. `labels` are the label columns of the
    /// study, `metadata` goes into every part.
    pub fn new(
        store: TableStore,
        limits: BatchLimits,
        labels: Arc<[LabelColumn]>,
        metadata: Arc<[(String, String)]>,
        name_prefix: String,
    ) -> Self {
        Self {
            store,
            limits,
            labels,
            metadata,
            name_prefix,
            n_committed: 0,
            records: Vec::new(),
            populations: GatheredPopulations::default(),
            bytes: 0,
            n_layer_rows: 0,
            since: None,
        }
    }

    /// Adds a record. [`Batch::is_full`] and [`Batch::due`] tell when to commit.
    pub fn add(&mut self, mut record: Record) {
        if let Some(samples) = record.samples.take() {
            self.populations.add(&record.entry.checkpoint, samples);
        }
        let metrics = record.metrics.as_ref();
        let neurons: usize = metrics.map_or(0, |metrics| {
            metrics.neurons.iter().map(|layer| layer.len()).sum()
        });
        let n_layers = metrics.map_or(0, |metrics| metrics.layers.len());
        self.n_layer_rows += n_layers;
        self.bytes += n_layers * LAYER_ROW_BYTES
            + neurons * NEURON_ROW_BYTES
            + n_links(&record) * LINK_ROW_BYTES
            + record.coverage.len() * LAYER_ROW_BYTES;
        self.since.get_or_insert_with(Instant::now);
        self.records.push(record);
    }

    /// Whether the batch has reached its size.
    pub fn is_full(&self) -> bool {
        self.n_layer_rows >= MOST_LAYER_ROWS
            || self.bytes + self.populations.bytes() >= self.limits.bytes
    }

    /// When the batch is to be committed at the latest; `None` while it is empty.
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.limits.age)
    }

    /// Writes the batch's parts, `networks` last, and starts a new batch.
    ///
    /// # Errors
    /// A part cannot be written; nothing of the batch is committed then.
    pub fn commit(&mut self) -> Result<(), TablesError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let batch = format!("{}-{:05}", self.name_prefix, self.n_committed);
        for table in Table::BATCHED {
            if table == Table::Populations {
                self.write_populations(&batch)?;
                continue;
            }
            let pieces = pieces(table, &self.records);
            let n_rows: usize = self.records.iter().map(|r| n_rows(table, r)).sum();
            if n_rows > 0 || !table.is_optional() {
                self.write(table, &batch, &pieces)?;
            }
        }
        self.n_committed += 1;
        self.records.clear();
        self.bytes = 0;
        self.n_layer_rows = 0;
        self.since = None;
        Ok(())
    }

    fn rows(&self, table: Table, records: &[Record]) -> Result<RecordBatch, TablesError> {
        match table {
            Table::Layers => layers(records),
            Table::Neurons => neurons(records),
            Table::Links => links(records),
            Table::Coverage => coverage(records),
            _ => networks(records, &self.labels),
        }
    }

    fn write_populations(&mut self, batch: &str) -> Result<(), TablesError> {
        let populations = self.populations.take();
        if populations.is_empty() {
            return Ok(());
        }
        let path = self.store.part(Table::Populations, batch);
        let folder = self.store.folder(Table::Populations);
        folder.write(&file_name(batch), |file| {
            write_populations(&path, file, &self.metadata, populations.into_iter().map(Ok))
        })
    }

    /// Writes a part, the rows of one piece after the other.
    fn write(&self, table: Table, batch: &str, pieces: &[&[Record]]) -> Result<(), TablesError> {
        let path = self.store.part(table, batch);
        let Some((first, others)) = pieces.split_first() else {
            return Ok(());
        };
        let first = self.rows(table, first)?;
        let properties = properties(table, &first.schema(), &self.metadata);
        self.store.folder(table).write(&file_name(batch), |file| {
            let parquet = |source| TablesError::WriteParquet {
                path: path.clone(),
                source,
            };
            // Parquet readers would follow an embedded Arrow schema and return names of checkpoints
            // as dictionaries. Without it they return plain texts.
            let options = ArrowWriterOptions::new()
                .with_properties(properties)
                .with_skip_arrow_metadata(true);
            let mut writer = ArrowWriter::try_new_with_options(file, first.schema(), options)
                .map_err(parquet)?;
            writer.write(&first).map_err(parquet)?;
            for records in others {
                let rows = self.rows(table, records)?;
                writer.write(&rows).map_err(parquet)?;
            }
            writer.close().map_err(parquet)?;
            Ok(())
        })
    }
}

/// Rows that a record gives to a table.
fn n_rows(table: Table, record: &Record) -> usize {
    let metrics = record.metrics.as_ref();
    match table {
        Table::Layers => metrics.map_or(0, |metrics| metrics.layers.len()),
        Table::Neurons => metrics.map_or(0, |metrics| {
            metrics.neurons.iter().map(|layer| layer.len()).sum()
        }),
        Table::Links => n_links(record),
        Table::Coverage => record.coverage.len(),
        _ => 1,
    }
}

/// Consecutive records in pieces of about [`PIECE_ROWS`] rows. The columns of a piece fit in the
/// caches and take little memory.
fn pieces(table: Table, records: &[Record]) -> Vec<&[Record]> {
    let mut pieces = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        rows += n_rows(table, record);
        if rows >= PIECE_ROWS {
            pieces.push(&records[first..=index]);
            (first, rows) = (index + 1, 0);
        }
    }
    if first < records.len() {
        pieces.push(&records[first..]);
    }
    pieces
}

/// Properties of small tables: zstd, and the table, its version and the caller's pairs in the
/// metadata.
pub(crate) fn plain_properties(table: Table, metadata: &[(String, String)]) -> WriterProperties {
    plain_builder(table, metadata).build()
}

/// Those of a table without a schema.
pub(crate) fn named_properties(name: &str, metadata: &[(String, String)]) -> WriterProperties {
    named_builder(name, metadata).build()
}

fn plain_builder(table: Table, metadata: &[(String, String)]) -> WriterPropertiesBuilder {
    named_builder(table.name(), metadata)
}

fn named_builder(name: &str, metadata: &[(String, String)]) -> WriterPropertiesBuilder {
    let pairs = part_metadata(name, metadata).into_iter();
    let pairs = pairs.map(|(key, value)| KeyValue::new(key, value));
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(pairs.collect()))
}

/// Properties of parts: those of small tables, with an encoding for each type of column.
pub(crate) fn properties(
    table: Table,
    schema: &Schema,
    metadata: &[(String, String)],
) -> WriterProperties {
    let mut builder = plain_builder(table, metadata);
    // Reals hardly ever repeat, so a dictionary costs time and saves nothing. Split by byte they
    // compress.
    for field in schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_floating())
    {
        let column = ColumnPath::from(field.name().as_str());
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::BYTE_STREAM_SPLIT);
    }
    // Indices count up or repeat: their differences take hardly any space, and no dictionary has to
    // be searched.
    let whole = |field: &&Arc<Field>| *field.data_type() == DataType::UInt32;
    for field in schema.fields().iter().filter(whole) {
        let column = ColumnPath::from(field.name().as_str());
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    let binary = |field: &&Arc<Field>| *field.data_type() == DataType::LargeBinary;
    for field in schema.fields().iter().filter(binary) {
        let column = ColumnPath::from(field.name().as_str());
        builder = builder.set_column_dictionary_enabled(column, false);
    }
    builder.build()
}
