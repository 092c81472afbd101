//! Layouts of published populations. Each takes the files that it explains, makes entries of them with run, step and labels, and
//! leaves the others.

mod folders;
mod hugging_face;
mod mlp_cn;
pub(crate) mod names;
mod pgdl;
mod ray_tune;
mod small_cnn_zoo;

use cntflow_storage::FullMessage;
use serde_json::{Map, Value};

use crate::scan::Found;
use cntflow_catalog::json_labels;
use cntflow_formats::sharded;
use cntflow_formats::zoo_matrix::WEIGHTS;
use cntflow_storage::Location;

pub(crate) use folders::{Folder, Folders};

/// All layouts, in the order they are tried.
const LAYOUTS: [fn(&mut Folders, &mut Found); 5] = [
    ray_tune::take,
    small_cnn_zoo::take,
    pgdl::take,
    hugging_face::take,
    mlp_cn::take,
];

/// Has every layout take what it explains.
pub(crate) fn take_all(folders: &mut Folders, found: &mut Found) {
    for take in LAYOUTS {
        take(folders, found);
    }
}

/// Names of the files beside a file that is named alone, without which it is not understood.
pub(crate) fn needed_beside(name: &str) -> &'static [&'static str] {
    match name == WEIGHTS {
        true => &small_cnn_zoo::BESIDE,
        false => &[],
    }
}

/// Whether layouts read a file of this name.
pub(crate) fn is_read(name: &str) -> bool {
    ray_tune::FILES.contains(&name) || name == hugging_face::CONFIG || sharded::is_index(name)
}

/// The JSON object that a file holds; what is wrong with it is remembered.
fn object_of(file: &Location, found: &mut Found) -> Option<Map<String, Value>> {
    let content = file.content(&found.limits);
    let content = content.map_err(|error| error.full_message());
    let most = found.limits.header_bytes;
    let read = content.and_then(|content| match content.len() as u64 {
        length if length > most => Err(format!("{length} bytes, the limit header_bytes is {most}")),
        _ => json_labels::object(&content),
    });
    read.map_err(|reason| found.pass_over(file, reason)).ok()
}
