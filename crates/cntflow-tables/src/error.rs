//! What can go wrong with tables. Messages name the path.

use std::path::PathBuf;

/// Why tables cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// Reading, listing or writing failed; the source names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A part cannot be written or read as Parquet.
    #[error("{path}: {source}")]
    Parquet {
        /// The part.
        path: PathBuf,
        /// What Parquet says.
        source: parquet::errors::ParquetError,
    },
    /// Rows do not fit their schema: a bug, or a label that changed its type.
    #[error("table {table}: {source}")]
    Rows {
        /// The table.
        table: &'static str,
        /// What Arrow says.
        source: arrow_schema::ArrowError,
    },
    /// A part has no column of this name and type.
    #[error("{path}: no text column '{column}'")]
    Column {
        /// The part.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// Polars cannot read a table.
    #[error("table {table}: {source}")]
    Polars {
        /// The table.
        table: &'static str,
        /// What Polars says.
        source: polars::error::PolarsError,
    },
    /// A part has a column of a type that no table has.
    #[error("{path}: column '{column}' has the unsupported type {data_type}")]
    UnsupportedType {
        /// The part.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type in the file.
        data_type: arrow_schema::DataType,
    },
    /// A column has different types in two parts of a table.
    #[error("{path}: column '{column}' is {actual}, but {expected} in an earlier part")]
    ColumnType {
        /// The later part.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its Polars type in the part that has it first.
        expected: String,
        /// Its Polars type in this part.
        actual: String,
    },
    /// Values of a column cannot be handed to Polars.
    #[error("{path}: column '{column}' cannot be converted")]
    Convert {
        /// The part.
        path: PathBuf,
        /// The column.
        column: String,
        /// What Polars says.
        source: polars::error::PolarsError,
    },
    /// Polars refuses a scan.
    #[error("scan of Parquet files failed")]
    Scan(#[source] polars::error::PolarsError),
    /// A row of `populations` cannot be read.
    #[error("{path}: {reason}")]
    Population {
        /// The part.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
