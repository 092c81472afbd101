//! TensorFlow.js: `model.json` with the topology and a manifest of the weights, and the files with
//! the weights beside it (`group1-shard1of2.bin`, ...).
//!
//! Of a layers model the topology is the configuration of a Keras model. That of a graph model is a
//! graph of TensorFlow, of which nothing is read: its weights have names alone.

mod group;
mod manifest;
mod weight;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use cntflow_storage::{FormatError, Limits, Location, StorageError};

use crate::{
    CheckpointError, Description, OpenCheckpoint, TensorEntry,
    format::Format,
    keras::{Layers, Model},
};
use group::Group;
use manifest::ModelFile;
pub use manifest::{is_model, is_model_name, shards_of};
use weight::Place;

/// The name that TensorFlow.js gives to the file with the topology.
pub const MODEL: &str = "model.json";

/// An opened model.
#[derive(Debug)]
struct TensorflowJs {
    groups: Vec<Group>,
    tensors: Vec<TensorEntry>,
    /// Where every tensor's elements are.
    places: Vec<Place>,
    metadata: BTreeMap<String, String>,
    /// The configuration of a layers model.
    config: Option<String>,
    layers: Layers,
}

/// Opens the model at `location` with the files of its weights.
///
/// # Errors
/// It is no model of TensorFlow.js, a file of weights is missing, or does not have the bytes that
/// the manifest lists.
pub(crate) fn open(
    location: &Location,
    limits: &Limits,
) -> Result<OpenCheckpoint, CheckpointError> {
    let name = PathBuf::from(location.to_string());
    let content = location.content(limits)?;
    let file = manifest::read(&content, limits);
    let file = file.map_err(|error| StorageError::content(&name, error))?;
    let mut model = TensorflowJs {
        groups: Vec::with_capacity(file.groups.len()),
        tensors: Vec::new(),
        places: Vec::new(),
        metadata: file.metadata(),
        config: file.keras_configuration(),
        layers: Layers::default(),
    };
    for listed in &file.groups {
        let group = Group::open(listed, location, limits)?;
        let of_model = |error| StorageError::content(&name, error);
        let expected = weight::bytes_of_all(&listed.weights, &group).map_err(of_model)?;
        group.check_length(listed, location, expected)?;
        let weights = weight::place(&listed.weights, &group, model.groups.len(), limits);
        let (tensors, places) = weights.map_err(of_model)?.into_iter().unzip();
        let (mut tensors, mut places): (Vec<TensorEntry>, Vec<Place>) = (tensors, places);
        model.tensors.append(&mut tensors);
        model.places.append(&mut places);
        model.groups.push(group);
    }
    model.layers = layers(&model.tensors, &file);
    let shards = model.groups.iter().flat_map(Group::contents).collect();
    let opened = OpenCheckpoint::of_format(&name, content, Box::new(model))?;
    Ok(opened.with_shards(shards))
}

/// The tensors of each layer: a tensor's name is its layer's, and what it is there. Converted
/// models may have more in front.
fn layers(tensors: &[TensorEntry], file: &ModelFile) -> Layers {
    let names: HashSet<String> = file.layer_names();
    let mut layers = Layers::default();
    for tensor in tensors {
        let mut parts = tensor.name.split('/');
        if let Some(layer) = parts.find(|part| names.contains(*part)) {
            let listed = layers.named.entry(layer.to_owned()).or_default();
            listed.push(tensor.name.clone());
        }
    }
    layers
}

impl Format for TensorflowJs {
    fn name(&self) -> &'static str {
        "TensorFlow.js"
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, _: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        let place = &self.places[index];
        let bytes = self.groups[place.group].bytes(place.range.clone());
        place.encoding.decode(bytes)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn description<'a>(&'a self, _: &'a [u8]) -> Option<Description<'a>> {
        let config = self.config.as_deref()?;
        Some(Description::Keras(Model {
            config: Some(config),
            layers: &self.layers,
            backend: None,
        }))
    }
}
