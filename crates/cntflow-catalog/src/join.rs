//! Joining a table of metadata to the entries of a catalog.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use arcstr::ArcStr;
use cntflow_storage::{Limits, Location};

use crate::{
    CatalogError, CatalogOptions, CollectedEntries, Label, RowError, SkippedFile,
    catalog_file::whole_number,
    entry::{CatalogEntry, Parent},
    label_names::{ColumnSource, KEYS, PARENT, is_key},
    rows::{Cell, Row, for_each_row},
};

/// How many names of checkpoints a message shows.
const MAX_SHOWN: usize = 5;

/// Beginnings of the reasons that a table of metadata is among the skipped files: a row of it that
/// belongs to no entry, and entries without a row.
const LINE: &str = "line ";
const NO_ROW: &str = "no row for ";

/// What of a table of metadata does not fit the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataMismatch {
    /// The table.
    pub path: PathBuf,
    /// Each row that belongs to no entry: its line, and why.
    pub rows: Vec<String>,
    /// Which entries have no row, if any: `no row for 1 checkpoint (a.pt)`.
    pub entries_without_row: Option<String>,
}

impl MetadataMismatch {
    /// Takes what is said of the table of metadata out of what a scan has skipped; `None` if all
    /// rows and entries fit.
    pub fn taken_from(skipped: &mut Vec<SkippedFile>, options: &CatalogOptions) -> Option<Self> {
        let path = options.metadata.clone()?;
        // The table may lie in a source, where it is a file that is no checkpoint.
        let is_about_rows = |file: &SkippedFile| {
            [LINE, NO_ROW]
                .iter()
                .any(|start| file.reason.starts_with(start))
        };
        let about: Vec<SkippedFile> = skipped
            .extract_if(.., |file| file.path == path && is_about_rows(file))
            .collect();
        if about.is_empty() {
            return None;
        }
        let (without, rows): (Vec<String>, Vec<String>) = about
            .into_iter()
            .map(|file| file.reason)
            .partition(|reason| reason.starts_with(NO_ROW));
        Some(Self {
            path,
            rows,
            entries_without_row: without.into_iter().next(),
        })
    }
}

impl fmt::Display for MetadataMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let rows = match self.rows.as_slice() {
            [] => None,
            [row] => Some(format!("1 row of {path} matches no checkpoint: {row}")),
            [first, ..] => Some(format!(
                "{} rows of {path} match no checkpoint, the first: {first}",
                self.rows.len()
            )),
        };
        let without = self.entries_without_row.as_ref();
        let without = without.map(|without| format!("{path} has {without}"));
        let parts: Vec<String> = rows.into_iter().chain(without).collect();
        f.write_str(&parts.join("; "))
    }
}

