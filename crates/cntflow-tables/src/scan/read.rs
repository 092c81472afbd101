//! Reading row groups of Parquet files into Polars frames, several at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Fields, Schema as ArrowSchema, SchemaRef as ArrowSchemaRef};
use fs_err as fs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use polars::prelude::{
    Column, DataFrame, DataType as PolarsType, PlSmallStr, PolarsResult, Schema, Series,
};

use super::convert::{polars_array, polars_type, with_views};
use crate::error::TablesError;
use crate::part_file::{check_version, current_column, current_field};
use crate::table::Table;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1 << 17;

/// A Parquet file whose footer has been read.
pub(super) struct File {
    path: PathBuf,
    /// The table that the file is a part of.
    table: Option<Table>,
    reader: ArrowReaderMetadata,
}

impl File {
    pub(super) fn open(path: &Path, table: Option<Table>) -> Result<Self, TablesError> {
        let failed = |source| parquet_error(path, source);
        let file = fs::File::open(path)?.into_file();
        let reader = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failed)?;
        if table.is_some() {
            check_version(path, reader.metadata())?;
        }
        let fields = reader.schema().fields().iter();
        let fields: Fields = fields.map(|field| with_views(field)).collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let reader = ArrowReaderMetadata::try_new(Arc::clone(reader.metadata()), options);
        Ok(Self {
            path: path.to_owned(),
            table,
            reader: reader.map_err(failed)?,
        })
    }

    /// The types that the columns are read as.
    pub(super) fn schema(&self) -> &ArrowSchemaRef {
        self.reader.schema()
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.reader.metadata()
    }

    /// Adds the columns that `schema` does not have yet, and checks the type of the others.
    pub(super) fn extend_schema(&self, schema: &mut Schema) -> Result<(), TablesError> {
        for field in self.schema().fields() {
            let current = self.table.map(|table| current_field(table, field));
            let field = current.as_ref().unwrap_or(field);
            let data_type = polars_type(field.data_type())
                .ok_or_else(|| self.unsupported(field.name(), field.data_type()))?;
            match schema.get(field.name()) {
                Some(expected) if *expected != data_type => {
                    return Err(TablesError::ColumnType {
                        path: self.path.clone(),
                        column: field.name().clone(),
                        expected: expected.to_string(),
                        actual: data_type.to_string(),
                    });
                }
                Some(_) => {}
                None => {
                    schema.insert(PlSmallStr::from_str(field.name()), data_type);
                }
            }
        }
        Ok(())
    }

    /// A column in the current schema version, as Polars has it.
    fn series(
        &self,
        name: &PlSmallStr,
        column: &ArrayRef,
        data_type: &PolarsType,
    ) -> Result<Series, TablesError> {
        let current = self
            .table
            .map(|table| current_column(&self.path, table, name, column));
        let current = current.transpose()?;
        let column = current.as_ref().unwrap_or(column);
        let values =
            polars_array(column).ok_or_else(|| self.unsupported(name, column.data_type()))?;
        let series = values.and_then(|values| series(name.clone(), values, data_type));
        series.map_err(|source| TablesError::ToPolars {
            path: self.path.clone(),
            column: name.to_string(),
            source,
        })
    }

    fn unsupported(&self, column: &str, data_type: &DataType) -> TablesError {
        TablesError::UnsupportedType {
            path: self.path.clone(),
            column: column.to_owned(),
            data_type: data_type.clone(),
        }
    }

    /// The row groups, in order.
    pub(super) fn row_groups(&self) -> impl Iterator<Item = RowGroup<'_>> {
        let indices = 0..self.metadata().num_row_groups();
        indices.map(|index| RowGroup { file: self, index })
    }
}

/// A row group of a file: what one thread reads at a time.
#[derive(Clone, Copy)]
pub(super) struct RowGroup<'a> {
    file: &'a File,
    index: usize,
}

impl RowGroup<'_> {
    pub(super) fn n_rows(self) -> usize {
        let rows = self.file.metadata().row_group(self.index).num_rows();
        usize::try_from(rows).unwrap_or(0)
    }

    /// The columns of `schema`, null where the file has none.
    fn read(self, schema: &Schema) -> Result<DataFrame, TablesError> {
        let failed = |source| parquet_error(&self.file.path, source);
        let names = schema.iter_names().map(PlSmallStr::as_str);
        let metadata = self.file.metadata().file_metadata();
        let columns = names.filter_map(|name| self.file.schema().index_of(name).ok());
        let mask = ProjectionMask::roots(metadata.schema_descr(), columns);
        let file = fs::File::open(&self.file.path)?.into_file();
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.file.reader.clone())
                .with_row_groups(vec![self.index])
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS.min(self.n_rows().max(1)))
                .build()
                .map_err(failed)?;
        let mut frame = DataFrame::empty_with_schema(schema);
        for batch in reader {
            let batch = batch.map_err(|error| failed(error.into()))?;
            super::append(&mut frame, self.frame(&batch, schema)?);
        }
        Ok(frame)
    }

    fn frame(self, batch: &RecordBatch, schema: &Schema) -> Result<DataFrame, TablesError> {
        let columns = schema.iter().map(|(name, data_type)| {
            let column = match batch.column_by_name(name) {
                Some(column) => self.file.series(name, column, data_type)?,
                None => Series::full_null(name.clone(), batch.num_rows(), data_type),
            };
            Ok(Column::from(column))
        });
        let columns = columns.collect::<Result<_, TablesError>>()?;
        DataFrame::new(batch.num_rows(), columns).map_err(TablesError::Scan)
    }
}

fn series(
    name: PlSmallStr,
    values: polars::prelude::ArrayRef,
    data_type: &PolarsType,
) -> PolarsResult<Series> {
    if *data_type == PolarsType::Null {
        return Ok(Series::new_null(name, values.len()));
    }
    Series::from_chunk_and_dtype(name, values, data_type)
}

/// The rows of all row groups, in their order.
pub(super) fn read_row_groups(
    row_groups: &[RowGroup<'_>],
    schema: &Schema,
) -> Result<Vec<DataFrame>, TablesError> {
    if let [row_group] = row_groups {
        return Ok(vec![row_group.read(schema)?]);
    }
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut frames = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(row_group) = row_groups.get(index)
        {
            frames.push((index, row_group.read(schema)));
        }
        frames
    };
    let mut frames: Vec<(usize, Result<DataFrame, TablesError>)> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads().min(row_groups.len()))
            .map(|_| scope.spawn(read_some))
            .collect();
        let join = |reader: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            let frames = reader.join();
            frames.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        readers.into_iter().flat_map(join).collect()
    });
    frames.sort_by_key(|(index, _)| *index);
    frames.into_iter().map(|(_, frame)| frame).collect()
}

/// Threads that read: one for each core.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn parquet_error(path: &Path, source: ParquetError) -> TablesError {
    TablesError::ReadParquet {
        path: path.to_owned(),
        source,
    }
}
