//! Small CNN Zoo: `weights.npy` has one row for each checkpoint. `layout.csv` says which columns of
//! it hold which variable. Line i of `metrics.csv.gz` has the labels of row i; its column
//! `modeldir` is the run and `step` the step.
//!
//! Of the matrix only the header is read. The rows share a few architectures, which follow from
//! layout, activation and data set.

use std::collections::BTreeMap;

use arcstr::ArcStr;
use cntflow_architecture::zoo_matrix::{ZooHints, translate};
use cntflow_catalog::{
    CatalogEntry, Interner, Labels, RowError,
    rows::{Cell, Row, for_each_row},
    unreserved_name, whole_number,
};
use cntflow_formats::zoo_matrix::{LAYOUT, WEIGHTS, ZooMatrix};
use cntflow_storage::{FullMessage, Limits, Location};

use super::Folders;
use crate::{SourceError, scan::ScanState};

/// Names that the file of labels may have.
const METRICS: [&str; 2] = ["metrics.csv.gz", "metrics.csv"];
/// Files beside a matrix that are read with it.
pub(super) const BESIDE: [&str; 3] = [LAYOUT, METRICS[0], METRICS[1]];
const RUN: &str = "modeldir";
const STEP: &str = "step";

/// Takes every `weights.npy` that has a `layout.csv` beside it.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    let both = |folder: &super::FolderFiles| {
        [WEIGHTS, LAYOUT]
            .iter()
            .all(|name| folder.get(name).is_some())
    };
    for path in folders.paths(|_, folder| both(folder)) {
        let [Some(weights), Some(_)] = [WEIGHTS, LAYOUT].map(|name| folders.take(&path, name))
        else {
            continue;
        };
        let metrics = METRICS.iter().find_map(|name| folders.take(&path, name));
        if let Err(error) = take_zoo(&weights, metrics.as_ref(), state) {
            // One entry for the broken matrix: measuring it fails, and so the table `networks` says
            // what is wrong.
            state.report(&weights, error.full_message());
            state
                .entries
                .push(entry(weights.at_row(0), &weights.to_string()));
        }
    }
}

/// The entry of a row without labels.
fn entry(location: Location, run: &str) -> CatalogEntry {
    CatalogEntry {
        checkpoint: location.to_string(),
        location,
        run: run.into(),
        step: 0,
        architecture: None,
        labels: Labels::default(),
        parent: None,
        absent: None,
    }
}

/// Makes entries of all rows of a matrix; rows without a line of metrics have no labels.
fn take_zoo(
    weights: &Location,
    metrics: Option<&Location>,
    state: &mut ScanState,
) -> Result<(), SourceError> {
    let limits = state.limits;
    let zoo = ZooMatrix::open(weights, &limits)?;
    let n = zoo.matrix.rows;
    let Some(metrics) = metrics else {
        state.report(weights, format!("no {} beside it: no labels", METRICS[0]));
        let run = weights.to_string();
        let rows = (0..n).map(|row| entry(weights.at_row(row), &run));
        state.entries.extend(rows);
        return Ok(());
    };
    // All or nothing: no entries of a file of metrics that breaks off.
    let (entries, listed) = read_metrics(weights, metrics, &zoo, &limits)?;
    state.entries.extend(entries);
    if listed != n {
        let reason = format!("it has {listed} rows, {} has {n}", weights.file_name());
        state.report(metrics, reason);
    }
    let run = weights.to_string();
    let rows = (listed..n).map(|row| entry(weights.at_row(row), &run));
    state.entries.extend(rows);
    Ok(())
}

/// Entries of the lines of metrics that have a row in the matrix, and the number of all lines.
fn read_metrics(
    weights: &Location,
    metrics: &Location,
    zoo: &ZooMatrix,
    limits: &Limits,
) -> Result<(Vec<CatalogEntry>, u64), SourceError> {
    let mut entries = Vec::new();
    let mut architectures: BTreeMap<ZooHints, Option<ArcStr>> = BTreeMap::new();
    let mut interner = Interner::default();
    let mut index = 0;
    for_each_row(metrics, limits, &mut |row| {
        if index < zoo.matrix.rows {
            let mut entry = labelled(weights.at_row(index), &row)?;
            let text = |column: &str| row.get(column).map(Cell::text);
            let hints = ZooHints {
                activation: text("config.activation"),
                dataset: text("config.dataset"),
            };
            let architecture = architectures.entry(hints).or_insert_with_key(|hints| {
                // Without an architecture here, measuring the checkpoint reports why there is none.
                let architecture = translate(&zoo.variables, hints).ok()?.architecture;
                serde_json::to_string(&architecture).ok().map(ArcStr::from)
            });
            entry.architecture.clone_from(architecture);
            entries.push(interner.intern(entry));
        }
        index += 1;
        Ok(())
    })?;
    Ok((entries, index))
}

/// The entry of a row with its line of metrics.
fn labelled(location: Location, row: &Row) -> Result<CatalogEntry, RowError> {
    let run = row.get(RUN).map(Cell::text);
    let mut entry = entry(location, "");
    entry.run = run.unwrap_or_else(|| entry.checkpoint.clone()).into();
    if let Some(step) = row.get(STEP) {
        entry.step = whole_number(&step.label()).ok_or_else(|| RowError::NoWholeNumber {
            column: STEP.to_owned(),
            value: step.text(),
        })?;
    }
    let labels = row
        .cells
        .iter()
        .filter(|(name, _)| name != RUN && name != STEP);
    entry.labels = labels
        .map(|(name, cell)| (unreserved_name(name), cell.label()))
        .collect();
    Ok(entry)
}
