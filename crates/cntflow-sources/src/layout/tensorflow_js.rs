//! Models of TensorFlow.js: `model.json` with the files of its weights beside it. A model that a
//! browser has saved is `<name>.json` with `<name>.weights.bin`.

use cntflow_formats::tensorflow_js;
use cntflow_storage::{FullMessage, Location};

use super::{FolderFiles, Folders};
use crate::{SourceError, scan::ScanState};

pub(super) const MODEL: &str = tensorflow_js::MODEL;

/// The ending of the name of a manifest that is a file of its own.
const MANIFEST: &str = "weights_manifest.json";

/// The ending of the name that browsers give to the file of weights, in place of `.json`.
const WEIGHTS: &str = ".weights.bin";

/// Whether a model, or its manifest, has this name.
pub(super) fn is_named(name: &str) -> bool {
    name == MODEL || name.ends_with(MANIFEST)
}

/// Takes every model with the files of its weights.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    for path in folders.paths(|_, folder| folder.names().any(|name| may_be_model(name, folder))) {
        let Some(folder) = folders.get_mut(&path) else {
            continue;
        };
        let names: Vec<String> = folder.names().map(str::to_owned).collect();
        let models = names.into_iter().filter(|name| may_be_model(name, folder));
        for name in models.collect::<Vec<_>>() {
            take_model(folder, &name, state);
        }
    }
}

fn may_be_model(name: &str, folder: &FolderFiles) -> bool {
    let weights = || format!("{}{WEIGHTS}", name.trim_end_matches(".json"));
    tensorflow_js::is_model_name(name) && (is_named(name) || folder.get(&weights()).is_some())
}

/// Takes a model, if the file is one. Its weights are read through it, and are no checkpoints.
fn take_model(folder: &mut FolderFiles, name: &str, state: &mut ScanState) {
    let Some(file) = folder.get(name).cloned() else {
        return;
    };
    match shards_of(&file, state) {
        Ok(Some(shards)) => {
            folder.remove_where(|other| other == name || shards.iter().any(|shard| shard == other));
            state.add_file(&file);
        }
        Ok(None) => {}
        Err(error) => {
            folder.remove_where(|other| other == name);
            state.report(&file, error.full_message());
        }
    }
}

/// Names of the files with the weights of a model; `None` if the file is other JSON.
fn shards_of(file: &Location, state: &ScanState) -> Result<Option<Vec<String>>, SourceError> {
    let content = file.content(&state.limits)?;
    if !tensorflow_js::is_model(&content) {
        return Ok(None);
    }
    Ok(Some(tensorflow_js::shards_of(&content, &state.limits)?))
}
