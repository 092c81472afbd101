//! Catalogs as people write them: CSV, JSON lines or Parquet with at least a column `path`.

use std::path::Path;

use crate::catalog::{Absence, CatalogEntry};
use crate::interner::Interner;
use crate::label::OWN_COLUMNS;
use crate::rows::{Cell, Row, for_each_row};
use crate::{CatalogError, Label, Labels, SharedText};
use cntflow_storage::{Limits, Location};

/// Reads a catalog: a CSV, JSON-lines or Parquet file with at least a column `path`, relative to the folder of the file. `checkpoint`
/// is the place where it is not given, `run` the checkpoint, `step` 0; `member` and `row` say which checkpoint of an archive or of a
/// matrix is meant; every other column of numbers, flags or texts is a label.
///
/// # Errors
/// The file cannot be read, has no `path`, or a column of its own holds what it cannot; the text names line and column.
pub fn read_catalog(path: &Path) -> Result<Vec<CatalogEntry>, CatalogError> {
    read_catalog_at(&path.into(), &Limits::default())
}

/// The same of a catalog anywhere.
pub fn read_catalog_at(
    location: &Location,
    limits: &Limits,
) -> Result<Vec<CatalogEntry>, CatalogError> {
    let mut entries = Vec::new();
    let mut interner = Interner::default();
    for_each_row(location, limits, &mut |row| {
        entries.push(interner.intern(entry(location, &row)?));
        Ok(())
    })?;
    Ok(entries)
}

fn entry(catalog: &Location, row: &Row) -> Result<CatalogEntry, String> {
    let text = |column: &str| row.get(column).map(Cell::text);
    let absent = text("absent").map(|text| Absence::of(&text));
    let path = match text("path") {
        Some(path) => path,
        None if absent.is_some() => String::new(),
        None => return Err("column 'path' is empty or missing".to_owned()),
    };
    let location = Location {
        member: text("member"),
        row: whole(row, "row")?
            .map(u64::try_from)
            .transpose()
            .map_err(|_| "column 'row' is negative".to_owned())?,
        ..placed(catalog, &path)
    };
    let checkpoint = text("checkpoint").unwrap_or_else(|| location.to_string());
    Ok(CatalogEntry {
        run: text("run").unwrap_or_else(|| checkpoint.clone()).into(),
        step: whole(row, "step")?.unwrap_or(0),
        architecture: text("architecture").map(SharedText::from),
        labels: labels(row),
        absent,
        location,
        checkpoint,
    })
}

/// Where a path of the catalog leads: itself where it is a URL or absolute, else seen from the folder of the catalog.
fn placed(catalog: &Location, path: &str) -> Location {
    let itself = Location::from(Path::new(path));
    match itself.url() {
        Some(_) => itself,
        None => catalog.sibling(path),
    }
}

fn labels(row: &Row) -> Labels {
    row.cells
        .iter()
        .filter(|(name, _)| !OWN_COLUMNS.contains(&name.as_str()))
        .map(|(name, cell)| (name.clone(), cell.label()))
        .collect()
}

fn whole(row: &Row, column: &str) -> Result<Option<i64>, String> {
    let Some(cell) = row.get(column) else {
        return Ok(None);
    };
    whole_number(&cell.label())
        .map(Some)
        .ok_or_else(|| format!("column '{column}' is '{}', no whole number", cell.text()))
}

/// A whole number, also where it is written as a real one.
pub fn whole_number(label: &Label) -> Option<i64> {
    match label {
        Label::Integer(value) => Some(*value),
        Label::Real(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Some(*value as i64),
        _ => None,
    }
}
