//! Small CNN Zoo: `weights.npy`, a row for each checkpoint; `layout.csv`, what the columns are; `metrics.csv.gz`, the rows' labels,
//! with `modeldir` as the run and `step`.
//!
//! Of the matrix only the header is read. The rows share a few architectures, told from the layout, the activation and the data set.

use cntflow_storage::FullMessage;
use std::collections::BTreeMap;

use super::Folders;
use crate::scan::Found;
use cntflow_architecture::zoo_matrix::{ZooHints, translate};
use cntflow_catalog::CatalogEntry;
use cntflow_catalog::Interner;
use cntflow_catalog::label_name;
use cntflow_catalog::rows::{Cell, Row, for_each_row};
use cntflow_catalog::whole_number;
use cntflow_catalog::{Labels, SharedText};
use cntflow_formats::zoo_matrix;
use cntflow_formats::zoo_matrix::{LAYOUT, WEIGHTS, Zoo};
use cntflow_storage::{Limits, Location};

/// Names of the file of labels.
const METRICS: [&str; 2] = ["metrics.csv.gz", "metrics.csv"];
/// What lies beside a matrix.
pub(super) const BESIDE: [&str; 3] = [LAYOUT, METRICS[0], METRICS[1]];
const RUN: &str = "modeldir";
const STEP: &str = "step";

/// Takes every matrix that has a layout beside it.
pub(super) fn take(folders: &mut Folders, found: &mut Found) {
    let both = |folder: &super::Folder| {
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
        if let Err(reason) = take_zoo(&weights, metrics.as_ref(), found) {
            // Measuring the whole gives the row that says why.
            found.pass_over(&weights, reason);
            found.entries.push(whole(&weights));
        }
    }
}

fn whole(weights: &Location) -> CatalogEntry {
    entry(weights.at_row(0), &weights.to_string())
}

fn entry(location: Location, run: &str) -> CatalogEntry {
    CatalogEntry {
        checkpoint: location.to_string(),
        location,
        run: run.into(),
        step: 0,
        architecture: None,
        labels: Labels::default(),
        absent: None,
    }
}

fn take_zoo(
    weights: &Location,
    metrics: Option<&Location>,
    found: &mut Found,
) -> Result<(), String> {
    let limits = found.limits;
    let zoo = zoo_matrix::zoo(weights, &limits).map_err(|error| error.full_message())?;
    let n = zoo.matrix.rows;
    let Some(metrics) = metrics else {
        found.pass_over(weights, format!("no {} beside it: no labels", METRICS[0]));
        let names = weights.to_string();
        let rows = (0..n).map(|row| entry(weights.at_row(row), &names));
        found.entries.extend(rows);
        return Ok(());
    };
    let before = found.entries.len();
    let read = read_metrics(weights, metrics, &zoo, &limits, &mut found.entries);
    if read.is_err() {
        found.entries.truncate(before);
    }
    let listed = read?;
    if listed != n {
        let reason = format!("it has {listed} rows, {} has {n}", weights.file_name());
        found.pass_over(metrics, reason);
    }
    let names = weights.to_string();
    let rows = (listed..n).map(|row| entry(weights.at_row(row), &names));
    found.entries.extend(rows);
    Ok(())
}

/// Makes entries of the rows, and tells how many there are; those beyond the matrix are counted only.
fn read_metrics(
    weights: &Location,
    metrics: &Location,
    zoo: &Zoo,
    limits: &Limits,
    entries: &mut Vec<CatalogEntry>,
) -> Result<u64, String> {
    let mut architectures: BTreeMap<ZooHints, Option<SharedText>> = BTreeMap::new();
    let mut pool = Interner::default();
    let mut at = 0;
    let read = for_each_row(metrics, limits, &mut |row| {
        if at < zoo.matrix.rows {
            let mut entry = labelled(weights.at_row(at), &row)?;
            let text = |column: &str| row.get(column).map(Cell::text);
            let told = ZooHints {
                activation: text("config.activation"),
                dataset: text("config.dataset"),
            };
            let architecture = architectures.entry(told).or_insert_with_key(|told| {
                let architecture = translate(&zoo.variables, told).ok()?.architecture;
                serde_json::to_string(&architecture)
                    .ok()
                    .map(SharedText::from)
            });
            entry.architecture.clone_from(architecture);
            entries.push(pool.intern(entry));
        }
        at += 1;
        Ok(())
    });
    read.map(|()| at).map_err(|error| error.full_message())
}

fn labelled(location: Location, row: &Row) -> Result<CatalogEntry, String> {
    let run = row.get(RUN).map(Cell::text);
    let mut entry = entry(location, "");
    entry.run = run.unwrap_or_else(|| entry.checkpoint.clone()).into();
    if let Some(step) = row.get(STEP) {
        entry.step = whole_number(&step.label())
            .ok_or_else(|| format!("column '{STEP}' is '{}', no whole number", step.text()))?;
    }
    let labels = row
        .cells
        .iter()
        .filter(|(name, _)| name != RUN && name != STEP);
    entry.labels = labels
        .map(|(name, cell)| (label_name(name), cell.label()))
        .collect();
    Ok(entry)
}
