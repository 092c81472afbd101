//! The same networks in every format, written by the frameworks themselves
//! (`tests/formats/make_fixtures.py`), are the same to us: the same tensors bit by bit, the same
//! `layers` rows, and from the same inputs the framework's outputs.

mod expected;
mod reference;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_network::Network;
use cntflow_storage::FullMessage;

use expected::{Architecture, OF_ANY_SIZE, expected};
use reference::Reference;

/// Where the fixtures lie.
fn folder() -> PathBuf {
    PathBuf::from("../../tests/formats/data")
}

#[test]
fn every_file_of_a_network_is_the_same_network() {
    let mut references = BTreeMap::new();
    let mut differences = Vec::new();
    for (network, (file, from)) in expected() {
        let reference = references
            .entry(network)
            .or_insert_with(|| Reference::read(&folder().join(network)));
        let from = if OF_ANY_SIZE.contains(&(network, file)) {
            Architecture::Given
        } else {
            from
        };
        let difference = compare(network, file, from, reference).err();
        differences.extend(difference.map(|reason| format!("{network}/{file}: {reason}")));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// What differs from the reference first.
fn compare(
    network: &str,
    file: &str,
    from: Architecture,
    reference: &Reference,
) -> Result<(), String> {
    let path = folder().join(network).join(file);
    let checkpoint = OpenCheckpoint::open(&path).map_err(|error| error.full_message())?;
    let given = (from == Architecture::Given).then(|| reference.architecture_text());
    let (resolved, coverage) = resolve_architecture(&checkpoint, given.as_deref());
    if coverage.len() != checkpoint.tensors().len() {
        let (found, expected) = (coverage.len(), checkpoint.tensors().len());
        return Err(format!("coverage of {found} of {expected} tensors"));
    }
    let resolved = resolved.map_err(|error| error.full_message())?;
    let is_given = resolved.source == "catalog";
    if is_given != (from == Architecture::Given) {
        return Err(format!("its architecture is from {}", resolved.source));
    }
    let found = resolved.network(&checkpoint);
    let found: Network<'_> = found.map_err(|error| error.full_message())?;
    reference.tensors_are_those_of(&found)?;
    reference.rows_are_those_of(&found)?;
    reference.outputs_are_those_of(&found)
}

#[test]
fn every_file_that_is_there_is_expected() {
    let mut listed: Vec<PathBuf> = expected()
        .map(|(network, (file, _))| folder().join(network).join(file))
        .collect();
    listed.sort();
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder())
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .filter(|path| !is_beside(path))
        .collect();
    found.sort();
    assert_eq!(listed, found);
}

/// Whether a file is no checkpoint of its own: the reference, or a shard, which the index names.
fn is_beside(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    name == "network.json" || name.contains("-of-")
}
