//! Files that no layout explains: checkpoints by their content or their name, or none.

use cntflow_storage::FullMessage;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use super::Found;
use super::url::Seen;
use crate::layout::names;
use cntflow_catalog::CatalogEntry;
use cntflow_catalog::Labels;
use cntflow_catalog::typed;
use cntflow_formats::is_known as is_known_format;
use cntflow_formats::peek_metadata;
use cntflow_storage::{Limits, Location};

/// Metadata keys that have a place of their own in a [`CatalogEntry`] and are no labels.
const OWN_PLACE: [&str; 5] = ["format", "checkpoint", "run", "step", "architecture"];

/// Bytes read of a file at once, which most headers fit.
const PEEK: usize = 1 << 13;

/// Endings by which a file claims to be a checkpoint.
const CLAIMS: [&str; 13] = [
    "pt",
    "pth",
    "bin",
    "ckpt",
    "h5",
    "hdf5",
    "keras",
    "onnx",
    "npy",
    "npz",
    "safetensors",
    "pickle",
    "pkl",
];

const ARCHIVES: &str = "an archive within an archive, or one that is not read";

/// What files that lie beside checkpoints are, by their endings.
const BESIDE: [(&str, &[&str]); 5] = [
    ("JSON", &["json", "jsonl", "ndjson"]),
    ("a table", &["csv", "tsv", "parquet", "xlsx"]),
    (
        "text",
        &[
            "txt", "md", "rst", "log", "yaml", "yml", "toml", "py", "ipynb",
        ],
    ),
    ("a picture", &["png", "jpg", "jpeg", "gif", "svg", "pdf"]),
    (ARCHIVES, &["tar", "zip", "tgz", "gz", "xz", "zst", "bz2"]),
];

/// An ordinary file becomes an entry or is passed over. A file that claims to be a checkpoint and cannot be read is an entry all the
/// same: measuring it gives the row that says why.
pub(super) fn take(file: &Location, found: &mut Found) {
    if claims(file) {
        found.add_plain(file);
        return;
    }
    match is_known(file, found) {
        Ok(true) => _ = found.add_plain(file),
        Ok(false) => found.pass_over(file, what(file)),
        Err(reason) => found.pass_over(file, reason),
    }
}

/// Whether a file is of a known format by its content.
fn is_known(file: &Location, found: &Found) -> Result<bool, String> {
    if let Some(url) = file.object() {
        return match found.seen.get(url) {
            Some(Seen::Failed(reason)) => Err(reason.clone()),
            Some(Seen::Checkpoint(_)) => Ok(true),
            Some(Seen::Archive) | None => Ok(false),
        };
    }
    let content = file.content(&found.limits);
    let content = content.map_err(|error| error.full_message())?;
    match content.is_empty() {
        true => Err("not a known checkpoint format: it is empty".to_owned()),
        false => Ok(is_known_format(&content)),
    }
}

/// Whether a file claims to be a checkpoint by its name.
pub(super) fn claims(file: &Location) -> bool {
    CLAIMS.contains(&&*ending(file))
}

fn ending(file: &Location) -> String {
    let name = file.file_name().rsplit_once('.');
    name.map_or(String::new(), |(_, ending)| ending.to_lowercase())
}

/// Whether a file is something else by its name.
pub(super) fn is_beside(file: &Location) -> bool {
    beside(file).is_some_and(|(what, _)| *what != ARCHIVES)
}

fn beside(file: &Location) -> Option<&'static (&'static str, &'static [&'static str])> {
    let ending = ending(file);
    BESIDE
        .iter()
        .find(|(_, endings)| endings.contains(&&*ending))
}

fn what(file: &Location) -> String {
    match beside(file) {
        Some((what, _)) => format!("not a known checkpoint format: {what} by its name"),
        None => "not a known checkpoint format".to_owned(),
    }
}

/// The entry of a file, with the labels that its own metadata and its name give.
pub(super) fn entry(location: &Location, found: &Found) -> CatalogEntry {
    let limits = &found.limits;
    let metadata = match (&location.member, location.url()) {
        (Some(_), _) => {
            let content = location.content(limits);
            content.ok().and_then(|content| peek(&content[..], limits))
        }
        (None, Some(url)) => match found.seen.get(url) {
            Some(Seen::Checkpoint(metadata)) => Some(metadata.clone()),
            _ => None,
        },
        (None, None) => {
            let file = fs_err::File::open(&*location.path);
            file.ok().and_then(|file| peek(file, limits))
        }
    };
    entry_of(location, metadata.unwrap_or_default())
}

/// The metadata of a file that may be of safetensors.
fn peek(file: impl Read, limits: &Limits) -> Option<BTreeMap<String, String>> {
    let mut file = BufReader::with_capacity(PEEK, file);
    let may_have = file.fill_buf().ok()?.get(8) == Some(&b'{');
    may_have.then(|| peek_metadata(file, limits))?
}

/// The entry of a file or an object by its metadata and its name.
fn entry_of(location: &Location, metadata: BTreeMap<String, String>) -> CatalogEntry {
    let name = location.to_string();
    let labels: Labels = metadata
        .iter()
        .filter(|(key, _)| !OWN_PLACE.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), typed(value)))
        .collect();
    let mut entry = CatalogEntry {
        run: metadata.get("run").unwrap_or(&name).as_str().into(),
        step: metadata
            .get("step")
            .and_then(|step| step.parse().ok())
            .unwrap_or(0),
        architecture: None,
        labels,
        absent: None,
        location: location.clone(),
        checkpoint: name,
    };
    names::tell(&mut entry);
    entry
}
