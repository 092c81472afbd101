//! MLP-CN: `network<i>.h5`, the trained network, and `network<i>.pickle`, the snapshots of its training, each kernel
//! `[snapshot, n_in, n_out]`, with losses and accuracies `[2, snapshots]`: row 0 of training, row 1 of test.

use std::path::PathBuf;

use super::Folders;
use crate::scan::Found;
use cntflow_catalog::CatalogEntry;
use cntflow_catalog::Label;
use cntflow_formats::OpenCheckpoint;
use cntflow_formats::snapshot::n_snapshots;
use cntflow_storage::Location;

/// Names of the labels of the two records, for training and for test.
const RECORDS: [[&str; 2]; 2] = [
    ["train_loss", "test_loss"],
    ["train_accuracy", "test_accuracy"],
];

/// Takes the pickles that can be opened, one entry for each snapshot, and the networks beside them.
pub(super) fn take(folders: &mut Folders, found: &mut Found) {
    for path in folders.paths(|_, folder| {
        folder
            .names()
            .any(|name| network(name, ".pickle").is_some())
    }) {
        let Some(folder) = folders.get_mut(&path) else {
            continue;
        };
        for file in folder.take_all(|name| network(name, ".pickle").is_some()) {
            let run = network(file.file_name(), ".pickle")
                .unwrap_or_default()
                .to_owned();
            match snapshots(&file, &run, found) {
                Ok(entries) => {
                    let last = entries.len() as i64 - 1;
                    found.entries.extend(entries);
                    for trained in folder.take_all(|name| network(name, ".h5") == Some(&run)) {
                        let entry = found.add_plain(&trained);
                        entry.run = run.as_str().into();
                        entry.step = last;
                    }
                }
                // Measuring it gives the row that says why.
                Err(()) => found.add_plain(&file).run = run.into(),
            }
        }
    }
}

/// The name `network<i>` of a file with that ending.
fn network<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let stem = name.strip_suffix(ending)?;
    let number = stem.strip_prefix("network")?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(stem)
}

fn snapshots(file: &Location, run: &str, found: &Found) -> Result<Vec<CatalogEntry>, ()> {
    let name = PathBuf::from(file.to_string());
    let content = file.content(&found.limits).map_err(drop)?;
    let opened = OpenCheckpoint::read(&name, content, &found.limits).map_err(drop)?;
    let n = n_snapshots(opened.tensors()).ok_or(())?;
    let records: Vec<Vec<f32>> = opened
        .tensors()
        .iter()
        .filter(|tensor| tensor.shape == [2, n])
        .filter_map(|tensor| Some(opened.values(&tensor.name).ok()?.into_owned()))
        .collect();
    let entry = |row: usize| {
        let location = file.at_row(row as u64);
        let labels = RECORDS.iter().zip(&records).flat_map(|(names, values)| {
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
            absent: None,
        }
    };
    Ok((0..n).map(entry).collect())
}
