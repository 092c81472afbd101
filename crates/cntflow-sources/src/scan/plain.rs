//! Files that no layout knows: checkpoints by their content or their name, or skipped.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use cntflow_catalog::{CatalogEntry, ColumnSource, Label, Labels};
use cntflow_formats::{is_known_format, peek_metadata};
use cntflow_storage::{FullMessage, Limits, Location};

use super::ScanState;
use super::ahead::look_ahead;
use super::object_peek::ObjectPeek;
use crate::layout::{file_names, hub_revision};

/// Bytes that are read of a file at once; most headers are shorter.
const PEEK: usize = 1 << 13;

/// Endings of names that claim to be checkpoints.
const CHECKPOINT_ENDINGS: [&str; 15] = [
    "pt",
    "pth",
    "bin",
    "ckpt",
    "h5",
    "hdf5",
    "keras",
    "onnx",
    "gguf",
    "msgpack",
    "npy",
    "npz",
    "safetensors",
    "pickle",
    "pkl",
];

/// Why a file is skipped that ends like an archive but was not read as one.
const ARCHIVES: &str = "an archive that is not read: it lies in another archive, or its content is not that of a tar, tar.gz or zip";

/// Other files that lie beside checkpoints: what they are, and their endings.
const OTHER_ENDINGS: [(&str, &[&str]); 5] = [
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

/// Makes a file an entry, or skips it. A file whose name claims to be a checkpoint is an entry even
/// if it cannot be read: measuring it then fails, and the reason stands in the table `networks`.
/// `found` is its metadata, if somebody has looked.
pub(super) fn add_or_skip(file: &Location, found: Option<Found>, state: &mut ScanState) {
    let reason = if claims_checkpoint(file) {
        None
    } else {
        reason_to_skip(file, state)
    };
    match reason {
        Some(reason) => state.report(file, reason),
        None => {
            let entry = entry(file, found, state);
            state.entries.push(entry);
        }
    }
}

/// As [`add_or_skip`] for each file.
pub(super) fn add_or_skip_all(files: Vec<Location>, state: &mut ScanState) {
    let look = |file: &Location, state: &ScanState| {
        let is_on_disk = file.url().is_none() && file.member.is_none();
        let is_unknown = claims_checkpoint(file) && !state.cache.knows_metadata(file);
        (is_on_disk && is_unknown).then(|| read_metadata(file, &state.limits))
    };
    look_ahead(files, state, look, |file, found, state| {
        add_or_skip(&file, found, state);
    });
}

/// The metadata that a file was found to have; `None` in a file of another format.
pub(super) type Found = io::Result<Option<BTreeMap<String, String>>>;

/// The metadata of a file on a disk.
fn read_metadata(file: &Location, limits: &Limits) -> Found {
    let open = fs_err::File::open(&*file.path)?;
    Ok(safetensors_metadata(open, limits))
}

/// Why a file is no checkpoint by its content; `None` if it is of a known format.
fn reason_to_skip(file: &Location, state: &mut ScanState) -> Option<String> {
    if let Some(url) = file.object_url() {
        return match state.peeks.get(url) {
            Some(ObjectPeek::Failed(reason)) => Some(reason.clone()),
            Some(ObjectPeek::Checkpoint(_)) => None,
            Some(ObjectPeek::Archive) | None => Some(unknown_format(file)),
        };
    }
    let limits = state.limits;
    let look = || {
        let content = file.content(&limits);
        let content = content.map_err(|error| error.full_message())?;
        Ok(if content.is_empty() {
            Some("not a known checkpoint format: it is empty".to_owned())
        } else if is_known_format(&content) {
            None
        } else {
            Some(unknown_format(file))
        })
    };
    state.cache.reason_to_skip(file, look)
}

/// Whether a file claims to be a checkpoint by its name.
pub(super) fn claims_checkpoint(file: &Location) -> bool {
    CHECKPOINT_ENDINGS.contains(&&*ending(file))
}

/// The ending of a file's name, in lower case.
fn ending(file: &Location) -> String {
    let ending = file.file_name().rsplit_once('.').map(|(_, ending)| ending);
    ending.unwrap_or_default().to_lowercase()
}

/// Whether a file is no checkpoint and no archive by its name.
pub(super) fn has_other_ending(file: &Location) -> bool {
    other_kind(file).is_some_and(|(what, _)| *what != ARCHIVES)
}

fn other_kind(file: &Location) -> Option<&'static (&'static str, &'static [&'static str])> {
    let ending = ending(file);
    OTHER_ENDINGS
        .iter()
        .find(|(_, endings)| endings.contains(&&*ending))
}

/// Why a file of an unknown format is skipped.
fn unknown_format(file: &Location) -> String {
    match other_kind(file) {
        Some((what, _)) if *what == ARCHIVES => ARCHIVES.to_owned(),
        Some((what, _)) => format!("not a known checkpoint format; by its name: {what}"),
        None => "not a known checkpoint format".to_owned(),
    }
}

/// The entry of a file, with labels from its own metadata, which is read if it was not `found`, and
/// its name.
pub(super) fn entry(
    location: &Location,
    found: Option<Found>,
    state: &mut ScanState,
) -> CatalogEntry {
    let limits = &state.limits;
    let metadata = match (&location.member, location.url()) {
        (Some(_), _) => {
            let content = location.content(limits);
            content
                .ok()
                .and_then(|content| safetensors_metadata(&content[..], limits))
        }
        (None, Some(url)) => match state.peeks.get(url) {
            Some(ObjectPeek::Checkpoint(metadata)) => Some(metadata.clone()),
            _ => None,
        },
        (None, None) => state.cache.metadata(location, || {
            found.unwrap_or_else(|| read_metadata(location, limits))
        }),
    };
    entry_of(location, &metadata.unwrap_or_default())
}

/// The metadata of a file if it may be of safetensors.
fn safetensors_metadata(file: impl Read, limits: &Limits) -> Option<BTreeMap<String, String>> {
    let mut file = BufReader::with_capacity(PEEK, file);
    let may_be_safetensors = file.fill_buf().ok()?.get(8) == Some(&b'{');
    may_be_safetensors.then(|| peek_metadata(file, limits))?
}

/// The entry of a file or an object by its metadata and its name.
fn entry_of(location: &Location, metadata: &BTreeMap<String, String>) -> CatalogEntry {
    let name = location.to_string();
    let labels: Labels = metadata
        .iter()
        .filter_map(|(key, value)| {
            Some((
                ColumnSource::Checkpoint.label_name(key)?,
                Label::parse(value),
            ))
        })
        .collect();
    let mut entry = CatalogEntry {
        run: metadata.get("run").unwrap_or(&name).as_str().into(),
        step: metadata
            .get("step")
            .and_then(|step| step.parse().ok())
            .unwrap_or(0),
        architecture: None,
        labels,
        parent: None,
        absent: None,
        location: location.clone(),
        checkpoint: name,
    };
    file_names::apply_name(&mut entry);
    hub_revision::apply_revision(&mut entry);
    entry
}
