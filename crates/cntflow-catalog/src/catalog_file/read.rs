//! Reading catalog files: CSV, JSON lines or Parquet with at least a column `path`.

use std::path::Path;

use arcstr::ArcStr;
use cntflow_storage::{Limits, Location};

use crate::{
    CatalogError, CollectedEntries, ColumnSource, Label, Labels, RowError,
    entry::{Absence, CatalogEntry, Parent},
    label_names::PARENT,
    rows::{Cell, Row, for_each_row},
};

/// Reads a catalog: a CSV, JSON-lines or Parquet file with at least a column `path`, relative to
/// the folder of the file.
///
/// `parent` names the checkpoint that one was made from, by its name or its path.
///
/// `checkpoint` defaults to the location, `run` to the checkpoint and `step` to 0. `member` and
/// `row` select a checkpoint of an archive or of a matrix. Every other column of numbers, flags or
/// texts is a label.
///
/// # Errors
/// The file cannot be read, or a row lacks `path` or has a `step` or `row` that is no whole number;
/// the text names line and column.
pub fn read_catalog(path: &Path) -> Result<CollectedEntries, CatalogError> {
    let mut entries = CollectedEntries::default();
    read_catalog_at(&path.into(), &Limits::default(), &mut entries)?;
    Ok(entries)
}

/// Adds the entries of a catalog that is a file, an object or a member of an archive, as
/// [`read_catalog`] reads them.
///
/// # Errors
/// As [`read_catalog`], and as [`Location::content`].
pub fn read_catalog_at(
    location: &Location,
    limits: &Limits,
    entries: &mut CollectedEntries,
) -> Result<(), CatalogError> {
    for_each_row(location, limits, &mut |row| {
        entries.push(entry(location, &row)?);
        Ok(())
    })
}

fn entry(catalog: &Location, row: &Row) -> Result<CatalogEntry, RowError> {
    let text = |column: &str| row.get(column).map(Cell::text);
    let absent = text("absent").map(|text| Absence::parse(&text));
    let path = match text("path") {
        Some(path) => path,
        None if absent.is_some() => String::new(),
        None => return Err(RowError::Empty { column: "path" }),
    };
    let location = Location {
        member: text("member"),
        row: row_number(row)?,
        ..resolve(catalog, &path)
    };
    let checkpoint = text("checkpoint").unwrap_or_else(|| location.to_string());
    Ok(CatalogEntry {
        run: text("run").unwrap_or_else(|| checkpoint.clone()).into(),
        step: whole_number_in(row, "step")?.unwrap_or(0),
        architecture: text("architecture").map(ArcStr::from),
        labels: labels(row),
        parent: text(PARENT).map(|name| Box::new(Parent::named(&name, catalog))),
        absent,
        location,
        checkpoint,
    })
}

/// The column `row`: a row of a file that holds several checkpoints.
fn row_number(row: &Row) -> Result<Option<u64>, RowError> {
    let column = "row";
    let Some(value) = whole_number_in(row, column)? else {
        return Ok(None);
    };
    u64::try_from(value)
        .map(Some)
        .map_err(|_| RowError::Negative { column, value })
}

/// The location of a path in the catalog. A URL stays as it is, and so does an absolute path in a
/// catalog on a disk. Anything else is relative to the folder of the catalog.
fn resolve(catalog: &Location, path: &str) -> Location {
    let as_given = Location::from(Path::new(path));
    if as_given.url().is_some() {
        return as_given;
    }
    catalog.sibling(path)
}

fn labels(row: &Row) -> Labels {
    row.cells
        .iter()
        .filter_map(|(column, cell)| {
            Some((ColumnSource::Catalog.label_name(column)?, cell.label()))
        })
        .collect()
}

/// The whole number in a column; `None` if it is empty.
fn whole_number_in(row: &Row, column: &str) -> Result<Option<i64>, RowError> {
    let Some(cell) = row.get(column) else {
        return Ok(None);
    };
    whole_number(&cell.label())
        .map(Some)
        .ok_or_else(|| RowError::NoWholeNumber {
            column: column.to_owned(),
            value: cell.text(),
        })
}

/// The value of a label as a whole number; `None` if it is none. A real number counts if it has no
/// fraction and is below 9e15, where f64 is still exact.
pub fn whole_number(label: &Label) -> Option<i64> {
    match label {
        Label::Integer(value) => Some(*value),
        Label::Real(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Some(*value as i64),
        _ => None,
    }
}
