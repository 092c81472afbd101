//! Rows of tables as people have them: CSV, JSON lines (both also gzipped) and Parquet, read one at a time.

mod delimited;
mod lines;
mod parquet;

use crate::label::typed;
use crate::{CatalogError, Label};
use cntflow_storage::archive::unpacked;
use cntflow_storage::{Limits, Location, StorageError};

/// Endings of files that hold rows.
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

/// What stands in one place of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text whose type must be told.
    Written(String),
    /// A value of a known type.
    Typed(Label),
}

impl Cell {
    /// The text as it was written.
    pub fn text(&self) -> String {
        match self {
            Self::Written(text) => text.clone(),
            Self::Typed(label) => label.to_string(),
        }
    }

    /// The value.
    pub fn label(&self) -> Label {
        match self {
            Self::Written(text) => typed(text),
            Self::Typed(label) => label.clone(),
        }
    }
}

/// One row: its line in the file, counted from 1 (of Parquet its number), and what stands in it by column.
pub struct Row {
    pub line: u64,
    pub cells: Vec<(String, Cell)>,
}

impl Row {
    /// What stands in a column; nothing where that is empty.
    pub fn get(&self, column: &str) -> Option<&Cell> {
        let found = self.cells.iter().find(|(name, _)| name == column);
        found.map(|(_, cell)| cell)
    }
}

/// Whether a file of this name holds rows.
pub fn holds_rows(name: &str) -> bool {
    form(name).is_some()
}

fn form(name: &str) -> Option<Form> {
    let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
    found.map(|(_, form)| *form)
}

/// Hands every row of a file to `take`, whose error names line and column.
///
/// # Errors
/// The file cannot be read, is of no form known by its name, or `take` refuses a row.
pub fn for_each_row(
    location: &Location,
    limits: &Limits,
    take: &mut dyn FnMut(Row) -> Result<(), String>,
) -> Result<(), CatalogError> {
    let broken = |reason: String| CatalogError::Catalog {
        path: location.to_string().into(),
        reason,
    };
    let form = form(location.file_name()).ok_or_else(|| {
        broken("no table: neither CSV, JSON lines nor Parquet by its name".into())
    })?;
    let content = location.content(limits)?;
    let path = location.to_string();
    let content =
        unpacked(&content, limits).map_err(|error| StorageError::content(path.as_ref(), error))?;
    match form {
        Form::Delimited => delimited::read(&content, take),
        Form::Lines => lines::read(&content, take),
        Form::Parquet => parquet::read(content, take),
    }
    .map_err(broken)
}

/// What a reader of rows takes them with.
type Take<'a> = &'a mut dyn FnMut(Row) -> Result<(), String>;
