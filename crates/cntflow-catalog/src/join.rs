//! A table of metadata joined to the checkpoints that were found.

use std::collections::HashMap;

use crate::SkippedFile;
use crate::catalog::CatalogEntry;
use crate::catalog_file::whole_number;
use crate::label::{OWN_COLUMNS, label_name};
use crate::rows::{Cell, Row, for_each_row};
use crate::{CatalogError, CatalogOptions, Label, SharedText};
use cntflow_storage::{Limits, Location};

/// Columns that say which checkpoint or run a row is about, the first that is there.
const KEYS: [&str; 6] = ["path", "checkpoint", "file", "filename", "name", "run"];

/// Names of checkpoints shown where many are meant.
const SHOWN: usize = 5;

/// Makes labels of the columns of `options.metadata`, then run and step of the columns that are to be these.
///
/// # Errors
/// The table cannot be read, or a column is missing or holds what it cannot.
pub fn apply_options(
    options: &CatalogOptions,
    entries: &mut [CatalogEntry],
    skipped: &mut Vec<SkippedFile>,
    limits: &Limits,
) -> Result<(), CatalogError> {
    if let Some(metadata) = &options.metadata {
        join(&metadata.as_path().into(), entries, skipped, limits)?;
    }
    if let Some(column) = &options.run {
        set(entries, column, |entry, label| {
            entry.run = label.to_string().into();
            true
        })?;
    }
    if let Some(column) = &options.step {
        set(entries, column, |entry, label| {
            let step = whole_number(label);
            entry.step = step.unwrap_or(entry.step);
            step.is_some()
        })?;
    }
    Ok(())
}

/// Gives every entry what its label `column` says.
fn set(
    entries: &mut [CatalogEntry],
    column: &str,
    give: impl Fn(&mut CatalogEntry, &Label) -> bool,
) -> Result<(), CatalogError> {
    // A column that a catalog calls run or step is that already.
    if column == "run" || column == "step" {
        return Ok(());
    }
    for entry in entries {
        let label = entry.labels.get(column).cloned();
        let taken = label.as_ref().map(|label| give(entry, label));
        let reason = match (taken, label) {
            (Some(true), _) => continue,
            (_, Some(label)) => format!("column '{column}' is '{label}', no whole number"),
            (_, None) => {
                let known: Vec<&str> = entry.labels.columns().collect();
                format!("no column '{column}'; it has {}", known.join(", "))
            }
        };
        return Err(CatalogError::Catalog {
            path: entry.checkpoint.clone().into(),
            reason,
        });
    }
    Ok(())
}

/// Which entries a name stands for.
struct Names {
    /// In the order in which they are tried.
    kinds: [(&'static str, HashMap<String, Vec<usize>>); 4],
    runs: HashMap<SharedText, Vec<usize>>,
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
        for (at, entry) in entries.iter().enumerate() {
            let file = entry.location.file_name();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let path = entry.location.path.to_string_lossy();
            let own = [&entry.checkpoint, &*path, file, stem];
            for ((_, kind), name) in names.kinds.iter_mut().zip(own) {
                kind.entry(name.to_owned()).or_default().push(at);
            }
            let run = names.runs.entry(entry.run.clone()).or_default();
            run.push(at);
        }
        names
    }

    /// The entries of a row: one checkpoint, or those of a run (and step).
    fn matched(
        &self,
        metadata: &Location,
        row: &Row,
        entries: &[CatalogEntry],
    ) -> Result<Vec<usize>, String> {
        let (key, cell) = KEYS
            .iter()
            .find_map(|key| Some((*key, row.get(key)?)))
            .ok_or_else(|| format!("none of the columns {} is there", KEYS.join(", ")))?;
        let name = cell.text();
        let step = row.get("step").map(Cell::label);
        let of_step = |at: &usize| {
            let step = step.as_ref().and_then(whole_number);
            step.is_none_or(|step| entries[*at].step == step)
        };
        if key != "run" {
            let placed = metadata.sibling(&name).to_string();
            let tried = self
                .kinds
                .iter()
                .flat_map(|(kind, known)| [&name, &placed].map(|name| (kind, known.get(name))));
            for (kind, found) in tried {
                match found.map(Vec::as_slice) {
                    None => {}
                    Some([one]) => return Ok(vec![*one]),
                    Some(several) => {
                        let several = shown(several, entries);
                        return Err(format!("'{name}' is the {kind} of {several}"));
                    }
                }
            }
        }
        let run = self.runs.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let found: Vec<usize> = run.iter().filter(|at| of_step(at)).copied().collect();
        match (found.is_empty(), step) {
            (false, _) => Ok(found),
            (true, Some(step)) if !run.is_empty() => {
                Err(format!("run '{name}' has no checkpoint of step {step}"))
            }
            _ => Err(format!("'{name}' in column '{key}' matches no checkpoint")),
        }
    }
}

fn join(
    metadata: &Location,
    entries: &mut [CatalogEntry],
    skipped: &mut Vec<SkippedFile>,
    limits: &Limits,
) -> Result<(), CatalogError> {
    let names = Names::of(entries);
    let mut joined = vec![false; entries.len()];
    let mut over = |reason: String| {
        skipped.push(SkippedFile {
            path: metadata.to_string().into(),
            reason,
        });
    };
    for_each_row(metadata, limits, &mut |row| {
        match names.matched(metadata, &row, entries) {
            Err(reason) => over(format!("line {}: {reason}", row.line)),
            Ok(found) => {
                for at in found {
                    joined[at] = true;
                    add_labels(&mut entries[at], &row);
                }
            }
        }
        Ok(())
    })?;
    let without: Vec<usize> = (0..entries.len()).filter(|&at| !joined[at]).collect();
    if !without.is_empty() {
        over(format!("no row for {}", shown(&without, entries)));
    }
    Ok(())
}

fn add_labels(entry: &mut CatalogEntry, row: &Row) {
    let given = row.cells.iter().filter_map(|(column, cell)| {
        let own = column == "step" || KEYS.contains(&column.as_str());
        let name = match own {
            false => label_name(column),
            true if OWN_COLUMNS.contains(&column.as_str()) => return None,
            true if entry.labels.contains_key(column) => return None,
            true => column.clone(),
        };
        Some((name, cell.label()))
    });
    let given: Vec<_> = given.collect();
    entry.labels.extend(given);
}

fn shown(some: &[usize], entries: &[CatalogEntry]) -> String {
    let first = some.iter().take(SHOWN);
    let names: Vec<&str> = first.map(|&at| entries[at].checkpoint.as_str()).collect();
    let more = if some.len() > SHOWN { ", ..." } else { "" };
    let checkpoints = if some.len() == 1 {
        "checkpoint"
    } else {
        "checkpoints"
    };
    format!("{} {checkpoints} ({}{more})", some.len(), names.join(", "))
}
