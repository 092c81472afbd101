//! Rows taken over from the tables of another folder: the same content, measured in the same way,
//! need not be measured again.

use std::collections::HashMap;
use std::io::Write;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take_record_batch;
use cntflow_catalog::{CatalogEntry, LabelColumn, label_array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use crate::error::TablesError;
use crate::merge::{in_schema, rows_error};
use crate::networks::label_names;
use crate::part::properties;
use crate::part_file::{column, number_column, open, text_column};
use crate::population::{Bin, EncodedPopulation, PopulationKey};
use crate::population_parts::{Populations, write_populations};
use crate::schema::{ColumnType, checked_batch, own_columns};
use crate::store::{TableStore, file_name};
use crate::table::Table;

/// A checkpoint that gets the rows of another one.
#[derive(Clone, Debug)]
pub struct TakenOver {
    /// The other one, in the other tables.
    pub from: String,
    /// The checkpoint, with its own name, run, step and labels.
    pub entry: CatalogEntry,
    /// The bin that its values belong to; `None` if they belong to no population.
    pub bin: Option<Bin>,
}

/// Which rows of tables that a batch may lack are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalRows {
    /// Whether those of `neurons` are.
    pub neurons: bool,
    /// Up to this rank, those of `links` are; 0 for none.
    pub strongest_links: u32,
}

impl TableStore {
    /// Commits one batch with the rows of checkpoints that `source` has measured, under the names
    /// and with the labels of `taken`. `labels` are the label columns of the study, `metadata` goes
    /// into every part. Rows are streamed.
    ///
    /// # Errors
    /// A part of `source` cannot be read, or a part not be written; nothing is committed then.
    pub fn take_over(
        &self,
        source: &Self,
        taken: &[TakenOver],
        labels: &[LabelColumn],
        metadata: &[(String, String)],
        optional: OptionalRows,
        batch: &str,
    ) -> Result<(), TablesError> {
        let mut by_source: HashMap<&str, Vec<&TakenOver>> = HashMap::new();
        for one in taken {
            by_source.entry(&one.from).or_default().push(one);
        }
        let taking = Taking {
            by_source,
            labels,
            metadata,
            optional,
        };
        let batches = source.batches()?;
        for table in Table::BATCHED {
            let parts = source.parts_of_batches(table, &batches)?;
            let is_wanted = match table {
                Table::Neurons => optional.neurons,
                Table::Links => optional.strongest_links > 0,
                Table::Populations => taken.iter().any(|one| one.bin.is_some()),
                _ => true,
            };
            if !is_wanted || parts.is_empty() {
                continue;
            }
            let path = self.part(table, batch);
            self.folder(table)
                .write(&file_name(batch), |file| match table {
                    Table::Populations => taking.write_populations(&parts, &path, file),
                    _ => taking.write(table, &parts, &path, file),
                })?;
        }
        Ok(())
    }
}

/// What is taken, and how it is written.
struct Taking<'a> {
    /// By the names in the other tables.
    by_source: HashMap<&'a str, Vec<&'a TakenOver>>,
    labels: &'a [LabelColumn],
    metadata: &'a [(String, String)],
    optional: OptionalRows,
}

