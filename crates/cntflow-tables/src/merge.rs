//! Making one large part per table of many small ones, so that an overnight run does not leave
//! thousands of files.
//!
//! The merged `networks` part names the batches that it replaces and is written last. Before it
//! exists the old parts count, afterwards only the new ones. Replaced parts are removed last; if a
//! run is killed before that, the next one removes them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::copy;
use crate::error::TablesError;
use crate::part::properties;
use crate::part_file::{current_column, current_field, open, value_of};
use crate::population::StoredPopulation;
use crate::population_parts::{Populations, write_populations};
use crate::schema::own_columns;
use crate::store::{TableStore, batch_of, file_name};
use crate::table::{TABLE_KEY, Table, VERSION_KEY};

/// Number of committed batches above which a finished run merges them, default is 2.
pub const MERGE_ABOVE: usize = 2;

/// Key of a merged part's metadata: the batches it replaces, separated by commas.
const REPLACES: &str = "cntflow.replaces";

/// Start of the names of merged batches.
const MERGED: &str = "merged-";

impl TableStore {
    /// Merges all committed batches into one called `merged-<name>`, if there are more than
    /// [`MERGE_ABOVE`] or if they differ in schema version or columns. Nobody may write meanwhile.
    /// Returns whether there was anything to merge. Rows are streamed: no table needs to fit in
    /// memory.
    ///
    /// # Errors
    /// A part cannot be read or written; the old parts stay committed then.
    pub fn merge(&self, name: &str) -> Result<bool, TablesError> {
        let batches = self.batches()?;
        if batches.len() <= MERGE_ABOVE && !self.has_several_schemas()? {
            return Ok(false);
        }
        self.rewrite(&batches, name, &BTreeSet::new())
            .map(|()| true)
    }

    /// Whether committed parts have different schema versions or columns: a label may be new. They
    /// are merged even if they are few, because other programs cannot read them as one table.
    ///
    /// # Errors
    /// A part cannot be read.
    pub fn has_several_schemas(&self) -> Result<bool, TablesError> {
        let mut schemas = BTreeSet::new();
        for part in self.committed_parts(Table::Networks)? {
            let reader = open(&part)?;
            let version = value_of(reader.metadata(), VERSION_KEY).map(str::to_owned);
            let fields = reader.schema().fields().iter();
            let names: BTreeSet<String> = fields.map(|field| field.name().clone()).collect();
            schemas.insert((version, names));
        }
        Ok(schemas.len() > 1)
    }

    /// Merges the small ones among the committed batches, so that a study that grows by a few
    /// checkpoints at a time has few parts: those that together have fewer rows than the next
    /// larger one. A row is so rewritten a few times at most. Nobody may write meanwhile.
    ///
    /// # Errors
    /// As [`TableStore::merge`].
    pub fn merge_small(&self, name: &str) -> Result<(), TablesError> {
        let mut sizes = Vec::new();
        for batch in self.batches()? {
            let path = self.parts_of_batches(Table::Networks, std::slice::from_ref(&batch))?;
            let rows = match path.first() {
                Some(path) => open(path)?.metadata().file_metadata().num_rows(),
                None => 0,
            };
            sizes.push((rows, batch));
        }
        sizes.sort();
        let mut total = 0;
        let mut n_small = 0;
        for (rows, _) in &sizes {
            if *rows > total.max(1) && n_small > 1 {
                break;
            }
            total += rows;
            n_small += 1;
        }
        if n_small < 2 {
            return Ok(());
        }
        let small: Vec<String> = sizes
            .into_iter()
            .take(n_small)
            .map(|(_, batch)| batch)
            .collect();
        self.rewrite(&small, name, &BTreeSet::new())
    }

