//! PGDL: `task<N>/model_*/{config.json, weights.hdf5}`. The scalars of `config.json` are labels.

use cntflow_catalog::{json_labels, unreserved_name};

use super::folders::split_path;
use super::{Folders, json_object};
use crate::scan::ScanState;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "weights.hdf5";

/// Takes every model with its configuration.
pub(super) fn take(folders: &mut Folders, state: &mut ScanState) {
    let both = |folder: &super::FolderFiles| {
        [CONFIG, WEIGHTS]
            .iter()
            .all(|name| folder.get(name).is_some())
    };
    for path in folders.paths(|_, folder| both(folder)) {
        let [Some(config), Some(weights)] = [CONFIG, WEIGHTS].map(|name| folders.take(&path, name))
        else {
            continue;
        };
        let labels = json_object(&config, state).map(|object| json_labels::scalars(&object));
        let (above, model) = split_path(&path);
        let (_, task) = split_path(&above);
        let entry = state.add_file(&weights);
        entry.run = format!("{task}/{model}").into();
        entry.labels.insert("task".to_owned(), task.into());
        let labels = labels.unwrap_or_default().into_iter();
        let labels = labels.map(|(name, label)| (unreserved_name(&name), label));
        entry.labels.extend(labels);
    }
}
