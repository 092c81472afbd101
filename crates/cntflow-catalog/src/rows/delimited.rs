//! CSV with a header.

use super::{Cell, Row, Take};

/// Hands out the rows; empty places are none.
pub(super) fn read(file: &[u8], take: Take<'_>) -> Result<(), String> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut seen: Vec<&str> = Vec::new();
    for name in &header {
        if seen.contains(&name) {
            return Err(format!("line 1: column '{name}' is there twice"));
        }
        seen.push(name);
    }
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| error.to_string())?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let named = header.iter().zip(&record);
        let cells = named
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), Cell::Written(text.to_owned())));
        let cells = cells.collect();
        take(Row { line, cells }).map_err(|reason| format!("line {line}: {reason}"))?;
    }
    Ok(())
}