/// Why a row of metadata belongs to no entry.
#[derive(Debug, thiserror::Error)]
enum MatchError {
    #[error("none of the columns {} is there", KEYS.join(", "))]
    NoKey,
    #[error("'{name}' is ambiguous: it is the {kind} of {entries}")]
    Ambiguous {
        name: String,
        kind: &'static str,
        entries: String,
    },
    #[error("run '{run}' has no checkpoint of step {step}")]
    NoSuchStep { run: String, step: Label },
    #[error("'{name}' in column '{column}' matches no checkpoint")]
    NoMatch { name: String, column: &'static str },
}

/// Applies the options to `entries`: the columns of `options.metadata` become labels, then the
/// named columns become run and step. Rows that belong to no entry, and entries without a row, are
/// added to `skipped`. While metadata is joined all entries are in memory.
///
/// # Errors
/// The table cannot be read, an entry lacks a named column, or its step is no whole number.
pub fn apply_options(
    options: &CatalogOptions,
    entries: &mut CollectedEntries,
    skipped: &mut Vec<SkippedFile>,
    limits: &Limits,
) -> Result<(), CatalogError> {
    if let Some(metadata) = &options.metadata {
        let metadata = metadata.as_path().into();
        entries.change_all(|entries| join(&metadata, entries, skipped, limits))?;
    }
    if let Some(column) = &options.run {
        set_from_column(entries, column, |entry, label| {
            entry.run = label.to_string().into();
            true
        })?;
    }
    if let Some(column) = &options.step {
        set_from_column(entries, column, |entry, label| {
            let step = whole_number(label);
            entry.step = step.unwrap_or(entry.step);
            step.is_some()
        })?;
    }
    Ok(())
}

/// Sets a field of each entry from its label `column`. `set` returns whether the label has the
/// right type: a whole number for a step.
fn set_from_column(
    entries: &mut CollectedEntries,
    column: &str,
    set: impl Fn(&mut CatalogEntry, &Label) -> bool,
) -> Result<(), CatalogError> {
    // Reading the catalog has already used its columns `run` and `step`.
    if column == "run" || column == "step" {
        return Ok(());
    }
    entries.try_change(|entry| {
        let source = match entry.labels.get(column).cloned() {
            Some(label) if set(entry, &label) => return Ok(()),
            Some(label) => RowError::NoWholeNumber {
                column: column.to_owned(),
                value: label.to_string(),
            },
            None => RowError::NoColumn {
                column: column.to_owned(),
                columns: entry.labels.columns().map(str::to_owned).collect(),
            },
        };
        Err(CatalogError::Column {
            checkpoint: entry.checkpoint.clone(),
            source,
        })
    })
}

/// Indices of the entries by the names that a row may use.
struct Names {
    /// By kind of name, in the order in which they are tried.
    kinds: [(&'static str, HashMap<String, Vec<usize>>); 4],
    runs: HashMap<ArcStr, Vec<usize>>,
}

impl Names {
    fn of(entries: &[CatalogEntry]) -> Self {
        let mut names = Self {
            kinds: [
                "checkpoint",
                "path",
                "file name",
                "file name without ending",
            ]
            .map(|kind| (kind, HashMap::new())),
            runs: HashMap::new(),
        };
        for (index, entry) in entries.iter().enumerate() {
            let file = entry.location.file_name();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let path = entry.location.path.to_string_lossy();
            let own = [&entry.checkpoint, &*path, file, stem];
            for ((_, kind), name) in names.kinds.iter_mut().zip(own) {
                kind.entry(name.to_owned()).or_default().push(index);
            }
            let run = names.runs.entry(entry.run.clone()).or_default();
            run.push(index);
        }
        names
    }

    /// The entries that a row is about: one checkpoint, or, if no checkpoint has that name, all of
    /// the run of that name (and of the row's step, if it has one).
    fn matched(
        &self,
        metadata: &Location,
        row: &Row,
        entries: &[CatalogEntry],
    ) -> Result<Vec<usize>, MatchError> {
        let (column, cell) = KEYS
            .iter()
            .find_map(|column| Some((*column, row.get(column)?)))
            .ok_or(MatchError::NoKey)?;
        let name = cell.text();
        if column != "run"
            && let Some(index) = self.checkpoint(metadata, &name, entries)?
        {
            return Ok(vec![index]);
        }
        let run = self.runs.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let step = row.get("step").map(Cell::label);
        let is_of_step = |index: &usize| match &step {
            Some(step) => whole_number(step) == Some(entries[*index].step),
            None => true,
        };
        let matched: Vec<usize> = run.iter().copied().filter(is_of_step).collect();
        match step {
            _ if !matched.is_empty() => Ok(matched),
            Some(step) if !run.is_empty() => Err(MatchError::NoSuchStep { run: name, step }),
            _ => Err(MatchError::NoMatch { name, column }),
        }
    }

    /// The one entry whose checkpoint, path or file has this name, as it is or relative to the
    /// table of metadata.
    fn checkpoint(
        &self,
        metadata: &Location,
        name: &str,
        entries: &[CatalogEntry],
    ) -> Result<Option<usize>, MatchError> {
        let resolved = metadata.sibling(name).to_string();
        for (kind, indices) in &self.kinds {
            for candidate in [name, &resolved] {
                match indices.get(candidate).map(Vec::as_slice) {
                    None => {}
                    Some([index]) => return Ok(Some(*index)),
                    Some(several) => {
                        return Err(MatchError::Ambiguous {
                            name: name.to_owned(),
                            kind,
                            entries: count_and_names(several, entries),
                        });
                    }
                }
            }
        }
        Ok(None)
    }
}

/// Adds the labels of each row of the table to the entries that it is about.
fn join(
    metadata: &Location,
    entries: &mut [CatalogEntry],
    skipped: &mut Vec<SkippedFile>,
    limits: &Limits,
) -> Result<(), CatalogError> {
    let names = Names::of(entries);
    let mut joined = vec![false; entries.len()];
    let mut skip = |reason: String| {
        skipped.push(SkippedFile {
            path: metadata.to_string().into(),
            reason,
        });
    };
    for_each_row(metadata, limits, &mut |row| {
        match names.matched(metadata, &row, entries) {
            Err(error) => skip(format!("{LINE}{}: {error}", row.line)),
            Ok(matched) => {
                for index in matched {
                    joined[index] = true;
                    add_labels(&mut entries[index], &row);
                    if let Some(parent) = row.get(PARENT) {
                        let parent = Parent::named(&parent.text(), metadata);
                        entries[index].parent = Some(Box::new(parent));
                    }
                }
            }
        }
        Ok(())
    })?;
    let without: Vec<usize> = (0..entries.len()).filter(|&index| !joined[index]).collect();
    if without.len() == entries.len() && entries.len() > 1 {
        skip(format!("{NO_ROW}any of the {} checkpoints", entries.len()));
    } else if !without.is_empty() {
        skip(format!("{NO_ROW}{}", count_and_names(&without, entries)));
    }
    Ok(())
}

fn add_labels(entry: &mut CatalogEntry, row: &Row) {
    let labels = row.cells.iter().filter_map(|(column, cell)| {
        // A key names the entry. It does not replace what the entry has under that name.
        if is_key(column) && entry.labels.contains_key(column) {
            return None;
        }
        Some((ColumnSource::Metadata.label_name(column)?, cell.label()))
    });
    let labels: Vec<_> = labels.collect();
    entry.labels.extend(labels);
}

/// Number and first names of some entries, for messages.
fn count_and_names(indices: &[usize], entries: &[CatalogEntry]) -> String {
    let first = indices.iter().take(MAX_SHOWN);
    let names: Vec<&str> = first
        .map(|&index| entries[index].checkpoint.as_str())
        .collect();
    let more = if indices.len() > MAX_SHOWN {
        ", ..."
    } else {
        ""
    };
    let checkpoints = if indices.len() == 1 {
        "checkpoint"
    } else {
        "checkpoints"
    };
    format!(
        "{} {checkpoints} ({}{more})",
        indices.len(),
        names.join(", ")
    )
}
