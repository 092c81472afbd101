//! Folders of Hugging Face: `config.json`, and weights in one file or in shards with an index. The
//! scalars of `config.json` are labels.

use std::collections::BTreeSet;
use std::path::Path;

use cntflow_catalog::{Label, json_labels, unreserved_name};
use cntflow_formats::sharded;
use cntflow_storage::{FullMessage, Location};

use super::{Folders, json_object};
use crate::{SourceError, scan::ScanState};

pub(super) const CONFIG: &str = "config.json";

/// Names of weights, the first ones first where a folder has several.
const WEIGHTS: [&str; 6] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "adapter_model.safetensors",
    "adapter_model.bin",
];

/// The weights in a folder of Hugging Face on a disk; `None` if no file has such a name.
pub fn weights_in_folder(folder: &Path) -> Option<Location> {
    let mut paths = WEIGHTS.iter().map(|name| folder.join(name));
    paths.find(|path| path.is_file()).map(Location::from)
}

/// Takes every index with its shards, and every file of weights, with the configuration beside it.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    for path in folders.paths(|_, folder| folder.names().any(is_weights_or_index)) {
        let Some(folder) = folders.get_mut(&path) else {
            continue;
        };
        let indices = folder.remove_where(sharded::is_index);
        let mut files = Vec::new();
        let mut shards = BTreeSet::new();
        for index in indices {
            match shards_of(&index, state) {
                Ok(named) => {
                    shards.extend(named);
                    files.push(index);
                }
                Err(error) => state.report(&index, error.full_message()),
            }
        }
        // Shards are read through their index.
        folder.remove_where(|name| shards.contains(name));
        files.extend(folder.remove_where(is_weights));
        if files.is_empty() {
            continue;
        }
        let config = folder.get(CONFIG).cloned();
        let labels = match &config {
            Some(config) => labels(config, state),
            None => Vec::new(),
        };
        // A configuration that gave no labels stays, and is reported as skipped.
        if !labels.is_empty() {
            folder.remove_where(|name| name == CONFIG);
        }
        for file in files {
            let entry = state.add_file(&file);
            let own = &entry.labels;
            let missing = labels.iter().filter(|(name, _)| !own.contains_key(name));
            let missing: Vec<_> = missing.cloned().collect();
            entry.labels.extend(missing);
            let is_whole_folder = config.is_some() || sharded::is_index(file.file_name());
            // The run that the file's own metadata names has priority.
            if is_whole_folder && entry.run == entry.checkpoint {
                entry.run = path.as_str().into();
            }
        }
    }
}

fn is_weights_or_index(name: &str) -> bool {
    is_weights(name) || sharded::is_index(name)
}

/// Whether the libraries of Hugging Face give this name to weights in one file.
fn is_weights(name: &str) -> bool {
    matches!(
        name,
        "model.safetensors"
            | "pytorch_model.bin"
            | "adapter_model.safetensors"
            | "adapter_model.bin"
    )
}

fn shards_of(index: &Location, state: &ScanState) -> Result<Vec<String>, SourceError> {
    let content = index.content(&state.limits)?;
    let index = sharded::read_index(&content, &state.limits)?;
    Ok(sharded::shards_of(&index))
}

fn labels(config: &Location, state: &mut ScanState) -> Vec<(String, Label)> {
    let object = json_object(config, state).unwrap_or_default();
    let scalars = object.iter().filter_map(|(name, value)| {
        let label = json_labels::label_of(value)?;
        Some((unreserved_name(name), label))
    });
    scalars.collect()
}