impl Taking<'_> {
    fn write(
        &self,
        table: Table,
        parts: &[PathBuf],
        path: &Path,
        file: &mut (dyn Write + Send),
    ) -> Result<(), TablesError> {
        let write_failed = |source| TablesError::WriteParquet {
            path: path.to_owned(),
            source,
        };
        let schema = self.schema(table)?;
        let properties = properties(table, &schema, self.metadata);
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)
            .map_err(write_failed)?;
        for part in parts {
            let read_failed = |source| TablesError::ReadParquet {
                path: part.clone(),
                source,
            };
            for rows in open(part)?.build().map_err(read_failed)? {
                let rows = rows.map_err(|error| read_failed(error.into()))?;
                if let Some(rows) = self.rows(table, part, &rows, &schema)? {
                    writer.write(&rows).map_err(write_failed)?;
                }
            }
        }
        writer.close().map_err(write_failed)?;
        Ok(())
    }

    /// The columns that are written.
    fn schema(&self, table: Table) -> Result<SchemaRef, TablesError> {
        if table != Table::Networks {
            return Ok(Arc::new(table.schema()));
        }
        let empty = crate::networks::networks(&[], self.labels)?;
        Ok(empty.schema())
    }

    /// The rows that are taken of these; `None` if none are.
    fn rows(
        &self,
        table: Table,
        part: &Path,
        rows: &RecordBatch,
        schema: &SchemaRef,
    ) -> Result<Option<RecordBatch>, TablesError> {
        let checkpoints = text_column(part, rows, "checkpoint")?;
        let ranks = match table {
            Table::Links => Some(number_column::<UInt32Type>(
                part,
                rows,
                "rank",
                ColumnType::UInt32,
            )?),
            _ => None,
        };
        let mut indices: Vec<u32> = Vec::new();
        let mut taken: Vec<&TakenOver> = Vec::new();
        for (row, checkpoint) in checkpoints.iter().enumerate() {
            if ranks.is_some_and(|ranks| ranks.value(row) > self.optional.strongest_links) {
                continue;
            }
            for &one in checkpoint
                .and_then(|name| self.by_source.get(name))
                .into_iter()
                .flatten()
            {
                indices.push(row as u32);
                taken.push(one);
            }
        }
        if indices.is_empty() {
            return Ok(None);
        }
        let rows = take_record_batch(rows, &UInt32Array::from(indices))
            .map_err(|source| rows_error(table, source))?;
        let names = taken.iter().map(|one| one.entry.checkpoint.as_str());
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
        if table == Table::Networks {
            return self.network_rows(part, &rows, &taken, &names).map(Some);
        }
        let rows = in_schema(table, part, &rows, schema)?;
        let columns = rows.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| {
            if field.name() == "checkpoint" {
                Arc::clone(&names)
            } else {
                Arc::clone(column)
            }
        });
        let renamed = RecordBatch::try_new(Arc::clone(schema), columns.collect());
        renamed
            .map(Some)
            .map_err(|source| rows_error(table, source))
    }

    fn network_rows(
        &self,
        part: &Path,
        rows: &RecordBatch,
        taken: &[&TakenOver],
        names: &ArrayRef,
    ) -> Result<RecordBatch, TablesError> {
        let entries = || taken.iter().map(|one| &one.entry);
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for own in own_columns(Table::Networks) {
            let column: ArrayRef = match own {
                "checkpoint" => Arc::clone(names),
                "run" => Arc::new(StringArray::from_iter_values(
                    entries().map(|entry| entry.run.as_str()),
                )),
                "step" => Arc::new(Int64Array::from_iter_values(
                    entries().map(|entry| entry.step),
                )),
                "parent" => {
                    let parents = entries().map(|entry| Some(entry.parent.as_ref()?.name.as_str()));
                    Arc::new(parents.collect::<StringArray>())
                }
                "status" => {
                    for (name, label) in label_names(self.labels).iter().zip(self.labels) {
                        columns.push((name.clone(), label_array(label, entries())));
                    }
                    taken_column(part, rows, own)?
                }
                _ => taken_column(part, rows, own)?,
            };
            columns.push((own.to_owned(), column));
        }
        checked_batch(Table::Networks, columns)
    }

    fn write_populations(
        &self,
        parts: &[PathBuf],
        path: &Path,
        file: &mut (dyn Write + Send),
    ) -> Result<(), TablesError> {
        let taken = Populations::open(parts)?.flat_map(|next| match next {
            Ok(population) => self.populations_of(&population.row),
            Err(error) => vec![Err(error)],
        });
        let sorted = SortedGroups {
            rows: taken.peekable(),
            group: Vec::new().into_iter(),
        };
        write_populations(path, file, self.metadata, sorted)
    }

    /// The samples that are taken of one.
    fn populations_of(
        &self,
        stored: &EncodedPopulation,
    ) -> Vec<Result<EncodedPopulation, TablesError>> {
        let taken = stored.key.checkpoint.as_deref();
        let taken = taken.and_then(|name| self.by_source.get(name));
        let with_bins = taken.into_iter().flatten().filter_map(|one| {
            let bin = one.bin.as_ref()?;
            Some((&one.entry.checkpoint, bin))
        });
        let rows = with_bins.map(|(name, bin)| {
            Ok(EncodedPopulation {
                key: PopulationKey {
                    group: stored.key.group.clone(),
                    bin: bin.bin,
                    value: bin.value.clone(),
                    checkpoint: Some(name.clone()),
                },
                bin: bin.clone(),
                checkpoints: [name.clone()].into(),
                count: stored.count,
                summary: stored.summary.clone(),
            })
        });
        rows.collect()
    }
}

/// Rows whose groups come in order, with those of each group put in order: only one group is in
/// memory at a time.
struct SortedGroups<I: Iterator<Item = Result<EncodedPopulation, TablesError>>> {
    rows: Peekable<I>,
    group: std::vec::IntoIter<EncodedPopulation>,
}

impl<I: Iterator<Item = Result<EncodedPopulation, TablesError>>> Iterator for SortedGroups<I> {
    type Item = Result<EncodedPopulation, TablesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.group.next() {
            return Some(Ok(row));
        }
        let first = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let mut group = vec![first];
        let is_of_group = |row: &Self::Item| {
            row.as_ref()
                .is_ok_and(|row| row.key.group == group[0].key.group)
        };
        let mut others = Vec::new();
        while let Some(Ok(row)) = self.rows.next_if(is_of_group) {
            others.push(row);
        }
        group.extend(others);
        group.sort_by(|a, b| a.key.cmp(&b.key));
        self.group = group.into_iter();
        self.group.next().map(Ok)
    }
}

/// A column of the other table.
fn taken_column(
    part: &Path,
    rows: &RecordBatch,
    name: &'static str,
) -> Result<ArrayRef, TablesError> {
    let column = Arc::clone(column(part, rows, name)?);
    // A reader may give texts in another form.
    match column.as_string_view_opt() {
        Some(texts) => Ok(Arc::new(texts.iter().collect::<StringArray>())),
        None => Ok(column),
    }
}
