//! Parquet files as one lazy Polars frame, read by the `parquet` crate.
//!
//! Polars' own Parquet reader would add its streaming engine and a second object store to the
//! build. This scan has only what our tables need: only the columns that a query uses are decoded,
//! and row groups whose statistics exclude a filter are not read.

mod convert;
mod predicate;
mod read;

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::Field;
use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, DataType, IntoLazy, LazyFrame, PlSmallStr,
    PolarsError, PolarsResult, ScanArgsAnonymous, Schema, SchemaRef,
};

use self::convert::{polars_type, with_views};
use self::predicate::Predicate;
use self::read::{File, RowGroup, read_row_groups};
use crate::error::TablesError;
use crate::table::{ADDED_COLUMNS, Table};

/// One scan over Parquet files that may differ in their columns: a column that a file lacks is null
/// there. Rows come in the order of the files. The footers are read now, the rows when the frame is
/// collected.
///
/// # Errors
/// [`TablesError::Io`] or [`TablesError::ReadParquet`] if a file cannot be opened,
/// [`TablesError::UnsupportedType`] for a column of a type that no table has,
/// [`TablesError::ColumnType`] for a column whose type differs between files.
pub fn scan_parquet(paths: &[PathBuf]) -> Result<LazyFrame, TablesError> {
    let files = paths.iter().map(|path| File::open(path, None));
    scan_files(files.collect::<Result<_, _>>()?, &[])
}

/// As [`scan_parquet`], of parts of a table: columns of older schema versions are converted, and
/// those that they lack are null.
///
/// # Errors
/// As [`scan_parquet`], and [`TablesError::Version`].
pub(crate) fn scan_table(table: Table, paths: &[PathBuf]) -> Result<LazyFrame, TablesError> {
    let files = paths.iter().map(|path| File::open(path, Some(table)));
    let added = ADDED_COLUMNS.iter().filter(|(of, _)| *of == table);
    let added = added.filter_map(|(_, name)| {
        let column = table.columns().iter().find(|column| column.name == *name)?;
        let arrow = with_views(&Field::new(*name, column.data_type.arrow()?, true));
        Some((*name, polars_type(arrow.data_type())?))
    });
    let added: Vec<(&str, DataType)> = added.collect();
    scan_files(files.collect::<Result<_, _>>()?, &added)
}

/// Scans files as one frame. `added` are columns that it has in any case.
fn scan_files(files: Vec<File>, added: &[(&str, DataType)]) -> Result<LazyFrame, TablesError> {
    let mut schema = Schema::default();
    for file in &files {
        file.extend_schema(&mut schema)?;
    }
    for (column, data_type) in added {
        if !schema.contains(column) {
            schema.insert(PlSmallStr::from_str(column), data_type.clone());
        }
    }
    let schema = Arc::new(schema);
    let arguments = ScanArgsAnonymous {
        schema: Some(Arc::clone(&schema)),
        name: "PARQUET SCAN",
        ..ScanArgsAnonymous::default()
    };
    let scan = ParquetScan { files, schema };
    LazyFrame::anonymous_scan(Arc::new(scan), arguments).map_err(TablesError::Scan)
}

/// Files whose footers have been read.
struct ParquetScan {
    files: Vec<File>,
    /// The columns of all files.
    schema: SchemaRef,
}

impl AnonymousScan for ParquetScan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, arguments: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let columns = match &arguments.with_columns {
            Some(columns) => columns.to_vec(),
            None => self.schema.iter_names().cloned().collect(),
        };
        let Some(predicate) = arguments.predicate else {
            return self
                .read_all(&columns, arguments.n_rows)
                .map_err(into_polars);
        };
        let predicate = Predicate::new(&predicate)?;
        // A limit counts rows before the filter, and a filter such as a rank needs all rows. In
        // both cases no row group may be skipped: the rows are read first and filtered afterwards.
        if arguments.n_rows.is_some() || !predicate.is_elementwise() {
            let frame = self.read_all(&columns, arguments.n_rows);
            return predicate.filter(frame.map_err(into_polars)?);
        }
        self.read_filtered(&columns, &predicate)
    }

    fn schema(&self, _infer_schema_length: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(Arc::clone(&self.schema))
    }

    fn allows_predicate_pushdown(&self) -> bool {
        true
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

impl ParquetScan {
    /// The rows of all files, or the first `limit` of them.
    fn read_all(
        &self,
        columns: &[PlSmallStr],
        limit: Option<usize>,
    ) -> Result<DataFrame, TablesError> {
        let schema = self.projected(columns);
        let mut row_groups = Vec::new();
        let mut n_rows = 0;
        for row_group in self.files.iter().flat_map(File::row_groups) {
            if limit.is_some_and(|limit| n_rows >= limit) {
                break;
            }
            n_rows += row_group.n_rows();
            row_groups.push(row_group);
        }
        let mut frame = DataFrame::empty_with_schema(&schema);
        for part in read_row_groups(&row_groups, &schema)? {
            append(&mut frame, part);
        }
        Ok(match limit {
            Some(limit) => frame.head(Some(limit)),
            None => frame,
        })
    }

    /// The rows that pass `predicate`. A few row groups are read at a time (one per thread) and
    /// filtered at once, so that rows which do not pass never pile up in memory.
    fn read_filtered(
        &self,
        columns: &[PlSmallStr],
        predicate: &Predicate,
    ) -> PolarsResult<DataFrame> {
        let schema = self.projected(columns);
        let row_groups: Vec<RowGroup<'_>> = self
            .files
            .iter()
            .flat_map(|file| {
                let may_match = predicate.row_groups(file);
                file.row_groups()
                    .zip(may_match)
                    .filter_map(|(row_group, may_match)| may_match.then_some(row_group))
            })
            .collect();
        let mut frame = DataFrame::empty_with_schema(&schema);
        for row_groups in row_groups.chunks(read::threads()) {
            let mut rows = DataFrame::empty_with_schema(&schema);
            for part in read_row_groups(row_groups, &schema).map_err(into_polars)? {
                append(&mut rows, part);
            }
            // Filtered here and not by the reading threads: those must not wait for Polars' thread
            // pool, whose threads may all be waiting for a scan.
            append(&mut frame, predicate.filter(rows)?);
        }
        Ok(frame)
    }

    fn projected(&self, columns: &[PlSmallStr]) -> Schema {
        let columns = columns.iter();
        columns
            .filter_map(|name| Some((name.clone(), self.schema.get(name)?.clone())))
            .collect()
    }
}

/// Appends rows of the same schema, without copying them.
fn append(frame: &mut DataFrame, rows: DataFrame) {
    if frame.height() == 0 {
        *frame = rows;
    } else if rows.height() > 0 {
        frame.vstack_mut_owned_unchecked(rows);
    }
}

/// Our error as the source of one of Polars'.
fn into_polars(error: TablesError) -> PolarsError {
    PolarsError::IO {
        error: Arc::new(std::io::Error::other(error)),
        msg: None,
    }
}

/// `frame` with the rows that `filter` keeps.
fn filter(frame: DataFrame, filter: polars::prelude::Expr) -> PolarsResult<DataFrame> {
    frame.lazy().filter(filter).collect()
}
