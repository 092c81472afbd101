//! ONNX: networks that are known in parts have the kernels, the joints and the open ends that their
//! graphs say.
//!
//! The fixtures are made by `tests/formats/make_onnx_parts.py` at the root of the repository, which
//! computes what must be found with numpy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::{Coverage, ResolvedArchitecture, n_left_over, resolve_architecture};
use cntflow_formats::OpenCheckpoint;
use cntflow_network::{LayerKind, Network, NeuronLayer};
use cntflow_storage::FullMessage;
use serde::Deserialize;

/// Largest difference of a weight.
const TOLERANCE: f32 = 1e-6;

#[derive(Deserialize)]
struct Expected {
    /// Shape and values of each tensor of the parts.
    tensors: BTreeMap<String, ExpectedTensor>,
    /// Pairs of layers, the second of which takes what the first gives.
    joined: Vec<[String; 2]>,
    /// For each layer, whether what leads to it is unknown, and what it leads to.
    open: BTreeMap<String, [bool; 2]>,
    /// Why tensors have no place.
    left_over: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ExpectedTensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("tests/data/onnx_parts").join(name)
}

fn expected(name: &str) -> Expected {
    let text = std::fs::read(fixture(&format!("{name}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn opened(name: &str) -> OpenCheckpoint {
    OpenCheckpoint::open(&fixture(&format!("{name}.onnx"))).unwrap()
}

fn resolved(name: &str, checkpoint: &OpenCheckpoint) -> (ResolvedArchitecture, Vec<Coverage>) {
    let (resolved, coverage) = resolve_architecture(checkpoint, None);
    let resolved = resolved.unwrap_or_else(|error| panic!("{name}: {}", error.full_message()));
    assert!(resolved.in_parts.is_some(), "{name} is whole");
    (resolved, coverage)
}

/// All fixtures.
const NAMES: [&str; 12] = [
    "branches",
    "columns",
    "halves",
    "layouts",
    "loop",
    "lstm_behind_conv",
    "masked",
    "norms",
    "outside",
    "quantised",
    "two_heads",
    "two_inputs",
];

/// Asserts that a network has these tensors and no others.
#[track_caller]
fn assert_tensors(name: &str, network: &Network<'_>, expected: &BTreeMap<String, ExpectedTensor>) {
    let found: BTreeMap<&str, (&[usize], &[f32])> = network
        .parameters()
        .map(|(spec, values)| (&*spec.name, (&*spec.shape, values)))
        .collect();
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), names, "{name}");
    for (tensor, expected) in expected {
        let (shape, values) = found[&**tensor];
        assert_eq!(shape, expected.shape, "{name}: {tensor}");
        let mut pairs = values.iter().zip(&expected.values);
        assert!(
            pairs.all(|(a, b)| (a - b).abs() < TOLERANCE),
            "{name}: {tensor}: {values:?}, not {:?}",
            expected.values
        );
    }
}

#[test]
fn every_part_has_the_kernels_of_the_graph_in_the_right_orientation() {
    for name in NAMES {
        let checkpoint = opened(name);
        let (resolved, _) = resolved(name, &checkpoint);
        let network = resolved.network(&checkpoint);
        let network = network.unwrap_or_else(|error| panic!("{name}: {}", error.full_message()));
        assert_tensors(name, &network, &expected(name).tensors);
    }
}

/// The layers of neurons that lead to one, itself not counted.
fn sources<'n>(network: &'n Network<'_>, layer: &NeuronLayer) -> Vec<&'n NeuronLayer> {
    let links = network.links().iter();
    let links = links.filter(|links| links.to == layer.index && links.from != layer.index);
    links.map(|links| &network.neurons()[links.from]).collect()
}

#[test]
fn parts_are_joined_where_neurons_reach_the_next_kernel_and_open_elsewhere() {
    for name in NAMES {
        let checkpoint = opened(name);
        let (resolved, _) = resolved(name, &checkpoint);
        let network = resolved.network(&checkpoint).unwrap();
        let layer = |wanted: &str| {
            let found = network.neurons().iter().find(|layer| layer.name == wanted);
            found.unwrap_or_else(|| panic!("{name}: there is no layer {wanted}"))
        };
        let Expected { joined, open, .. } = expected(name);
        for [from, to] in &joined {
            let sources = sources(&network, layer(to));
            assert!(
                sources.iter().all(|source| source.name == *from),
                "{name}: {from} leads to {to}: {sources:?}"
            );
        }
        // What is not joined begins with inputs of its own.
        for layer in network.neurons() {
            let is_joined = joined.iter().any(|[_, to]| *to == layer.name);
            let sources = sources(&network, layer);
            let begins = sources.iter().all(|source| source.kind == LayerKind::Input);
            assert_eq!(begins, !is_joined, "{name}: {}", layer.name);
        }
        for (wanted, sides) in open {
            let layer = layer(&wanted);
            let into = sources(&network, layer)
                .iter()
                .any(|source| source.open.into);
            assert_eq!([into, layer.open.from], sides, "{name}: {wanted}");
        }
    }
}

#[test]
fn constants_that_are_no_weights_have_a_reason_and_fail_nothing() {
    for name in NAMES {
        let checkpoint = opened(name);
        let (resolved, coverage) = resolved(name, &checkpoint);
        for (tensor, reason) in expected(name).left_over {
            let row = coverage
                .iter()
                .find(|row| row.tensor.name == tensor)
                .unwrap();
            assert_eq!(row.used_as, None, "{name}: {tensor}");
            assert_eq!(row.reason.as_deref(), Some(&*reason), "{name}: {tensor}");
        }
        if name == "masked" {
            // Of the constants only the vector that is added may have been trained.
            assert_eq!(n_left_over(&resolved, &checkpoint), 3);
        }
        let network = resolved.network(&checkpoint).unwrap();
        let mut values = network.parameters().flat_map(|(_, values)| values);
        assert!(values.all(|value| value.is_finite()), "{name}");
    }
}

#[test]
fn sizes_that_do_not_matter_may_be_open_in_a_whole_network() {
    let checkpoint = opened("open_sizes");
    let resolved = resolve_architecture(&checkpoint, None).0.unwrap();
    assert_eq!(resolved.in_parts, None);
    assert!(resolved.image_size_unknown);
    let assumed = "sizes of the input that the graph leaves open are taken as 256";
    assert!(resolved.assumptions.iter().any(|text| text == assumed));
    let network = resolved.network(&checkpoint).unwrap();
    assert_tensors("open_sizes", &network, &expected("open_sizes").tensors);
}

#[test]
fn names_of_tensors_in_branches_are_told_apart_by_node_and_branch() {
    let checkpoint = opened("branches");
    let names: Vec<&str> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| &*tensor.name)
        .filter(|name| name.contains("fc"))
        .collect();
    let expected = [
        "fc.weight",
        "fc.bias",
        "If_0.else_branch.fc.weight",
        "If_0.else_branch.fc.bias",
    ];
    assert_eq!(names, expected);
}

