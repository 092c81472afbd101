//! Files that Keras and h5py wrote: the tensors are those of the files bit by bit, and the embedded
//! architectures give what Keras computes. The fixtures are made by
//! `tests/formats/make_keras.py`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::OpenCheckpoint;
use cntflow_network::{Architecture, ForwardOptions, Layer, Network, forward};
use serde::Deserialize;

/// What `expected.json` has of a file.
#[derive(Deserialize)]
struct Expected {
    tensors: Vec<ExpectedTensor>,
    inputs: Option<Vec<Vec<f32>>>,
    outputs: Option<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct ExpectedTensor {
    name: String,
    shape: Vec<usize>,
    element: String,
    hex: String,
}

impl ExpectedTensor {
    fn values(&self) -> Option<Vec<f32>> {
        let digits = self.hex.as_bytes().chunks(2);
        let bytes: Vec<u8> = digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let bits = |n: usize| bytes.chunks_exact(n);
        Some(match &*self.element {
            "F64" => bits(8)
                .map(|b| f64::from_le_bytes(b.try_into().unwrap()) as f32)
                .collect(),
            "F32" => bits(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect(),
            "F16" => bits(2)
                .map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32())
                .collect(),
            "BF16" => bits(2)
                .map(|b| f32::from_bits(u32::from(b[1]) << 24 | u32::from(b[0]) << 16))
                .collect(),
            _ => return None,
        })
    }
}

fn folder() -> PathBuf {
    PathBuf::from("tests/data/keras")
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn open(name: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&folder().join(name)).unwrap()
}

#[test]
fn every_tensor_is_the_files_bit_by_bit() {
    let expected = expected();
    assert_eq!(expected.len(), 24);
    for (name, expected) in expected {
        let checkpoint = open(&name);
        let listed: Vec<_> = checkpoint
            .tensors()
            .iter()
            .map(|tensor| (&*tensor.name, &*tensor.shape, tensor.element.as_str()))
            .collect();
        let wanted: Vec<_> = expected
            .tensors
            .iter()
            .map(|tensor| (&*tensor.name, &*tensor.shape, &*tensor.element))
            .collect();
        assert_eq!(listed, wanted, "{name}");
        for tensor in &expected.tensors {
            if let Some(wanted) = tensor.values() {
                let found = checkpoint.values(&tensor.name).unwrap();
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&found), bits(&wanted), "{name}: {}", tensor.name);
            }
        }
    }
}

