//! Sharded checkpoints: several files with an index, as Hugging Face writes them, in
//! `model.safetensors.index.json` or `pytorch_model.bin.index.json`. Its `weight_map` gives the
//! file of every tensor.
//!
//! A tensor that is only in the index, or only in a shard, is an error.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use cntflow_storage::{Content, FormatError, Limits, Location, StorageError};
use serde::Deserialize;

use crate::{
    CheckpointError, OpenCheckpoint, TensorEntry, format::Format, json_keys::unique_texts,
    known_formats::known_format,
};

/// The ending of an index's name.
const ENDING: &str = ".index.json";

/// An index, as far as it is read.
#[derive(Deserialize)]
pub struct Index {
    /// The name of every tensor's file, by the tensor's name.
    #[serde(deserialize_with = "unique_texts")]
    pub weight_map: BTreeMap<String, String>,
}

/// All shards, opened.
#[derive(Debug)]
struct Sharded {
    name: &'static str,
    shards: Vec<(Content, Box<dyn Format>)>,
    tensors: Vec<TensorEntry>,
    /// Index of each tensor's shard, and index of the tensor in it.
    indices: Vec<(usize, usize)>,
}

/// Whether a file of this name is an index of shards.
pub fn is_index(file_name: &str) -> bool {
    file_name.ends_with(ENDING)
}

/// Reads an index.
///
/// # Errors
/// It is larger than `limits` allow, no index, lists no tensor, or names a file in another folder.
pub fn read_index(file: &[u8], limits: &Limits) -> Result<Index, FormatError> {
    let length = file.len() as u64;
    let (limit, allowed) = ("header_bytes", limits.header_bytes);
    FormatError::check_limit("bytes of the index", length, limit, allowed)?;
    let index: Index = serde_json::from_slice(file)
        .map_err(|error| FormatError::broken(format!("no index of shards: {error}")))?;
    let listed = index.weight_map.len() as u64;
    FormatError::check_limit("tensors", listed, "tensors", limits.tensors)?;
    if listed == 0 {
        return Err(FormatError::broken("the index names no tensor"));
    }
    for (tensor, shard) in &index.weight_map {
        check_file_beside(shard, &format!("the index says that tensor {tensor} is"))?;
    }
    Ok(index)
}

/// Makes sure that a name in an index is that of a file in the same folder. `says` begins the
/// error, up to the name.
pub(crate) fn check_file_beside(name: &str, says: &str) -> Result<(), FormatError> {
    if name.contains(['/', '\\', '\0']) || ["", ".", ".."].contains(&name) {
        return Err(FormatError::broken(format!(
            "{says} in '{name}', which is no name of a file beside the index"
        )));
    }
    Ok(())
}

/// The files that an index names, each once.
pub fn shards_of(index: &Index) -> Vec<String> {
    let mut shards: Vec<String> = index.weight_map.values().cloned().collect();
    shards.sort_unstable();
    shards.dedup();
    shards
}

/// Opens the checkpoint of the index at `location`.
///
/// # Errors
/// A shard cannot be opened, or index and shards do not agree.
pub fn open(location: &Location, limits: &Limits) -> Result<OpenCheckpoint, CheckpointError> {
    let name = PathBuf::from(location.to_string());
    let content = location.content(limits)?;
    let index =
        read_index(&content, limits).map_err(|error| StorageError::content(&name, error))?;
    let names = shards_of(&index);
    let mut shards = Vec::with_capacity(names.len());
    for shard in &names {
        let shard = location.sibling(shard);
        let content = shard.content(limits)?;
        let format = known_format(&PathBuf::from(shard.to_string()), &content, limits)?;
        shards.push((content, format));
    }
    let contents = shards.iter().map(|(content, _)| content.clone()).collect();
    let joined =
        join(&index, &names, shards).map_err(|error| StorageError::content(&name, error))?;
    Ok(OpenCheckpoint::of_format(&name, content, Box::new(joined))?.with_shards(contents))
}

/// Lists the tensors of all shards, in the order of the files, and compares them with the index.
fn join(
    index: &Index,
    names: &[String],
    shards: Vec<(Content, Box<dyn Format>)>,
) -> Result<Sharded, FormatError> {
    let mut joined = Sharded {
        name: shards.first().map_or("shards", |(_, shard)| shard.name()),
        shards: Vec::new(),
        tensors: Vec::new(),
        indices: Vec::new(),
    };
    let mut in_shards: HashSet<&str> = HashSet::new();
    for (shard_index, (name, (_, shard))) in names.iter().zip(&shards).enumerate() {
        for (index_in_shard, tensor) in shard.tensors().iter().enumerate() {
            match index.weight_map.get(&tensor.name) {
                Some(listed) if listed == name => {}
                Some(listed) => {
                    return Err(FormatError::broken(format!(
                        "{name} holds tensor {}, which the index says is in {listed}",
                        tensor.name
                    )));
                }
                None => {
                    return Err(FormatError::broken(format!(
                        "{name} holds tensor {}, which the index does not list",
                        tensor.name
                    )));
                }
            }
            in_shards.insert(&tensor.name);
            joined.tensors.push(tensor.clone());
            joined.indices.push((shard_index, index_in_shard));
        }
    }
    let missing = index
        .weight_map
        .iter()
        .find(|(tensor, _)| !in_shards.contains(tensor.as_str()));
    if let Some((tensor, shard)) = missing {
        return Err(FormatError::broken(format!(
            "the index lists {} tensors, the shards hold {}: {tensor} is not in {shard}",
            index.weight_map.len(),
            in_shards.len()
        )));
    }
    joined.shards = shards;
    Ok(joined)
}

impl Format for Sharded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, _: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let (shard, index) = self.indices[index];
        let (content, format) = &self.shards[shard];
        format.elements(content, index)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let all = self.shards.iter().map(|(_, shard)| shard.metadata());
        all.flatten().collect()
    }
}
