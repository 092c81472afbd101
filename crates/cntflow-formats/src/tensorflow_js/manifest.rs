//! `model.json`: the topology and the manifest of the weights. In the first versions the manifest
//! was a file of its own, `weights_manifest.json`.

use std::collections::{BTreeMap, HashSet};

use cntflow_storage::{FormatError, Limits};
use serde::Deserialize;
use serde_json::Value;

use crate::sharded::check_file_beside;

/// The key that tells a model from other JSON.
const MANIFEST: &str = "\"weightsManifest\"";

/// Keys of a manifest that is a file of its own.
const MANIFEST_KEYS: [&str; 2] = ["\"weights\"", "\"paths\""];

/// `model.json`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ModelFile {
    #[serde(rename = "modelTopology", default)]
    topology: Value,
    /// Groups of weights.
    #[serde(rename = "weightsManifest")]
    pub(super) groups: Vec<ListedGroup>,
    format: Option<String>,
    #[serde(rename = "generatedBy")]
    generated_by: Option<String>,
    #[serde(rename = "convertedBy")]
    converted_by: Option<String>,
}

/// Weights that lie one after the other in some files.
#[derive(Debug, Deserialize)]
pub(super) struct ListedGroup {
    /// The files, whose bytes follow each other.
    pub(super) paths: Vec<String>,
    /// The weights in their order.
    pub(super) weights: Vec<ListedWeight>,
}

/// A tensor as the manifest lists it.
#[derive(Debug, Deserialize)]
pub(super) struct ListedWeight {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: String,
    pub(super) quantization: Option<Quantization>,
}

/// How elements are quantised.
#[derive(Debug, Deserialize)]
pub(super) struct Quantization {
    /// The type in the file: `uint8`, `uint16` or `float16`.
    pub(super) dtype: String,
    /// What whole numbers are multiplied by.
    pub(super) scale: Option<f64>,
    /// What is added then.
    pub(super) min: Option<f64>,
}

/// Whether a file may be a model by its name: no other checkpoint is called so.
pub fn is_model_name(file_name: &str) -> bool {
    file_name.ends_with(".json") && !file_name.ends_with(".index.json")
}

/// Whether a JSON file is a model of TensorFlow.js, by a look at its text.
pub fn is_model(file: &[u8]) -> bool {
    let has = |needle: &&str| {
        let needle = needle.as_bytes();
        file.windows(needle.len()).any(|part| part == needle)
    };
    match file.first() {
        Some(b'{') => has(&MANIFEST),
        Some(b'[') => MANIFEST_KEYS.iter().all(has),
        _ => false,
    }
}

/// Names of the files with the weights of a model.
///
/// # Errors
/// It is larger than `limits` allow, no model, or names a file in another folder.
pub fn shards_of(file: &[u8], limits: &Limits) -> Result<Vec<String>, FormatError> {
    let groups = read(file, limits)?.groups.into_iter();
    Ok(groups.flat_map(|group| group.paths).collect())
}

/// Reads a model.
pub(super) fn read(file: &[u8], limits: &Limits) -> Result<ModelFile, FormatError> {
    let length = file.len() as u64;
    let (limit, allowed) = ("header_bytes", limits.header_bytes);
    FormatError::check_limit("bytes of the model's JSON", length, limit, allowed)?;
    let parsed = if file.first() == Some(&b'[') {
        serde_json::from_slice(file).map(|groups| ModelFile {
            groups,
            ..ModelFile::default()
        })
    } else {
        serde_json::from_slice(file)
    };
    let model = parsed
        .map_err(|error| FormatError::broken(format!("no model of TensorFlow.js: {error}")))?;
    if model.groups.is_empty() {
        let message = "no model of TensorFlow.js: its manifest lists no weights";
        return Err(FormatError::broken(message));
    }
    let n_weights = model.groups.iter().map(|group| group.weights.len() as u64);
    FormatError::check_limit("tensors", n_weights.sum(), "tensors", limits.tensors)?;
    let mut files = HashSet::new();
    for file in model.groups.iter().flat_map(|group| &group.paths) {
        check_file_beside(file, "the manifest says that there are weights")?;
        if !files.insert(file) {
            return Err(FormatError::broken(format!(
                "the manifest lists file {file} twice"
            )));
        }
    }
    FormatError::check_limit("files", files.len() as u64, "tensors", limits.tensors)?;
    Ok(model)
}

impl ModelFile {
    /// The configuration of a Keras model; `None` of a graph model.
    fn keras(&self) -> Option<&Value> {
        let of_model = self.topology.get("model_config");
        let config = of_model.unwrap_or(&self.topology);
        config.get("class_name").map(|_| config)
    }

    /// The configuration of a Keras model as text.
    pub(super) fn keras_configuration(&self) -> Option<String> {
        self.keras().map(Value::to_string)
    }

    /// Names of all layers.
    pub(super) fn layer_names(&self) -> HashSet<String> {
        let mut names = HashSet::new();
        let config = self.keras().and_then(|model| model.get("config"));
        let layers = config.map(|config| config.get("layers").unwrap_or(config));
        for layer in layers.and_then(Value::as_array).into_iter().flatten() {
            let name = layer.get("config").and_then(|config| config.get("name"));
            let name = name.or_else(|| layer.get("name"));
            names.extend(name.and_then(Value::as_str).map(str::to_owned));
        }
        names
    }

    /// Texts that the file has beside topology and manifest.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let texts = [
            ("format", &self.format),
            ("generatedBy", &self.generated_by),
            ("convertedBy", &self.converted_by),
        ];
        let given = texts
            .into_iter()
            .filter_map(|(key, text)| Some((key, text.as_ref()?)));
        given
            .map(|(key, text)| (key.to_owned(), text.clone()))
            .collect()
    }
}
