//! Models that TensorFlow.js has saved (`tests/formats/tensorflow_js`), compared with what it makes
//! of their weights, and of some inputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_network::{ForwardOptions, forward};
use cntflow_sources::scan;
use cntflow_storage::FullMessage;
use serde::Deserialize;

/// Largest difference between outputs, relative to the largest of them.
const SAME_OUTPUTS: f32 = 1e-5;

#[derive(Deserialize)]
struct Reference {
    inputs: String,
    outputs: String,
    tensors: BTreeMap<String, StoredTensor>,
}

#[derive(Deserialize)]
struct StoredTensor {
    shape: Vec<usize>,
    f32: String,
}

fn data() -> PathBuf {
    PathBuf::from("tests/data/tensorflow_js")
}

fn open(model: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&data().join(model).join("model.json")).unwrap()
}

fn reference(model: &str) -> Reference {
    let text = std::fs::read_to_string(data().join(model).join("reference.txt")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Numbers from hex of little-endian f32.
fn floats(hex: &str) -> Vec<f32> {
    let byte = |place: usize| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
    let float = |place: usize| f32::from_le_bytes([0, 2, 4, 6].map(|offset| byte(place + offset)));
    (0..hex.len()).step_by(8).map(float).collect()
}

/// Images with their channels first, of which TensorFlow.js has them last.
fn channels_first(images: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    let &[channels, rows, columns] = shape else {
        return images;
    };
    let places = rows * columns;
    let image = |image: &[f32]| -> Vec<f32> {
        let of_channel = |channel: usize| (0..places).map(move |place| place * channels + channel);
        (0..channels)
            .flat_map(of_channel)
            .map(|index| image[index])
            .collect()
    };
    images
        .chunks_exact(channels * places)
        .flat_map(image)
        .collect()
}

const MODELS: [&str; 6] = [
    "mlp",
    "mlp_uint8",
    "mlp_uint16",
    "mlp_float16",
    "cnn",
    "lstm",
];

#[test]
fn weights_are_those_of_tensorflow_js() {
    for model in MODELS {
        let (checkpoint, reference) = (open(model), reference(model));
        assert_eq!(checkpoint.format(), "TensorFlow.js");
        assert_eq!(
            checkpoint.tensors().len(),
            reference.tensors.len(),
            "{model}"
        );
        for (name, expected) in &reference.tensors {
            assert_eq!(
                checkpoint.tensor(name).unwrap().shape,
                expected.shape,
                "{model} {name}"
            );
            let values = checkpoint.values(name).unwrap();
            let bits = |values: &[f32]| {
                values
                    .iter()
                    .map(|value| value.to_bits())
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                bits(&values),
                bits(&floats(&expected.f32)),
                "{model} {name}"
            );
        }
    }
}

#[test]
fn a_layers_model_is_the_graph_that_tensorflow_js_runs() {
    for model in MODELS {
        let (checkpoint, reference) = (open(model), reference(model));
        let (resolved, coverage) = resolve_architecture(&checkpoint, None);
        let resolved = resolved.unwrap_or_else(|error| panic!("{model}: {}", error.full_message()));
        assert_eq!(resolved.source, "TensorFlow.js");
        let input = resolved.architecture.input.clone();
        let network = resolved.network(&checkpoint).unwrap();
        let expected = floats(&reference.outputs);
        let mut outputs: Vec<f32> = Vec::new();
        let last = network.neurons().len() - 1;
        let inputs = channels_first(floats(&reference.inputs), &input);
        let report = forward::<f32>(&network, &inputs, &ForwardOptions::default(), |batch| {
            if batch.layer == last {
                outputs.extend(batch.post.unwrap_or_default());
            }
        });
        assert!(report.unwrap().stopped.is_none(), "{model}");
        assert_eq!(outputs.len(), expected.len(), "{model}");
        let largest = expected
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in outputs.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= SAME_OUTPUTS * largest,
                "{model}: {found} {expected}"
            );
        }
        assert!(coverage.iter().all(|row| row.used_as.is_some()), "{model}");
    }
}

#[test]
fn quantised_weights_say_what_they_were() {
    for (model, stored) in [
        ("mlp_uint8", "U8_SCALED"),
        ("mlp_uint16", "U16_SCALED"),
        ("mlp_float16", "F16"),
    ] {
        let (_, coverage) = resolve_architecture(&open(model), None);
        let reason = format!("{stored} read as F32");
        assert!(
            coverage
                .iter()
                .all(|row| row.reason.as_ref() == Some(&reason)),
            "{model}"
        );
    }
}

