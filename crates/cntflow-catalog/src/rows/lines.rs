//! JSON lines: an object a line.

use super::{Cell, Row, Take};
use crate::json_labels;

/// Hands out the objects; what is null is none, what is nested is the JSON text of it.
pub(super) fn read(file: &[u8], take: Take<'_>) -> Result<(), String> {
    for (at, line) in file.split(|&byte| byte == b'\n').enumerate() {
        let number = at as u64 + 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = |reason: String| format!("line {number}: {reason}");
        let object = json_labels::object(line).map_err(place)?;
        let cells = object.into_iter().filter_map(|(name, value)| {
            Some((name, Cell::Typed(json_labels::label_or_text(value)?)))
        });
        let row = Row {
            line: number,
            cells: cells.collect(),
        };
        take(row).map_err(place)?;
    }
    Ok(())
}
