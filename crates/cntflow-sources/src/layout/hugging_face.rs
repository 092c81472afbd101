//! Folders of Hugging Face: `config.json`, and weights in one file or in shards with an index. The scalars of `config.json` are labels.

use cntflow_storage::FullMessage;
use std::collections::BTreeSet;

use super::{Folders, object_of};
use crate::scan::Found;
use cntflow_catalog::label_name;
use cntflow_catalog::{Label, json_labels};
use cntflow_formats::sharded;
use cntflow_storage::Location;

pub(super) const CONFIG: &str = "config.json";

/// Takes every index with its shards, and the files of weights beside a configuration.
pub(super) fn take(folders: &mut Folders, found: &mut Found) {
    for path in folders.paths(|_, folder| folder.names().any(is_ours)) {
        let Some(folder) = folders.get_mut(&path) else {
            continue;
        };
        let indices = folder.take_all(sharded::is_index);
        let mut files = Vec::new();
        let mut shards = BTreeSet::new();
        for index in indices {
            match shards_of(&index, found) {
                Ok(named) => {
                    shards.extend(named);
                    files.push(index);
                }
                Err(reason) => found.pass_over(&index, reason),
            }
        }
        folder.take_all(|name| shards.contains(name));
        files.extend(folder.take_all(is_weights));
        if files.is_empty() {
            continue;
        }
        let config = folder.get(CONFIG).cloned();
        let labels = match &config {
            Some(config) => labels(config, found),
            None => Vec::new(),
        };
        if !labels.is_empty() {
            folder.take_all(|name| name == CONFIG);
        }
        for file in files {
            let entry = found.add_plain(&file);
            let known = &entry.labels;
            let new = labels.iter().filter(|(name, _)| !known.contains_key(name));
            let new: Vec<_> = new.cloned().collect();
            entry.labels.extend(new);
            let whole_folder = config.is_some() || sharded::is_index(file.file_name());
            if whole_folder && entry.run == entry.checkpoint {
                entry.run = path.as_str().into();
            }
        }
    }
}

fn is_ours(name: &str) -> bool {
    is_weights(name) || sharded::is_index(name)
}

/// Names that the library gives to weights in one file.
fn is_weights(name: &str) -> bool {
    matches!(
        name,
        "model.safetensors"
            | "pytorch_model.bin"
            | "adapter_model.safetensors"
            | "adapter_model.bin"
    )
}

fn shards_of(index: &Location, found: &Found) -> Result<Vec<String>, String> {
    let content = index.content(&found.limits);
    let content = content.map_err(|error| error.full_message())?;
    let index = sharded::read_index(&content, &found.limits);
    let index = index.map_err(|error| error.full_message())?;
    Ok(sharded::shards_of(&index))
}

fn labels(config: &Location, found: &mut Found) -> Vec<(String, Label)> {
    let object = object_of(config, found).unwrap_or_default();
    let scalars = object.iter().filter_map(|(name, value)| {
        let label = json_labels::label(value)?;
        Some((label_name(name), label))
    });
    scalars.collect()
}
