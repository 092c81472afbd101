//! Sidecars: a JSON file beside a checkpoint, with its architecture.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Largest sidecar that is read, 16 MiB.
const MAX_BYTES: u64 = 16 << 20;

/// The architecture in a sidecar, as JSON. Tried are `<file>.json`, `<file without its
/// extension>.json` and `architecture.json`, in this order. A sidecar is an object with the keys
/// `input` and `layers`, or has such an object under `architecture`; other files of these names are
/// ignored.
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
    // An index of shards ends in `.json` itself.
    let others = beside.iter().filter(|path| *path != checkpoint);
    others.into_iter().find_map(|path| read(path))
}

fn read(path: &Path) -> Option<String> {
    let file = fs_err::metadata(path).ok()?;
    if !file.is_file() || file.len() > MAX_BYTES {
        return None;
    }
    let text = fs_err::read_to_string(path).ok()?;
    let mut document: Value = serde_json::from_str(&text).ok()?;
    let document = match document.get_mut("architecture") {
        Some(architecture) => architecture.take(),
        None => document,
    };
    // It may also be a text of JSON within JSON, as catalogs have it.
    let document = match document {
        Value::String(text) => serde_json::from_str(&text).ok()?,
        other => other,
    };
    let is_architecture = document.get("input").is_some() && document.get("layers").is_some();
    is_architecture.then(|| document.to_string())
}