#[test]
fn the_observed_forward_pass_gives_what_keras_computes() {
    let mut seen = 0;
    for (name, expected) in expected() {
        let (Some(inputs), Some(outputs)) = (expected.inputs, expected.outputs) else {
            continue;
        };
        let checkpoint = open(&name);
        let resolved = resolve_architecture(&checkpoint, None)
            .0
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(resolved.source, "Keras");
        assert_eq!(resolved.assumptions, [""; 0], "{name}");
        let network = resolved
            .network(&checkpoint)
            .unwrap_or_else(|error| panic!("{error}"));
        let found = last_layer(&network, &inputs.concat());
        let wanted = outputs.concat();
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(
                (found - wanted).abs() < 1e-5,
                "{name}: {found}, Keras has {wanted}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 18);
}

fn last_layer(network: &Network<'_>, inputs: &[f32]) -> Vec<f64> {
    let last = network.neurons().len() - 1;
    let mut values = Vec::new();
    let report = forward::<f64>(network, inputs, &ForwardOptions::default(), |batch| {
        if batch.layer == last {
            values.extend_from_slice(batch.post.unwrap());
        }
    });
    assert_eq!(report.unwrap().stopped, None);
    values
}

fn architecture(name: &str) -> Architecture {
    let checkpoint = open(name);
    resolve_architecture(&checkpoint, None)
        .0
        .unwrap()
        .architecture
}

fn names(architecture: &Architecture) -> Vec<&str> {
    architecture.layers.iter().map(Layer::name).collect()
}

#[test]
fn layers_come_in_the_models_order_under_their_names() {
    let mlp = ["second", "layer10", "layer2"];
    for name in ["mlp.keras", "mlp.h5", "keras2.h5"] {
        assert_eq!(names(&architecture(name)), mlp, "{name}");
    }
    assert_eq!(
        names(&architecture("residual.keras")),
        ["stem", "a1", "a2", "", "b1", "sum", "joined", "pool", "out"]
    );
    let cnn = architecture("cnn.keras");
    assert_eq!(cnn.input, [2, 6, 5]);
    assert_eq!(architecture("lstm.keras").input, [7, 3]);
}

#[test]
fn the_state_of_the_optimizer_is_no_weight() {
    for (name, n) in [
        ("mlp.h5", 12),
        ("mlp.keras", 12),
        ("mlp.weights.h5", 12),
        ("keras2.h5", 2),
    ] {
        let checkpoint = open(name);
        let tensors = checkpoint.tensors().iter();
        let excluded_because: Vec<_> = tensors
            .filter(|tensor| tensor.excluded_because.as_deref() == Some("optimizer state"))
            .collect();
        assert_eq!(excluded_because.len(), n, "{name}");
        assert!(
            excluded_because
                .iter()
                .all(|tensor| tensor.name.starts_with("optimizer"))
        );
        if let (Ok(resolved), coverage) = resolve_architecture(&checkpoint, None) {
            let used = coverage.iter().filter(|row| row.used_as.is_some()).count();
            assert_eq!(used, 5, "{name}: {:?}", resolved.recipes);
        }
    }
}

#[test]
fn texts_are_metadata() {
    let metadata = open("keras2.h5").metadata();
    assert_eq!(metadata["keras_version"], "2.11.0");
    assert_eq!(metadata["backend"], "tensorflow");
    assert_eq!(metadata["training_config"], r#"{"loss": "mse"}"#);
    assert!(!metadata.contains_key("model_config"));
    let metadata = open("mlp.keras").metadata();
    assert_eq!(metadata["keras_version"], "3.15.1");
    assert!(metadata.contains_key("date_saved"));
    assert_eq!(
        open("keras2_weights.h5").metadata()["backend"],
        "tensorflow"
    );
}

#[test]
fn formats_are_recognised_by_their_content() {
    for (name, format) in [
        ("mlp.keras", "Keras"),
        ("keras2_weights.h5", "Keras"),
        ("mlp.weights.h5", "Keras"),
        ("any.h5", "HDF5"),
        ("any_latest.h5", "HDF5"),
    ] {
        assert_eq!(open(name).format(), format, "{name}");
    }
}

#[test]
fn dense_layers_without_a_configuration_make_a_chain() {
    for (name, layers) in [
        ("keras2_weights.h5", ["second", "layer10", "layer2"]),
        ("mlp.weights.h5", ["second", "layer10", "layer2"]),
        ("keras2.weights.h5", ["dense", "dense_1", "dense_2"]),
    ] {
        let checkpoint = open(name);
        let resolved = resolve_architecture(&checkpoint, None).0.unwrap();
        assert_eq!(names(&resolved.architecture), layers, "{name}");
        assert!(resolved.assumptions[0].contains("activations"), "{name}");
        assert_eq!(resolved.network(&checkpoint).unwrap().n_parameters(), 76);
    }
}

#[test]
fn weights_in_one_piece_are_borrowed_from_the_file() {
    for (name, tensor) in [
        ("keras2.h5", "second/kernel:0"),
        ("mlp.h5", "mlp/second/kernel"),
        ("any_latest.h5", "little_f4"),
    ] {
        let checkpoint = open(name);
        let values = checkpoint.values(tensor).unwrap();
        assert!(matches!(values, Cow::Borrowed(_)), "{name}: {tensor}");
    }
}
