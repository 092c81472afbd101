//! MLP-CN: `network<i>.h5` is the trained network, `network<i>.pickle` stacks the
//! snapshots of its training: each kernel is `[snapshot, n_in, n_out]`, losses and accuracies are
//! `[2, snapshots]` with row 0 for training and row 1 for test.

use std::path::PathBuf;

use cntflow_catalog::{CatalogEntry, Label};
use cntflow_formats::{OpenCheckpoint, snapshot::n_snapshots};
use cntflow_storage::Location;

use super::Folders;
use crate::scan::ScanState;

/// Names of the labels of the two histories, for training and for test.
const HISTORIES: [[&str; 2]; 2] = [
    ["train_loss", "test_loss"],
    ["train_accuracy", "test_accuracy"],
];

/// Takes the pickles, with one entry for each snapshot, and the networks beside them.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    for path in folders.paths(|_, folder| {
        folder
            .names()
            .any(|name| network_stem(name, ".pickle").is_some())
    }) {
        let Some(folder) = folders.get_mut(&path) else {
            continue;
        };
        for file in folder.remove_where(|name| network_stem(name, ".pickle").is_some()) {
            let run = network_stem(file.file_name(), ".pickle")
                .unwrap_or_default()
                .to_owned();
            match snapshots(&file, &run, state) {
                Some(entries) => {
                    let last = entries.len() as i64 - 1;
                    state.entries.extend(entries);
                    for trained in
                        folder.remove_where(|name| network_stem(name, ".h5") == Some(&run))
                    {
                        let entry = state.add_file(&trained);
                        entry.run = run.as_str().into();
                        entry.step = last;
                    }
                }
                // It cannot be opened: measuring it fails, and so the table `networks` says what is
                // wrong.
                None => state.add_file(&file).run = run.into(),
            }
        }
    }
}

/// The name `network<i>` of a file with that ending.
fn network_stem<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let stem = name.strip_suffix(ending)?;
    let number = stem.strip_prefix("network")?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(stem)
}

/// The entries of all snapshots; `None` if the file cannot be opened or stacks none.
fn snapshots(file: &Location, run: &str, state: &ScanState) -> Option<Vec<CatalogEntry>> {
    let name = PathBuf::from(file.to_string());
    let content = file.content(&state.limits).ok()?;
    let opened = OpenCheckpoint::read(&name, content, &state.limits).ok()?;
    let n = n_snapshots(opened.tensors())?;
    // Both histories have the shape [2, n]; the pickle holds the loss first, then the accuracy.
    let histories: Vec<Vec<f32>> = opened
        .tensors()
        .iter()
        .filter(|tensor| tensor.shape == [2, n])
        .filter_map(|tensor| Some(opened.values(&tensor.name).ok()?.into_owned()))
        .collect();
    let entry = |row: usize| {
        let location = file.at_row(row as u64);
        let labels = HISTORIES
            .iter()
            .zip(&histories)
            .flat_map(|(names, values)| {
                let both = names.iter().zip([values[row], values[n + row]]);
                both.map(|(name, value)| ((*name).to_owned(), Label::Real(f64::from(value))))
            });
        CatalogEntry {
            checkpoint: location.to_string(),
            location,
            run: run.into(),
            step: row as i64,
            architecture: None,
            labels: labels.collect(),
            parent: None,
            absent: None,
        }
    };
    Some((0..n).map(entry).collect())
}
