//! Architectures in a JSON file beside a checkpoint.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Bytes of a JSON file that are read at most: 16 MiB.
const MOST_BYTES: u64 = 16 << 20;

/// The text of the architecture in the first of `<file>.json`, `<file without its extension>.json` and `architecture.json` that holds
/// one: an object with the keys `input` and `layers`, or one with such an object under `architecture`. Other files of these names are
/// passed over.
pub fn architecture(checkpoint: &Path) -> Option<String> {
    let with_json = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(".json");
        PathBuf::from(name)
    };
    let beside = [
        with_json(checkpoint),
        checkpoint.with_extension("json"),
        checkpoint.with_file_name("architecture.json"),
    ];
    let others = beside.iter().filter(|path| *path != checkpoint);
    others.into_iter().find_map(|path| read(path))
}

fn read(path: &Path) -> Option<String> {
    let known = fs_err::metadata(path).ok()?;
    if !known.is_file() || known.len() > MOST_BYTES {
        return None;
    }
    let text = fs_err::read_to_string(path).ok()?;
    let mut document: Value = serde_json::from_str(&text).ok()?;
    let document = match document.get_mut("architecture") {
        Some(architecture) => architecture.take(),
        None => document,
    };
    // An architecture may also be text within JSON, as catalogs have it.
    let document = match document {
        Value::String(text) => serde_json::from_str(&text).ok()?,
        other => other,
    };
    let is_one = document.get("input").is_some() && document.get("layers").is_some();
    is_one.then(|| document.to_string())
}
