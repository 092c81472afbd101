//! Reading row groups of Parquet files into Polars frames, several at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::{Fields, Schema as ArrowSchema, SchemaRef as ArrowSchemaRef};
use fs_err as fs;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use polars::prelude::{Column, DataFrame, DataType, PlSmallStr, Schema, Series};

use super::convert::{polars_array, polars_type, with_views};
use crate::error::TablesError;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1 << 17;

/// A Parquet file whose footer has been read.
pub(super) struct File {
    path: PathBuf,
    reader: ArrowReaderMetadata,
}

impl File {
    pub(super) fn open(path: &PathBuf) -> Result<Self, TablesError> {
        let failed = |source| parquet_error(path, source);
        let file = fs::File::open(path)?.into_file();
        let reader = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failed)?;
        let fields = reader.schema().fields().iter();
        let fields: Fields = fields.map(|field| with_views(field)).collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let reader = ArrowReaderMetadata::try_new(Arc::clone(reader.metadata()), options);
        Ok(Self {
            path: path.clone(),
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
            let Some(data_type) = polars_type(field.data_type()) else {
                return Err(TablesError::UnsupportedType {
                    path: self.path.clone(),
                    column: field.name().clone(),
                    data_type: field.data_type().clone(),
                });
            };
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

    /// The row groups, in order.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let row_groups = 0..self.metadata().num_row_groups();
        row_groups.map(|row_group| Unit {
            file: self,
            row_group,
        })
    }
}

/// A row group of a file: what one thread reads at a time.
#[derive(Clone, Copy)]
pub(super) struct Unit<'a> {
    file: &'a File,
    row_group: usize,
}

impl Unit<'_> {
    pub(super) fn n_rows(self) -> usize {
        let rows = self.file.metadata().row_group(self.row_group).num_rows();
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
                .with_row_groups(vec![self.row_group])
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
                None => Series::full_null(name.clone(), batch.num_rows(), data_type),
                Some(array) => {
                    let unsupported = || TablesError::UnsupportedType {
                        path: self.file.path.clone(),
                        column: name.to_string(),
                        data_type: array.data_type().clone(),
                    };
                    let values = polars_array(array.as_ref()).ok_or_else(unsupported)?;
                    let series = values.and_then(|values| series(name.clone(), values, data_type));
                    series.map_err(|source| TablesError::Convert {
                        path: self.file.path.clone(),
                        column: name.to_string(),
                        source,
                    })?
                }
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
    data_type: &DataType,
) -> polars::prelude::PolarsResult<Series> {
    if *data_type == DataType::Null {
        return Ok(Series::new_null(name, values.len()));
    }
    Series::from_chunk_and_dtype(name, values, data_type)
}

/// The rows of all units, in their order.
pub(super) fn read_units(
    units: &[Unit<'_>],
    schema: &Schema,
) -> Result<Vec<DataFrame>, TablesError> {
    if let [unit] = units {
        return Ok(vec![unit.read(schema)?]);
    }
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut frames = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(unit) = units.get(index)
        {
            frames.push((index, unit.read(schema)));
        }
        frames
    };
    let mut frames: Vec<(usize, Result<DataFrame, TablesError>)> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads().min(units.len()))
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
    TablesError::Parquet {
        path: path.to_owned(),
        source,
    }
}
