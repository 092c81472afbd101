//! JSON lines: one object a line.

use super::row::{Cell, Row, TakeRow};
use crate::{RowError, TableError, json_labels};

/// Calls `take` with each object. Nulls are left out; a nested value becomes a cell with its JSON
/// text.
pub(super) fn read(file: &[u8], take: TakeRow<'_>) -> Result<(), TableError> {
    for (index, text) in file.split(|&byte| byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let line = index as u64 + 1;
        read_line(text, line, take).map_err(|source| TableError::Line { line, source })?;
    }
    Ok(())
}

fn read_line(text: &[u8], line: u64, take: TakeRow<'_>) -> Result<(), RowError> {
    let object = json_labels::parse_object(text)?;
    let cells = object.into_iter().filter_map(|(name, value)| {
        let label = json_labels::label_or_text(value)?;
        Some((name, Cell::Typed(label)))
    });
    let cells = cells.collect();
    take(Row { line, cells })
}
