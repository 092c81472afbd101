//! A checkpoint in several files with an index, as Hugging Face has them: `model.safetensors.index.json` or
//! `pytorch_model.bin.index.json`, whose `weight_map` gives the file of every tensor.
//!
//! What the index lists and what the shards hold is compared both ways: a tensor that only one of them knows is an error.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde::Deserialize;

use crate::checkpoint::known_format;
use crate::format::Format;
use crate::json_keys::texts_once;
use crate::{CheckpointError, OpenCheckpoint, TensorEntry};
use cntflow_storage::{Content, Limits, Location};
use cntflow_storage::{FormatError, StorageError};

/// How the names of indices end.
const ENDING: &str = ".index.json";

/// What is read of an index.
#[derive(Deserialize)]
pub struct Index {
    /// The file of every tensor.
    #[serde(deserialize_with = "texts_once")]
    pub weight_map: BTreeMap<String, String>,
}

/// All shards, open.
#[derive(Debug)]
struct Sharded {
    name: &'static str,
    shards: Vec<(Content, Box<dyn Format>)>,
    tensors: Vec<TensorEntry>,
    /// The shard of each tensor, and its place in it.
    places: Vec<(usize, usize)>,
}

/// Whether a file of this name is an index of shards.
pub fn is_index(file_name: &str) -> bool {
    file_name.ends_with(ENDING)
}

/// Reads an index.
///
/// # Errors
/// It is larger than a header may be, or no index.
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
        if shard.contains(['/', '\\', '\0']) || ["", ".", ".."].contains(&&**shard) {
            return Err(FormatError::broken(format!(
                "the index gives tensor {tensor} to '{shard}', which is no file beside it"
            )));
        }
    }
    Ok(index)
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
        let at = location.sibling(shard);
        let held = at.content(limits)?;
        let format = known_format(&PathBuf::from(at.to_string()), &held, limits)?;
        shards.push((held, format));
    }
    let others = shards.iter().map(|(held, _)| held.clone()).collect();
    let joined =
        join(&index, &names, shards).map_err(|error| StorageError::content(&name, error))?;
    Ok(OpenCheckpoint::of_format(&name, content, Box::new(joined))?.with_others(others))
}

/// The tensors of all shards, in the order of the files and in theirs.
fn join(
    index: &Index,
    names: &[String],
    shards: Vec<(Content, Box<dyn Format>)>,
) -> Result<Sharded, FormatError> {
    let mut joined = Sharded {
        name: shards.first().map_or("shards", |(_, shard)| shard.name()),
        shards: Vec::new(),
        tensors: Vec::new(),
        places: Vec::new(),
    };
    let mut found: HashMap<&str, &str> = HashMap::new();
    for (at, (name, (_, shard))) in names.iter().zip(&shards).enumerate() {
        for (place, tensor) in shard.tensors().iter().enumerate() {
            match index.weight_map.get(&tensor.name) {
                Some(listed) if listed == name => {}
                Some(listed) => {
                    return Err(FormatError::broken(format!(
                        "{name} holds tensor {}, which the index gives to {listed}",
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
            found.insert(&tensor.name, name);
            joined.tensors.push(tensor.clone());
            joined.places.push((at, place));
        }
    }
    let missing = index
        .weight_map
        .iter()
        .find(|(tensor, _)| !found.contains_key(tensor.as_str()));
    if let Some((tensor, shard)) = missing {
        return Err(FormatError::broken(format!(
            "the index lists {} tensors, the shards hold {}: {tensor} is not in {shard}",
            index.weight_map.len(),
            found.len()
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

    fn elements<'a>(&'a self, _: &'a [u8], place: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let (shard, place) = self.places[place];
        let (content, format) = &self.shards[shard];
        format.elements(content, place)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let all = self.shards.iter().map(|(_, shard)| shard.metadata());
        all.flatten().collect()
    }
}
