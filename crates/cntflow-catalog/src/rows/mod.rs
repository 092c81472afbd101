//! Rows of tables, read one at a time: CSV, JSON lines (both also gzipped) and Parquet.

mod delimited;
mod lines;
mod parquet;
mod row;

use cntflow_storage::{Limits, Location, StorageError, archive::decompressed};

use crate::{CatalogError, RowError, TableError};

pub use row::{Cell, Row};

/// Endings of the names of tables.
const ENDINGS: [(&str, Form); 7] = [
    (".csv", Form::Delimited),
    (".csv.gz", Form::Delimited),
    (".jsonl", Form::Lines),
    (".jsonl.gz", Form::Lines),
    (".ndjson", Form::Lines),
    (".ndjson.gz", Form::Lines),
    (".parquet", Form::Parquet),
];

#[derive(Clone, Copy)]
enum Form {
    Delimited,
    Lines,
    Parquet,
}

/// Whether a file of this name is a table, by its ending.
pub fn is_table_name(name: &str) -> bool {
    form(name).is_some()
}

fn form(name: &str) -> Option<Form> {
    let (_, form) = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending))?;
    Some(*form)
}

/// Calls `take` with each row of a file.
///
/// # Errors
/// The file cannot be read, its name has no ending of a table, or `take` refuses a row; the text
/// names the line.
pub fn for_each_row(
    location: &Location,
    limits: &Limits,
    take: &mut dyn FnMut(Row) -> Result<(), RowError>,
) -> Result<(), CatalogError> {
    let path = location.to_string();
    let form = form(location.file_name())
        .ok_or_else(|| CatalogError::table(&path, TableError::UnknownForm))?;
    let content = location.content(limits)?;
    let content = decompressed(&content, limits)
        .map_err(|error| StorageError::content(path.as_ref(), error))?;
    match form {
        Form::Delimited => delimited::read(&content, take),
        Form::Lines => lines::read(&content, take),
        Form::Parquet => parquet::read(content, take),
    }
    .map_err(|error| CatalogError::table(&path, error))
}