    /// Writes one merged batch with the rows of `batches`, except those of the checkpoints in
    /// `without`; then removes the parts of `batches`. If the merged batch cannot be written, none
    /// of its parts stays: other programs would read their rows twice.
    pub(crate) fn rewrite(
        &self,
        batches: &[String],
        name: &str,
        without: &BTreeSet<String>,
    ) -> Result<(), TablesError> {
        if let Err(error) = self.write_merged(batches, name, without) {
            let part = file_name(&format!("{MERGED}{name}"));
            for table in Table::BATCHED {
                // The next start removes what stays nevertheless.
                let _ = self.folder(table).remove(&part);
            }
            return Err(error);
        }
        // `networks` first: as long as it is there, the batch counts as committed.
        for table in Table::BATCHED.into_iter().rev() {
            let folder = self.folder(table);
            for file in folder.files()? {
                let batch = batch_of(&file.name);
                if batch.is_some_and(|batch| batches.iter().any(|replaced| replaced == batch)) {
                    folder.remove(&file.name)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the parts of a merged batch, all at a time. That of `networks` is put in its place
    /// last.
    fn write_merged(
        &self,
        batches: &[String],
        name: &str,
        without: &BTreeSet<String>,
    ) -> Result<(), TablesError> {
        let merge = |table: Table| self.merge_table(table, batches, name, without, || Ok(()));
        std::thread::scope(|scope| {
            let others = Table::BATCHED.into_iter();
            let others = others.filter(|&table| table != Table::Networks);
            let others: Vec<_> = others
                .map(|table| scope.spawn(move || merge(table)))
                .collect();
            let others_are_there = || {
                others.into_iter().try_for_each(|other| {
                    let merged = other.join();
                    merged.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            };
            self.merge_table(Table::Networks, batches, name, without, others_are_there)
        })
    }
}

impl TableStore {
    /// Writes the merged part of one table, if the batches have parts of it. `is_ready` is called
    /// when it is written but not in its place yet.
    fn merge_table(
        &self,
        table: Table,
        batches: &[String],
        name: &str,
        without: &BTreeSet<String>,
        is_ready: impl FnOnce() -> Result<(), TablesError>,
    ) -> Result<(), TablesError> {
        let parts = self.parts_of_batches(table, batches)?;
        if parts.is_empty() {
            return is_ready();
        }
        let replaces = (table == Table::Networks).then(|| batches.join(","));
        let batch = format!("{MERGED}{name}");
        let merged = self.part(table, &batch);
        self.folder(table).write(&file_name(&batch), |file| {
            match table {
                Table::Populations => merge_populations(&parts, &merged, file, without),
                _ => merge_parts(table, &parts, &merged, file, replaces, without),
            }?;
            is_ready()
        })
    }
}

/// Whether a part is a merged one, by its name.
pub(crate) fn is_merged(name: &str) -> bool {
    name.starts_with(MERGED)
}

/// The batches that a merged part replaces.
pub(crate) fn read_replaced(path: &Path) -> Result<Vec<String>, TablesError> {
    let reader = open(path)?;
    let replaced = value_of(reader.metadata(), REPLACES).unwrap_or_default();
    Ok(replaced.split(',').map(str::to_owned).collect())
}

fn merge_parts(
    table: Table,
    parts: &[PathBuf],
    merged: &Path,
    file: &mut (dyn Write + Send),
    replaces: Option<String>,
    without: &BTreeSet<String>,
) -> Result<(), TablesError> {
    let (schema, mut metadata) = joint_schema(table, parts)?;
    metadata.extend(replaces.map(|batches| (REPLACES.to_owned(), batches)));
    let properties = properties(table, &schema, &metadata);
    if without.is_empty() && copy::can_copy(parts, &schema)? {
        return copy::copy_row_groups(parts, merged, file, &schema, properties);
    }
    let read_failed = |part: &Path| {
        let path = part.to_owned();
        move |source| TablesError::ReadParquet { path, source }
    };
    let write_failed = |source| TablesError::WriteParquet {
        path: merged.to_owned(),
        source,
    };
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(write_failed)?;
    for part in parts {
        for batch in open(part)?.build().map_err(read_failed(part))? {
            let batch = batch.map_err(|error| read_failed(part)(error.into()))?;
            let rows = in_schema(table, part, &batch, &schema)?;
            let rows = leave_out(table, rows, without)?;
            writer.write(&rows).map_err(write_failed)?;
        }
    }
    writer.close().map_err(write_failed)?;
    Ok(())
}

/// As [`merge_parts`], with the rows of each population put together.
fn merge_populations(
    parts: &[PathBuf],
    merged: &Path,
    file: &mut (dyn Write + Send),
    without: &BTreeSet<String>,
) -> Result<(), TablesError> {
    let (_, metadata) = joint_schema(Table::Populations, parts)?;
    let is_kept = |population: &StoredPopulation| {
        let mut names = population.checkpoints().iter();
        without.is_empty() || !names.any(|name| without.contains(name))
    };
    let populations = Populations::open(parts)?;
    let rows = populations
        .filter(|next| next.as_ref().map_or(true, is_kept))
        .map(|next| next.map(|population| population.row));
    write_populations(merged, file, &metadata, rows)
}

type Metadata = Vec<(String, String)>;

/// The columns of all parts in the current schema version, and the metadata that a merged part
/// takes over from the first.
fn joint_schema(table: Table, parts: &[PathBuf]) -> Result<(SchemaRef, Metadata), TablesError> {
    let mut fields: Vec<Field> = Vec::new();
    let mut metadata = Metadata::new();
    for part in parts {
        let reader = open(part)?;
        for field in reader.schema().fields() {
            if !fields.iter().any(|other| other.name() == field.name()) {
                fields.push(current_field(table, field));
            }
        }
        if metadata.is_empty() {
            let pairs = reader.metadata().file_metadata().key_value_metadata();
            let pairs = pairs.into_iter().flatten();
            metadata = pairs.filter_map(inherited).collect();
        }
    }
    if table == Table::Networks {
        fields.sort_by_cached_key(|field| network_column_order(field.name()));
    }
    Ok((Arc::new(Schema::new(fields)), metadata))
}

/// The place of a column of `networks`: labels stand by name between the step and the status,
/// whichever part had them first.
fn network_column_order(name: &str) -> (usize, Option<String>) {
    let own: Vec<&str> = own_columns(Table::Networks).collect();
    let after = own.iter().position(|own| *own == "status").unwrap_or(0);
    match own.iter().position(|own| *own == name) {
        Some(index) if index < after => (index, None),
        Some(index) => (index + 1, None),
        None => (after, Some(name.to_owned())),
    }
}

/// The key and value if a merged part inherits them: every `cntflow.` key except the three that
/// each part gets a new value for.
fn inherited(pair: &KeyValue) -> Option<(String, String)> {
    let is_inherited = pair.key.starts_with("cntflow.")
        && ![REPLACES, TABLE_KEY, VERSION_KEY].contains(&pair.key.as_str());
    is_inherited.then_some((pair.key.clone(), pair.value.clone()?))
}

/// The rows of a part with the columns of `schema`, null where the part has none.
pub(crate) fn in_schema(
    table: Table,
    part: &Path,
    rows: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, TablesError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match rows.column_by_name(field.name()) {
            Some(column) => current_column(part, table, field.name(), column),
            None => Ok(new_null_array(field.data_type(), rows.num_rows())),
        });
    let columns = columns.collect::<Result<_, _>>()?;
    let rows = RecordBatch::try_new(Arc::clone(schema), columns);
    rows.map_err(|source| rows_error(table, source))
}

/// The rows of all checkpoints that are not in `without`.
fn leave_out(
    table: Table,
    rows: RecordBatch,
    without: &BTreeSet<String>,
) -> Result<RecordBatch, TablesError> {
    let column = rows.column_by_name("checkpoint");
    let checkpoints = column.and_then(|column| column.as_string_opt::<i32>());
    let Some(checkpoints) = checkpoints.filter(|_| !without.is_empty()) else {
        return Ok(rows);
    };
    let kept = checkpoints
        .iter()
        .map(|name| Some(name.is_none_or(|name| !without.contains(name))));
    let rows = filter_record_batch(&rows, &kept.collect::<BooleanArray>());
    rows.map_err(|source| rows_error(table, source))
}

pub(crate) fn rows_error(table: Table, source: ArrowError) -> TablesError {
    TablesError::Rows {
        table: table.name(),
        source,
    }
}

#[cfg(test)]
pub(crate) mod tests;
