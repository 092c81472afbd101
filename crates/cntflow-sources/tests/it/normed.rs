//! State dicts of `weight_norm`, `spectral_norm` and low-rank adapters
//! (`tests/formats/make_normed.py`): the kernels are those that torch computes for evaluation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cntflow_architecture::{resolve_architecture, weight_tensors};
use cntflow_formats::OpenCheckpoint;
use cntflow_storage::FullMessage;
use serde::Deserialize;

/// Largest difference to a value of torch, which computes in `f32`, relative to the largest.
const SAME: f32 = 1e-6;

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn data() -> PathBuf {
    PathBuf::from("tests/data/normed")
}

fn open(file: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&data().join(file)).unwrap()
}

fn expected() -> BTreeMap<String, BTreeMap<String, Expected>> {
    let text = std::fs::read_to_string(data().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What a tensor is used as, and the reason beside it.
fn row(file: &str, tensor: &str) -> (Option<String>, Option<String>) {
    let (_, coverage) = resolve_architecture(&open(file), None);
    let row = coverage.into_iter().find(|row| row.tensor.name == tensor);
    row.map(|row| (row.used_as, row.reason)).unwrap()
}

fn compare(file: &str, architecture: Option<&str>, kernels: &BTreeMap<String, Expected>) {
    let checkpoint = open(&format!("{file}.pt"));
    let (resolved, _) = resolve_architecture(&checkpoint, architecture);
    let network = resolved.and_then(|resolved| resolved.network(&checkpoint));
    let network = network.unwrap_or_else(|error| panic!("{file}: {}", error.full_message()));
    for (name, expected) in kernels {
        let mut parameters = network.parameters();
        let (spec, values) = parameters.find(|(spec, _)| spec.name == *name).unwrap();
        assert_eq!(spec.shape, expected.shape, "{file} {name}");
        let largest = expected
            .values
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in values.iter().zip(&expected.values) {
            let difference = (found - expected).abs();
            assert!(
                difference <= SAME * largest,
                "{file} {name}: {found} {expected}"
            );
        }
    }
}

#[test]
fn kernels_are_put_together_as_torch_does() {
    for (file, kernels) in expected() {
        if !file.ends_with("convolutions") {
            compare(&file, None, &kernels);
        }
    }
}

#[test]
fn kernels_of_a_given_architecture_are_put_together_too() {
    let architecture = r#"{"input": [2, 9], "layers": [
        {"kind": "conv1d", "name": "0", "filters": 4, "kernel": 3, "activation": "relu"},
        {"kind": "conv_transpose1d", "name": "2", "filters": 3, "kernel": 2}]}"#;
    let expected = expected();
    for file in ["weight_norm_convolutions", "spectral_norm_convolutions"] {
        compare(file, Some(architecture), &expected[file]);
    }
}

#[test]
fn coverage_says_which_part_of_a_kernel_a_tensor_is() {
    let used_as = |file, tensor| row(file, tensor).0.unwrap();
    assert_eq!(
        used_as("weight_norm.pt", "0.weight_g"),
        "norm of kernel of 0"
    );
    assert_eq!(
        used_as("weight_norm.pt", "0.weight_v"),
        "direction of kernel of 0"
    );
    assert_eq!(used_as("weight_norm.pt", "0.bias"), "bias of 0");
    let (u, v) = (
        "left singular vector of kernel of 2",
        "right singular vector of kernel of 2",
    );
    assert_eq!(used_as("spectral_norm.pt", "2.weight_u"), u);
    assert_eq!(
        used_as("spectral_norm_new.pt", "2.parametrizations.weight.0._v"),
        v
    );
    let original = used_as("spectral_norm.pt", "2.weight_orig");
    assert_eq!(original, "unnormalised values of kernel of 2");
}

#[test]
fn low_rank_factors_are_named_and_no_part_of_the_graph() {
    let checkpoint = open("with_adapters.pt");
    let (resolved, _) = resolve_architecture(&checkpoint, None);
    let network = resolved.unwrap().network(&checkpoint).unwrap();
    assert_eq!(network.parameters().count(), 4);
    let kernel = row("with_adapters.pt", "fc1.base_layer.weight");
    assert_eq!(kernel.0.as_deref(), Some("kernel of fc1"));
    let factor = row("with_adapters.pt", "fc2.lora_B.default.weight");
    assert_eq!(factor, (None, Some("low-rank factor B of fc2".to_owned())));
    // Without the layers that they lie beside they are weights of no known architecture.
    let (used_as, reason) = row("adapters.pt", "fc1.lora_A.default.weight");
    assert_eq!(used_as.as_deref(), Some("low-rank factor A of fc1"));
    assert!(reason.unwrap().contains("the architecture is not known"));
    assert_eq!(weight_tensors(&open("adapters.pt")).count(), 4);
}
