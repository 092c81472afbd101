//! Errors of tables. Messages name the path or the table; the cause is the source, which a message
//! does not repeat.

use std::path::PathBuf;

use arrow_schema::{ArrowError, DataType};
use cntflow_metrics::population::DecodeError;
use parquet::errors::ParquetError;
use polars::error::PolarsError;

use crate::table::SCHEMA_VERSION;

/// Why tables cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// Reading, listing or writing failed; the source names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file cannot be read as Parquet.
    #[error("{path}: cannot be read as Parquet")]
    ReadParquet {
        /// The file.
        path: PathBuf,
        /// What the `parquet` crate says.
        source: ParquetError,
    },
    /// A file cannot be written as Parquet.
    #[error("{path}: cannot be written as Parquet")]
    WriteParquet {
        /// The file, or the name of the table that it is for.
        path: PathBuf,
        /// What the `parquet` crate says.
        source: ParquetError,
    },
    /// A part was written by a newer program.
    #[error(
        "{path}: table schema version {version}; this program reads versions up to {SCHEMA_VERSION}"
    )]
    Version {
        /// The part.
        path: PathBuf,
        /// The version in its metadata.
        version: String,
    },
    /// Rows cannot be made into a record batch: a bug.
    #[error("table {table}: rows cannot be put together")]
    Rows {
        /// The table.
        table: &'static str,
        /// What Arrow says.
        source: ArrowError,
    },
    /// The columns of a writer differ from those that [`Table::columns`](crate::Table::columns)
    /// declares. Either this is a bug, or a label column has a type that labels may not have.
    #[error("table {table}: column '{column}': expected {declared}, got {written}")]
    ColumnMismatch {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The declared type, or `no column`.
        declared: String,
        /// The type that was to be written, or `no column`.
        written: String,
    },
    /// A part lacks a column that is needed.
    #[error("{path}: no column '{column}'")]
    MissingColumn {
        /// The part.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A column of a part has another type than it must have, or than it has in an earlier part.
    #[error("{path}: column '{column}' is {actual}, expected {expected}")]
    ColumnType {
        /// The part.
        path: PathBuf,
        /// The column.
        column: String,
        /// The expected type.
        expected: String,
        /// Its type in this part.
        actual: String,
    },
    /// A part has a column of a type that no table has.
    #[error("{path}: column '{column}' has the unsupported type {data_type}")]
    UnsupportedType {
        /// The part.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type in the file.
        data_type: DataType,
    },
    /// A part of schema version 1 has a text in `coverage.shape` that is no shape.
    #[error("{path}: column 'shape' has '{text}', expected a shape such as [784, 32]")]
    Shape {
        /// The part.
        path: PathBuf,
        /// The text.
        text: String,
    },
    /// Values of a column cannot be handed to Polars.
    #[error("{path}: column '{column}' cannot be converted for Polars")]
    ToPolars {
        /// The part.
        path: PathBuf,
        /// The column.
        column: String,
        /// What Polars says.
        source: PolarsError,
    },
    /// Polars cannot plan a scan.
    #[error("Polars cannot scan the table")]
    Scan(#[source] PolarsError),
    /// A column of a Polars frame cannot be written.
    #[error("column '{column}' of type {data_type} cannot be written")]
    FrameColumn {
        /// The column.
        column: String,
        /// Its Polars type.
        data_type: String,
        /// What Polars says.
        source: PolarsError,
    },
    /// The bytes in the column `summary` of a row of `populations` cannot be decoded.
    #[error("{path}: column 'summary' cannot be decoded")]
    Summary {
        /// The part.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A part of `populations` of schema version 2 or older. It does not say which checkpoints are
    /// in it.
    #[error(
        "{path}: an older version of cntflow put all checkpoints of a run into one population; \
         choose another folder with --out, or begin anew with --fresh"
    )]
    UnnamedPopulations {
        /// The part.
        path: PathBuf,
    },
    /// A committed batch lacks one of its parts: somebody removed it.
    #[error(
        "{path}: missing, though its batch is committed; restore it, or begin anew with --fresh"
    )]
    Missing {
        /// The part that should be there.
        path: PathBuf,
    },
    /// There is nothing committed in the folder.
    #[error("{path}: no committed table '{table}' here")]
    Empty {
        /// The folder of the tables.
        path: PathBuf,
        /// The table.
        table: &'static str,
    },
}
