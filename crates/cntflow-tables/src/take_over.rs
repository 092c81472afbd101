//! Rows taken over from the tables of another folder: the same content, measured in the same way,
//! need not be measured again.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
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
use crate::part_file::{open, text_column};
use crate::population::{Bin, EncodedPopulation};
use crate::population_parts::{Populations, write_populations};
use crate::schema::{checked_batch, own_columns};
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

impl TableStore {
    /// Commits one batch with the rows of checkpoints that `source` has measured, under the names
    /// and with the labels of `taken`. Rows of `neurons` are taken if `with_neurons`. `labels` are
    /// the label columns of the study, `metadata` goes into every part. Rows are streamed.
    ///
    /// # Errors
    /// A part of `source` cannot be read, or a part not be written; nothing is committed then.
    pub fn take_over(
        &self,
        source: &Self,
        taken: &[TakenOver],
        labels: &[LabelColumn],
        metadata: &[(String, String)],
        with_neurons: bool,
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
        };
        let batches = source.batches()?;
        for table in Table::BATCHED {
            let parts = source.parts_of_batches(table, &batches)?;
            let is_wanted = match table {
                Table::Neurons => with_neurons,
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
}

impl Taking<'_> {
    fn write(
        &self,
        table: Table,
        parts: &[std::path::PathBuf],
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
        let mut indices: Vec<u32> = Vec::new();
        let mut taken: Vec<&TakenOver> = Vec::new();
        for (row, checkpoint) in checkpoints.iter().enumerate() {
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
            return self.network_rows(&rows, &taken, &names).map(Some);
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
                "status" => {
                    for (name, label) in label_names(self.labels).iter().zip(self.labels) {
                        columns.push((name.clone(), label_array(label, entries())));
                    }
                    taken_column(rows, own)?
                }
                _ => taken_column(rows, own)?,
            };
            columns.push((own.to_owned(), column));
        }
        checked_batch(Table::Networks, columns)
    }

    fn write_populations(
        &self,
        parts: &[std::path::PathBuf],
        path: &Path,
        file: &mut (dyn Write + Send),
    ) -> Result<(), TablesError> {
        let mut encoded = Vec::new();
        for next in Populations::open(parts)? {
            let (key, population) = next?;
            let taken = key.checkpoint.as_deref();
            let taken = taken.and_then(|name| self.by_source.get(name));
            for one in taken.into_iter().flatten() {
                let Some(bin) = &one.bin else {
                    continue;
                };
                let name = one.entry.checkpoint.clone();
                let mut key = key.clone();
                key.bin = bin.bin;
                key.value.clone_from(&bin.value);
                key.checkpoint = Some(name.clone());
                let mut population = population.clone();
                population.bin = bin.clone();
                population.checkpoints = [name].into();
                encoded.push(EncodedPopulation::new(key, population));
            }
        }
        encoded.sort_by(|a, b| a.key.cmp(&b.key));
        write_populations(path, file, self.metadata, encoded.into_iter().map(Ok))
    }
}

/// A column of the other table.
fn taken_column(rows: &RecordBatch, name: &'static str) -> Result<ArrayRef, TablesError> {
    let column = rows.column_by_name(name).cloned();
    let column = column.ok_or_else(|| TablesError::MissingColumn {
        path: std::path::PathBuf::new(),
        column: name,
    })?;
    // A reader may give texts in another form.
    match column.as_string_view_opt() {
        Some(texts) => Ok(Arc::new(texts.iter().collect::<StringArray>())),
        None => Ok(column),
    }
}
