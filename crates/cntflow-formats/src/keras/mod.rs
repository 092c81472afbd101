//! Keras: whole models and weights only, of all versions, in HDF5, `.weights.h5` and `.keras`; and
//! HDF5 files of any other origin, whose datasets are listed by path.
//!
//! Keras writes two layouts of tensors. The older one (`legacy_h5`) is that of Keras 2 and of the
//! whole models that Keras 3 writes as `.h5`: the attributes `layer_names` and `weight_names` list
//! layers and tensors in order. The newer one (`keras3`) is that of `.weights.h5` and `.keras`:
//! below `layers` there is a group for each layer, named after its class. Whole models also have
//! their configuration as JSON.

mod archive;
mod keras3;
mod legacy_h5;
mod listing;
mod model;

use std::borrow::Cow;
use std::collections::BTreeMap;

use cntflow_storage::{Content, FormatError, Limits};

use super::hdf5::{self, Hdf5};
use crate::{
    Description, TensorEntry,
    format::{Format, OpenResult},
};
use listing::Listing;
pub use model::{Layers, Model};

/// An opened file.
#[derive(Debug)]
struct KerasFile {
    name: &'static str,
    hdf5: Hdf5,
    tensors: Vec<TensorEntry>,
    /// Index of each tensor's dataset.
    datasets: Vec<usize>,
    metadata: BTreeMap<String, String>,
    config: Option<String>,
    layers: Layers,
}

/// Whether the file is HDF5, or a zip with the members of `.keras`.
pub(super) fn recognises(file: &[u8]) -> bool {
    hdf5::recognises(file) || archive::recognises(file)
}

/// Opens a file of any of the layouts.
pub(super) fn open(file: &Content, limits: &Limits) -> OpenResult {
    if hdf5::recognises(file) {
        let hdf5 = Hdf5::open(file, limits)?;
        let config = hdf5.text("", "model_config").map(str::to_owned);
        let metadata = root_texts(&hdf5);
        return list_tensors(hdf5, config, metadata);
    }
    let archive = archive::read(file, limits)?;
    let hdf5 = Hdf5::open(&archive.weights, limits)
        .map_err(|error| error.within("member model.weights.h5"))?;
    let mut metadata = root_texts(&hdf5);
    metadata.extend(archive.metadata.as_deref().map(texts).unwrap_or_default());
    list_tensors(hdf5, Some(archive.config), metadata)
}

/// The texts of the attributes of the root and of `model_weights`, without the configuration, which
/// is part of the description.
fn root_texts(hdf5: &Hdf5) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for group in ["model_weights", ""] {
        for (name, list) in hdf5.groups.get(group).into_iter().flatten() {
            if let [text] = list.as_slice()
                && name != "model_config"
            {
                texts.insert(name.clone(), text.clone());
            }
        }
    }
    texts.remove("layer_names");
    texts
}

/// The texts in a JSON object.
fn texts(json: &str) -> BTreeMap<String, String> {
    let object: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(json).unwrap_or_default();
    let texts = object.into_iter().filter_map(|(key, value)| match value {
        serde_json::Value::String(text) => Some((key, text)),
        _ => None,
    });
    texts.collect()
}

/// Lists the tensors of an HDF5 file by its layout.
fn list_tensors(
    hdf5: Hdf5,
    config: Option<String>,
    metadata: BTreeMap<String, String>,
) -> OpenResult {
    let (name, listing) = if let Some(listing) = legacy_h5::read(&hdf5)? {
        ("Keras", listing)
    } else if let Some(listing) = keras3::read(&hdf5) {
        ("Keras", listing)
    } else {
        ("HDF5", plain(&hdf5))
    };
    let mut tensors = Vec::with_capacity(hdf5.datasets.len());
    let mut datasets = Vec::with_capacity(hdf5.datasets.len());
    for (name, index, excluded_because) in listing.tensors {
        let dataset = &hdf5.datasets[index];
        tensors.push(TensorEntry {
            name,
            shape: dataset.shape.clone(),
            element: dataset.element,
            excluded_because: excluded_because.or_else(|| dataset.excluded_because.clone()),
        });
        datasets.push(index);
    }
    Ok(Box::new(KerasFile {
        name,
        hdf5,
        tensors,
        datasets,
        metadata,
        config,
        layers: listing.layers,
    }))
}

/// All datasets by their paths.
fn plain(hdf5: &Hdf5) -> Listing {
    let datasets = hdf5.datasets.iter().enumerate();
    Listing {
        tensors: datasets
            .map(|(index, dataset)| (dataset.path.clone(), index, None))
            .collect(),
        layers: Layers::default(),
    }
}

impl Format for KerasFile {
    fn name(&self) -> &'static str {
        self.name
    }

    fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    fn elements<'a>(&'a self, _file: &'a [u8], index: usize) -> Result<Cow<'a, [u8]>, FormatError> {
        self.hdf5.elements(self.datasets[index])
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.metadata.clone()
    }

    fn description<'a>(&'a self, _file: &'a [u8]) -> Option<Description<'a>> {
        Some(Description::Keras(Model {
            config: self.config.as_deref(),
            layers: &self.layers,
            backend: self.metadata.get("backend").map(String::as_str),
        }))
    }
}
