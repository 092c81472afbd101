//! CSV with a header.

use super::row::{Cell, Row, TakeRow};
use crate::{RowError, TableError};

/// Calls `take` with each row. Empty fields are left out.
pub(super) fn read(file: &[u8], take: TakeRow<'_>) -> Result<(), TableError> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers()?.clone();
    let mut names: Vec<&str> = Vec::new();
    for name in &header {
        if names.contains(&name) {
            let column = name.to_owned();
            let source = RowError::RepeatedColumn { column };
            return Err(TableError::Line { line: 1, source });
        }
        names.push(name);
    }
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cells = header
            .iter()
            .zip(&record)
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), Cell::Text(text.to_owned())))
            .collect();
        take(Row { line, cells }).map_err(|source| TableError::Line { line, source })?;
    }
    Ok(())
}