/// Opens the model with external data, with these bytes as the file of them; gives the error.
fn error_with(folder: &Path, data: Option<&[u8]>) -> String {
    let model = folder.join("outside.onnx");
    std::fs::copy(fixture("outside.onnx"), &model).unwrap();
    if let Some(data) = data {
        std::fs::write(folder.join("outside.data"), data).unwrap();
    }
    OpenCheckpoint::open(&model).unwrap_err().full_message()
}

#[test]
fn external_data_must_be_there_and_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    let missing = error_with(folder.path(), None);
    for name in ["outside.onnx", "outside.data"] {
        assert!(missing.contains(name), "{missing}");
    }
    let short = error_with(folder.path(), Some(&[0; 60]));
    let expected = "tensor b.weight has 32 bytes from byte 48 of outside.data on, which has 60";
    assert!(short.contains(expected), "{short}");
}

#[test]
fn external_data_outside_of_the_folder_is_never_opened() {
    let model = std::fs::read(fixture("outside.onnx")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Names of the same length, so that no other byte of the file changes.
    for location in [
        "/etc/passwds",
        "../../secret",
        "a/../../../b",
        "c:\\etc\\datas",
        "folder/there",
    ] {
        let inside = b"outside.data";
        assert_eq!(location.len(), inside.len());
        let mut changed = model.clone();
        let mut start = 0;
        while let Some(found) = changed[start..]
            .windows(12)
            .position(|bytes| bytes == inside)
        {
            start += found;
            changed[start..start + 12].copy_from_slice(location.as_bytes());
        }
        let path = folder.path().join("changed.onnx");
        std::fs::write(&path, changed).unwrap();
        if location == "folder/there" {
            let error = OpenCheckpoint::open(&path).unwrap_err().full_message();
            assert!(error.contains("folder/there"), "{error}");
            continue;
        }
        let checkpoint = OpenCheckpoint::open(&path).unwrap();
        for tensor in checkpoint.tensors() {
            let reason = tensor.excluded_because.as_deref().unwrap();
            assert!(
                reason.contains("outside the file's folder"),
                "{location}: {reason}"
            );
        }
    }
}
