//! Layouts of published zoos. Each takes the files that it knows out of the source and makes
//! entries of them, with run, step and labels.

pub(crate) mod file_names;
mod folders;
pub(crate) mod hub_revision;
mod hugging_face;
mod mlp_cn;
mod pgdl;
mod ray_tune;
mod small_cnn_zoo;
mod tensorflow_js;

use cntflow_catalog::json_labels;
use cntflow_formats::{sharded, zoo_matrix::WEIGHTS};
use cntflow_storage::{FormatError, FullMessage, Limits, Location};
use serde_json::{Map, Value};

use crate::{SourceError, scan::ScanState};

pub use hugging_face::weights_in_folder;

pub(crate) use folders::{FolderFiles, Folders, split_path};
pub(crate) use hugging_face::is_weights_or_index;

/// All layouts, in the order in which they are tried.
const LAYOUTS: [fn(&mut Folders, &mut ScanState); 6] = [
    ray_tune::take,
    small_cnn_zoo::take,
    pgdl::take,
    hugging_face::take,
    tensorflow_js::take,
    mlp_cn::take,
];

/// Lets every layout take its files.
pub(crate) fn apply_all(folders: &mut Folders, state: &mut ScanState) {
    for take in LAYOUTS {
        take(folders, state);
    }
}

/// If a user names a single file as the source: the files beside it that its layout also needs.
pub(crate) fn needed_beside(name: &str) -> &'static [&'static str] {
    if name == WEIGHTS {
        &small_cnn_zoo::BESIDE
    } else {
        &[]
    }
}

/// Whether some layout reads files of this name.
pub(crate) fn is_read_by_a_layout(name: &str) -> bool {
    ray_tune::FILES.contains(&name)
        || hugging_face::CONFIGURATIONS.contains(&name)
        || tensorflow_js::is_named(name)
        || sharded::is_index(name)
}

/// The JSON object in a file; a file that has none is skipped.
fn json_object(file: &Location, state: &mut ScanState) -> Option<Map<String, Value>> {
    read_json_object(file, &state.limits)
        .map_err(|error| state.report(file, error.full_message()))
        .ok()
}

fn read_json_object(file: &Location, limits: &Limits) -> Result<Map<String, Value>, SourceError> {
    let content = file.content(limits)?;
    let length = content.len() as u64;
    FormatError::check_limit("bytes of JSON", length, "header_bytes", limits.header_bytes)?;
    Ok(json_labels::parse_object(&content)?)
}
