//! Errors of catalogs and of tables of labels. Sources are chained: a message does not repeat that
//! of its source.

use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use cntflow_storage::StorageError;
use parquet::errors::ParquetError;

/// Why a catalog cannot be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A catalog file or a table of labels is not what it should be.
    #[error("{path}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TableError,
    },
    /// An entry lacks the column that the options name, or has it with a value of the wrong type.
    #[error("{checkpoint}")]
    Column {
        /// The entry.
        checkpoint: String,
        /// What is wrong with the column.
        source: RowError,
    },
    /// Two entries claim the same name.
    #[error("checkpoint {checkpoint} is listed twice: {first} and {second}")]
    Twice {
        /// The name both claim.
        checkpoint: String,
        /// Location of the first.
        first: String,
        /// Location of the second.
        second: String,
    },
}

/// What is wrong with a table: CSV, JSON lines or Parquet.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The name of the file has none of the endings of tables.
    #[error(
        "not a table: its name ends in none of .csv, .jsonl, .ndjson (each also .gz) and .parquet"
    )]
    UnknownForm,
    /// A line of a text file is wrong.
    #[error("line {line}")]
    Line {
        /// Number of the line, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: RowError,
    },
    /// A row of a Parquet file is wrong.
    #[error("row {row}")]
    Row {
        /// Number of the row, counted from 1.
        row: u64,
        /// What is wrong with it.
        source: RowError,
    },
    /// The file is no CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The file is no Parquet file, or cannot be written as one.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The columns are no record batch.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What is wrong with one row of a table.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A column has no value.
    #[error("column '{column}' is empty or missing")]
    Empty {
        /// The column.
        column: &'static str,
    },
    /// A column that must hold whole numbers holds something else.
    #[error("column '{column}' must hold a whole number, but holds '{value}'")]
    NoWholeNumber {
        /// The column.
        column: String,
        /// Its value.
        value: String,
    },
    /// A column holds a negative number where none may stand.
    #[error("column '{column}' is negative: {value}")]
    Negative {
        /// The column.
        column: &'static str,
        /// Its value.
        value: i64,
    },
    /// The header has two columns of one name.
    #[error("column '{column}' is there twice")]
    RepeatedColumn {
        /// The column.
        column: String,
    },
    /// An entry has no such label.
    #[error("it has no label '{column}'; its labels: {}", names_or_none(columns))]
    NoColumn {
        /// The column that was asked for.
        column: String,
        /// The labels that it has.
        columns: Vec<String>,
    },
    /// A line of JSON lines is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// Why a text is no JSON object.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is not UTF-8.
    #[error("it is no UTF-8 text")]
    NotUtf8,
    /// It is not JSON.
    #[error("it is no JSON")]
    Syntax(#[from] serde_json::Error),
    /// It is another JSON value.
    #[error("it is no JSON object")]
    NotAnObject,
}

/// Names in a list; `none` if it is empty.
fn names_or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

impl CatalogError {
    /// The table at `path` is not what it should be.
    pub(crate) fn table(path: impl AsRef<Path>, source: impl Into<TableError>) -> Self {
        Self::Table {
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }
}

impl From<std::io::Error> for CatalogError {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.into())
    }
}
