//! Folders of Hugging Face: `config.json`, and weights in one file or in shards with an index. The
//! scalars of `config.json` are labels.

use std::collections::BTreeSet;
use std::path::Path;

use cntflow_catalog::{Label, Parent, json_labels, unreserved_name};
use cntflow_formats::sharded;
use cntflow_storage::store::is_url;
use cntflow_storage::{FullMessage, Limits, Location};

use super::{FolderFiles, Folders, json_object, read_json_object};
use crate::{SourceError, scan::ScanState};

const CONFIG: &str = "config.json";

/// The configuration of an adapter, which names the model that it belongs to.
const ADAPTER_CONFIG: &str = "adapter_config.json";

/// The card of a model, whose front matter may name the model that it was made from.
const CARD: &str = "README.md";

/// Files of JSON that are read beside weights.
pub(super) const CONFIGURATIONS: [&str; 2] = [CONFIG, ADAPTER_CONFIG];

/// Bytes of a card in which its front matter is looked for.
const MOST_OF_CARD: usize = 1 << 16;

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
        let parent = parent(&path, folder, state);
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
            entry.parent.clone_from(&parent);
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

pub(crate) fn is_weights_or_index(name: &str) -> bool {
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

/// The model that the one in a folder was made from: as its adapter says, or its card, or the path
/// that its configuration was loaded from. A file that gave it is taken out of the folder.
fn parent(path: &str, folder: &mut FolderFiles, state: &mut ScanState) -> Option<Box<Parent>> {
    let text_of = |file: &Location, key: &str, state: &ScanState| {
        let object = read_json_object(file, &state.limits).ok()?;
        Some(object.get(key)?.as_str()?.to_owned())
    };
    let files = [ADAPTER_CONFIG, CARD, CONFIG].map(|name| folder.get(name).cloned());
    for file in files.into_iter().flatten() {
        let name = match file.file_name() {
            ADAPTER_CONFIG => text_of(&file, "base_model_name_or_path", state),
            CARD => base_model(&file, &state.limits),
            // A model that was made from no other one has its own name there.
            _ => text_of(&file, "_name_or_path", state).filter(|name| !is_own_name(name, path)),
        };
        // A URL in somebody else's file is not followed.
        let name = name.filter(|name| !name.is_empty() && !is_url(name));
        if let Some(name) = name {
            if file.file_name() != CONFIG {
                folder.remove_where(|name| name == file.file_name());
            }
            return Some(Box::new(Parent::named(&name, &file)));
        }
    }
    None
}

/// Whether a path names the folder itself, wherever it was.
fn is_own_name(name: &str, folder: &str) -> bool {
    let last = |path: &str| {
        let parts = path.trim_end_matches('/').rsplit('/');
        parts.map(str::to_owned).next().unwrap_or_default()
    };
    [".", ""].contains(&&*last(name)) || last(name) == last(folder)
}

/// The model that a card names in its front matter; `None` if it names several, which were merged.
fn base_model(card: &Location, limits: &Limits) -> Option<String> {
    let content = card.content(limits).ok()?;
    let beginning = &content[..content.len().min(MOST_OF_CARD)];
    base_model_in(&String::from_utf8_lossy(beginning))
}

/// The only value of `base_model` in a front matter: lines of YAML between two of `---`.
fn base_model_in(card: &str) -> Option<String> {
    let mut lines = card.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let lines = lines.take_while(|line| line.trim_end() != "---");
    let mut lines = lines.skip_while(|line| !line.starts_with("base_model:"));
    let value = lines.next()?.strip_prefix("base_model:")?.trim();
    let listed: Vec<&str> = match value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
        Some(list) => list.split(',').collect(),
        None if value.is_empty() => lines
            .map_while(|line| line.trim_start().strip_prefix("- "))
            .collect(),
        None => vec![value],
    };
    match listed[..] {
        [name] => {
            let name = name.split(" #").next().unwrap_or_default().trim();
            let name = name.trim_matches(['"', '\'']);
            Some(name.to_owned()).filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

fn labels(config: &Location, state: &mut ScanState) -> Vec<(String, Label)> {
    let object = json_object(config, state).unwrap_or_default();
    let scalars = object.iter().filter_map(|(name, value)| {
        let label = json_labels::label_of(value)?;
        Some((unreserved_name(name), label))
    });
    scalars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_names_one_model_in_its_front_matter_or_none() {
        let check = |card: &str, expected: Option<&str>| {
            assert_eq!(base_model_in(card).as_deref(), expected, "{card:?}");
        };
        check("---\nbase_model: org/base\n---\n", Some("org/base"));
        check(
            "---\nlicense: mit\nbase_model: \"a b\" # x\n---",
            Some("a b"),
        );
        check(
            "---\r\nbase_model:\r\n- org/base\r\ntags:\r\n- x\r\n---",
            Some("org/base"),
        );
        check("---\nbase_model: [org/base]\n---\n", Some("org/base"));
        check("---\nbase_model: [a, b]\n---\n", None);
        check("---\nbase_model:\n  - a\n  - b\n---\n", None);
        check("---\nlicense: mit\n---\nbase_model: not-here\n", None);
        check("base_model: a\n", None);
        check("---\nbase_model:", None);
        check("---\nbase_model: ''\n", None);
        check("---\nbase_model_relation: merge\n---\n", None);
        check("", None);
    }

    #[test]
    fn a_model_is_not_its_own_parent_wherever_it_was() {
        assert!(is_own_name("org/base", "hub/base"));
        assert!(is_own_name("/home/user/base/", "base") && is_own_name(".", "base"));
        assert!(!is_own_name("base", "hub/tuned") && !is_own_name("../base", "hub/base-2"));
    }
}