/// A copy of a model that may be changed.
fn copy(model: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(data().join(model)).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

#[track_caller]
fn refused(folder: &Path, file: &str, expected: &str) {
    let error = OpenCheckpoint::open(&folder.join("model.json")).unwrap_err();
    let text = error.full_message();
    assert!(text.contains(file) && text.contains(expected), "{text}");
}

#[test]
fn missing_short_and_long_files_of_weights_are_named() {
    let folder = copy("mlp");
    let shard = |i: usize| folder.path().join(format!("group1-shard{i}of3.bin"));
    let third = std::fs::read(shard(3)).unwrap();
    std::fs::write(shard(3), &third[1..]).unwrap();
    refused(
        folder.path(),
        "shard3of3.bin",
        "header describes 900 bytes, file has 899",
    );
    std::fs::write(shard(3), [&third[..], b"x"].concat()).unwrap();
    refused(
        folder.path(),
        "shard3of3.bin",
        "header describes 900 bytes, file has 901",
    );
    std::fs::write(shard(3), &third).unwrap();
    let second = std::fs::read(shard(2)).unwrap();
    std::fs::write(shard(2), &second[..10]).unwrap();
    refused(
        folder.path(),
        "shard2of3.bin",
        "header describes 1000 bytes, file has 10",
    );
    std::fs::remove_file(shard(2)).unwrap();
    refused(folder.path(), "shard2of3.bin", "No such file");
}

#[test]
fn a_folder_is_one_checkpoint_and_its_files_of_weights_are_none() {
    let folder = copy("mlp");
    std::fs::remove_file(folder.path().join("reference.txt")).unwrap();
    let source = folder.path().to_string_lossy().into_owned();
    for source in [source.clone(), format!("{source}/model.json")] {
        let (catalog, skipped) = scan(&[source], &CatalogOptions::default()).unwrap();
        let entries = catalog.into_entries();
        let names: Vec<&str> = entries
            .iter()
            .map(|entry| entry.location.file_name())
            .collect();
        assert_eq!(names, ["model.json"]);
        assert!(skipped.is_empty(), "{skipped:?}");
    }
    // As a browser saves it, beside JSON that is no model.
    let model = std::fs::read_to_string(folder.path().join("model.json")).unwrap();
    let shards = [1, 2, 3].map(|i| {
        let path = folder.path().join(format!("group1-shard{i}of3.bin"));
        let shard = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        shard
    });
    std::fs::write(folder.path().join("mine.weights.bin"), shards.concat()).unwrap();
    let start = model.find("\"paths\":[").unwrap();
    let end = start + model[start..].find(']').unwrap();
    let model = format!(
        "{}\"paths\":[\"mine.weights.bin\"{}",
        &model[..start],
        &model[end..]
    );
    std::fs::write(folder.path().join("mine.json"), model).unwrap();
    std::fs::write(folder.path().join("model.json"), "{}").unwrap();
    let (catalog, skipped) = scan(&[source], &CatalogOptions::default()).unwrap();
    let entries = catalog.into_entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].location.file_name(), "mine.json");
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    let checkpoint = OpenCheckpoint::open(&entries[0].location.path).unwrap();
    assert_eq!(checkpoint.tensors().len(), 4);
}

#[test]
fn weights_of_a_graph_model_have_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let model = r#"{"format": "graph-model", "modelTopology": {"node": [{"name": "a", "op": "Const"}], "versions": {}},
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": [
            {"name": "fc/kernel", "shape": [2, 2], "dtype": "float32"},
            {"name": "labels", "shape": [2], "dtype": "string"},
            {"name": "fc/bias", "shape": [2], "dtype": "float32"},
            {"name": "size", "shape": [], "dtype": "int32"}]}]}"#;
    std::fs::write(folder.path().join("model.json"), model).unwrap();
    let kernel: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
    let bytes = [
        &kernel[..],
        b"\x01\0\0\0a\x02\0\0\0bc",
        &kernel[..8],
        &[7, 0, 0, 0],
    ]
    .concat();
    std::fs::write(folder.path().join("group1-shard1of1.bin"), bytes).unwrap();
    let checkpoint = OpenCheckpoint::open(&folder.path().join("model.json")).unwrap();
    assert_eq!(*checkpoint.values("fc/bias").unwrap(), [1.0, 2.0]);
    let labels = checkpoint.tensor("labels").unwrap();
    assert_eq!(labels.excluded_because.as_deref(), Some("texts: not read"));
    assert!(checkpoint.description().is_none());
    assert_eq!(checkpoint.metadata()["format"], "graph-model");
}

#[test]
fn a_manifest_may_be_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let model = data().join("mlp");
    for file in std::fs::read_dir(&model).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "model.json" {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    let text = std::fs::read_to_string(model.join("model.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let manifest = folder.path().join("mlp-weights_manifest.json");
    std::fs::write(&manifest, json["weightsManifest"].to_string()).unwrap();
    let [found, expected] = [OpenCheckpoint::open(&manifest).unwrap(), open("mlp")];
    assert_eq!(found.tensors(), expected.tensors());
    for tensor in expected.tensors() {
        let values =
            |checkpoint: &OpenCheckpoint| checkpoint.values(&tensor.name).unwrap().to_vec();
        assert_eq!(values(&found), values(&expected));
    }
    // Its kernels are known by their names, with the inputs first.
    let (resolved, _) = resolve_architecture(&found, None);
    let network = resolved.unwrap().network(&found).unwrap();
    assert!(network.links().len() >= 2);
    let sources = [folder.path().to_string_lossy().into_owned()];
    let catalog = scan(&sources, &CatalogOptions::default()).unwrap().0;
    assert_eq!(catalog.len(), 1);
}
