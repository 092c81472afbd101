//! ONNX: networks that PyTorch's two exporters wrote give PyTorch's outputs; every kind of tensor is listed; hostile files are errors.
//!
//! The fixtures are made by `tests/formats/make_onnx.py` at the root of the repository.

mod common;

use cntflow_storage::FullMessage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{Element, OpenCheckpoint};
use cntflow_network::{ForwardOptions, forward};
use cntflow_storage::{Content, Limits};
use common::bounded;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f64>>,
    tensors: BTreeMap<String, serde_json::Value>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/onnx")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn opened(file: &[u8]) -> Result<OpenCheckpoint, String> {
    let read = OpenCheckpoint::read(
        Path::new("a.onnx"),
        Content::held(file.to_vec()),
        &Limits::default(),
    );
    read.map_err(|error| error.full_message())
}

fn expected(name: &str) -> Expected {
    serde_json::from_slice(&bytes(&format!("{name}.json"))).unwrap()
}

/// The largest difference of the filled network's outputs and PyTorch's.
fn difference(name: &str) -> Result<f64, String> {
    let checkpoint = OpenCheckpoint::open(&fixture(&format!("{name}.onnx"))).unwrap();
    let Expected {
        inputs, outputs, ..
    } = expected(name);
    let understood = resolve_architecture(&checkpoint, None)
        .0
        .map_err(|error| error.full_message())?;
    let network = understood
        .network(&checkpoint)
        .map_err(|error| error.full_message())?;
    let inputs = inputs.concat();
    let last = network.neurons().len() - 1;
    let mut found = Vec::new();
    let report = forward::<f64>(&network, &inputs, &ForwardOptions::default(), |batch| {
        if batch.layer == last {
            found = batch.post.unwrap().to_vec();
        }
    });
    report.map_err(|error| error.full_message())?;
    let expected = outputs.concat();
    assert_eq!(found.len(), expected.len(), "{name}");
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    Ok(differences.fold(0.0, f64::max))
}

#[test]
fn exported_networks_give_the_outputs_of_pytorch() {
    let names = [
        "mlp_script",
        "mlp_new",
        "activations_script",
        "activations_new",
        "gelu17_script",
        "softplus_script",
        "cnn_new",
        "cnn_kept_script",
        "cnn_folded_script",
        "conv1d_script",
        "conv1d_new",
        "elman_script",
        "elman_relu_script",
        "lstm_script",
        "lstm_new",
        "lstm_hidden_script",
        "lstm_both_script",
        "lstm_both_new",
        "gru_script",
        "gru_new",
        "gru_plain_script",
        "autoencoder_script",
        "autoencoder_new",
        "conv_autoencoder_script",
        "conv_autoencoder_new",
        "residual_script",
        "residual_new",
        "tokens_script",
        "tokens_new",
        "transformer_script",
        "transformer_new",
        "pre_norm_script",
        "pre_norm_new",
        "attention_script",
        "attention_new",
        "elman_unrolled_new",
        "gru_both_new",
    ];
    let wrong: Vec<_> = names
        .iter()
        .map(|name| (name, difference(name)))
        .filter(|(_, difference)| {
            !difference
                .as_ref()
                .is_ok_and(|&difference| difference < 1e-5)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_initializer_is_listed_with_its_values() {
    for name in ["mlp_script", "cnn_kept_script", "lstm_new", "residual_new"] {
        let checkpoint = OpenCheckpoint::open(&fixture(&format!("{name}.onnx"))).unwrap();
        for (tensor, values) in expected(name).tensors {
            let entry = checkpoint.tensor(&tensor).unwrap();
            if entry.element != Element::F32 {
                assert_eq!(
                    entry.excluded_because.as_deref(),
                    Some("no real weights"),
                    "{tensor}"
                );
                continue;
            }
            let values: Vec<f32> = serde_json::from_value(values).unwrap();
            assert_eq!(
                *checkpoint.values(&tensor).unwrap(),
                values,
                "{name} {tensor}"
            );
        }
    }
}

#[test]
fn layers_are_named_after_modules_and_batch_norms_stay_where_they_are_kept() {
    let layers = |name: &str| {
        let checkpoint = OpenCheckpoint::open(&fixture(name)).unwrap();
        let (understood, coverage) = resolve_architecture(&checkpoint, None);
        let unused = coverage
            .iter()
            .filter(|row| row.used_as.is_none() && row.reason.is_none());
        assert_eq!(unused.count(), 0);
        let layers = understood.unwrap().architecture.layers;
        layers
            .iter()
            .map(|layer| layer.name().to_owned())
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
    };
    assert_eq!(layers("mlp_script.onnx"), ["0", "2", "4"]);
    assert_eq!(layers("cnn_kept_script.onnx"), ["0", "1", "4", "8"]);
    assert_eq!(layers("cnn_folded_script.onnx"), ["0", "4", "8"]);
    assert_eq!(layers("lstm_script.onnx"), ["rnn", "fc"]);
}

#[test]
fn what_only_looks_like_an_attention_is_refused() {
    let check = |how: &str, expected: &str| {
        let found = difference(&format!("attention_{how}_new"));
        let reason = found.expect_err(how);
        assert!(reason.contains(expected), "{how}: {reason}");
        assert!(reason.contains("node "), "{how}: {reason}");
    };
    check(
        "scaled",
        "scaled by 0.5, 0.7071067811865475 is needed for 2 units of a head",
    );
    check(
        "masked",
        "(Add): it takes the scores of an attention: a mask",
    );
    check(
        "filled",
        "(Where): it takes the scores of an attention: a mask",
    );
    check("sideways", "over axis Some(-2), not its keys");
    check("halved", "(Mul): it takes the weights of an attention");
    check("cross", "made of different data: it is no self-attention");
    check(
        "rectified",
        "(Relu): its input 0 is data whose axes are split or merged, or part of an attention",
    );
    check("interleaved", "queries of ");
    check("turned", "(Slice): it slices in steps");
    check("mingled", "the heads of an attention are put together as");
}

#[test]
fn layers_of_an_attention_are_named_after_its_module() {
    for name in ["transformer_script.onnx", "transformer_new.onnx"] {
        let checkpoint = OpenCheckpoint::open(&fixture(name)).unwrap();
        let (understood, coverage) = resolve_architecture(&checkpoint, None);
        let layers = understood.unwrap().architecture.layers;
        let names: Vec<_> = layers
            .iter()
            .map(|layer| layer.name())
            .filter(|name| !name.is_empty())
            .collect();
        let block = |i: usize| {
            ["self_attn", "norm1", "linear1", "linear2", "norm2"]
                .map(|own| format!("layers.{i}.{own}"))
        };
        let expected: Vec<String> = [0, 1]
            .into_iter()
            .flat_map(block)
            .chain(["fc".to_owned()])
            .collect();
        assert_eq!(names, expected, "{name}");
        let unused = coverage
            .iter()
            .filter(|row| row.tensor.element.is_real() && row.used_as.is_none());
        let unused: Vec<_> = unused
            .map(|row| (&row.tensor.name, &row.tensor.shape))
            .collect();
        assert!(
            unused
                .iter()
                .all(|(_, shape)| shape.iter().product::<usize>() == 1),
            "{unused:?}"
        );
    }
}

#[test]
fn all_types_of_elements_raw_or_not_are_the_same() {
    let checkpoint = OpenCheckpoint::open(&fixture("by_hand.onnx")).unwrap();
    for kind in ["float", "double", "float16", "bfloat16"] {
        for form in ["typed", "raw"] {
            let values = checkpoint.values(&format!("{kind}_{form}")).unwrap();
            assert_eq!(*values, [1.5, -2.0, 0.25, 3.0], "{kind} {form}");
        }
    }
    let reason = |name: &str| {
        checkpoint
            .tensor(name)
            .unwrap()
            .excluded_because
            .clone()
            .unwrap()
    };
    assert!(
        reason("outside").contains("../weights.bin"),
        "{}",
        reason("outside")
    );
    assert!(reason("outside").contains("outside the file's folder"));
    assert_eq!(reason("sparse"), "a sparse tensor: not read");
    assert_eq!(reason("uint64_typed"), "no real weights");
    assert!(checkpoint.values("outside").is_err());
    let metadata = checkpoint.metadata();
    let of = |key: &str| metadata[key].as_str();
    assert_eq!(
        [of("producer_name"), of("opset"), of("epochs")],
        ["by hand", "ai.onnx 17", "12"]
    );
    let network = resolve_architecture(&checkpoint, None).0.unwrap();
    assert_eq!(network.source, "ONNX");
    let network = network.network(&checkpoint).unwrap();
    let (_, kernel) = network.parameters().next().unwrap();
    assert_eq!(kernel, [1.5, 0.25, -2.0, 3.0]);
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let read = |name: &str| {
        let whole = bytes(name);
        let lengths = 0..whole.len();
        lengths
            .filter(|&length| opened(&whole[..length]).is_ok())
            .count()
    };
    assert_eq!(read("mlp_script.onnx"), 0);
    // After its operator set come metadata; without them it is a whole file too, since ONNX has no length of its own.
    assert_eq!(read("by_hand.onnx"), 1);
    let error = opened(&bytes("mlp_script.onnx")[..400]).unwrap_err();
    assert!(error.contains("cut short"), "{error}");
}

#[test]
fn changed_bytes_never_panic() {
    for name in ["lstm_script.onnx", "by_hand.onnx", "conv1d_new.onnx"] {
        let whole = bytes(name);
        for place in (0..whole.len()).step_by(3) {
            for change in [0xff, 0x01, 0x80] {
                let mut file = whole.clone();
                file[place] ^= change;
                if let Ok(checkpoint) = opened(&file)
                    && let Ok(understood) = resolve_architecture(&checkpoint, None).0
                {
                    let _ = understood.network(&checkpoint);
                }
            }
        }
    }
}

#[test]
fn other_files_are_not_taken_for_onnx() {
    let mut state = 1_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(1 << 16)
    .collect();
    let mut files: Vec<Vec<u8>> = random.windows(64).step_by(7).map(<[u8]>::to_vec).collect();
    files.extend(
        random
            .windows(64)
            .step_by(7)
            .map(|bytes| [&[8, 8], bytes].concat()),
    );
    let others: [&[u8]; 8] = [
        b"",
        b"\x08",
        b"\x08\x08",
        b"PK\x03\x04\x14\0\0\0\0\0data.pkl",
        b"\x80\x02}q\0(X\x01\0\0\0a.",
        b"\x93NUMPY\x01\0v\0{'descr': '<f4'}",
        b"\x89HDF\r\n\x1a\n",
        b"epoch,loss\n1,0.5\n",
    ];
    files.extend(others.map(<[u8]>::to_vec));
    for file in files {
        if let Ok(checkpoint) = opened(&file) {
            panic!("{file:?} is taken for {}", checkpoint.format());
        }
    }
}

/// A varint.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    [
        varint(field << 3 | 2),
        varint(bytes.len() as u64),
        bytes.to_vec(),
    ]
    .concat()
}

/// A model with a graph of these fields.
fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), message(7, graph), message(8, &number(2, 17))].concat()
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
    let texts = |field, names: &[&str]| {
        names
            .iter()
            .flat_map(|name| message(field, name.as_bytes()))
            .collect::<Vec<_>>()
    };
    message(
        1,
        &[
            texts(1, inputs),
            texts(2, outputs),
            message(4, operator.as_bytes()),
        ]
        .concat(),
    )
}

#[track_caller]
fn attack(file: &[u8], expected: &str) {
    let reason = bounded(|| match opened(file) {
        Err(error) => error,
        Ok(checkpoint) => resolve_architecture(&checkpoint, None)
            .0
            .unwrap_err()
            .full_message(),
    });
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn attacks_are_errors_within_a_second() {
    let tensor = |dims: &[u64], name: &str, data: &[u8]| {
        let dims: Vec<u8> = dims.iter().flat_map(|&size| number(1, size)).collect();
        message(
            5,
            &[
                dims,
                number(2, 1),
                message(8, name.as_bytes()),
                message(9, data),
            ]
            .concat(),
        )
    };
    let input = message(11, &message(1, b"x"));
    let output = message(12, &message(1, b"y"));
    attack(&model(&tensor(&[1 << 63], "w", &[])), "tensor w has shape");
    attack(
        &model(&tensor(&[1 << 62, 4], "w", &[])),
        "more elements than a file can hold",
    );
    attack(&model(&tensor(&[u64::MAX], "w", &[])), "shape [-1]");
    attack(
        &model(&tensor(&[3], "w", &[0; 8])),
        "tensor w [3] of F32 takes 12 bytes, the file has 8",
    );
    attack(&model(&tensor(&[1], "", &[0; 4])), "has no name");
    attack(
        &model(&[tensor(&[1], "w", &[0; 4]), tensor(&[1], "w", &[0; 4])].concat()),
        "twice",
    );
    attack(
        &model(&tensor(&[1; 65], "w", &[0; 4])),
        "more than 64 numbers",
    );
    let huge = [
        number(1, 8),
        vec![0x3a],
        varint(u64::MAX),
        node("Relu", &["x"], &["y"]),
    ]
    .concat();
    attack(&huge, "cut short");
    let cycle = [
        node("Relu", &["b"], &["y"]),
        node("Relu", &["y"], &["b"]),
        input.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&cycle), "the input x has 0 dimensions");
    let strange = message(
        11,
        &[
            message(1, b"x"),
            message(
                2,
                &message(
                    1,
                    &message(
                        2,
                        &[message(1, &number(1, 1)), message(1, &number(1, 2))].concat(),
                    ),
                ),
            ),
        ]
        .concat(),
    );
    let cycle = [
        node("Relu", &["b"], &["y"]),
        node("Relu", &["y"], &["b"]),
        strange.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&cycle), "nothing before it gives its input b");
    // A product with a number, and a number added to it.
    let scalar = [
        node("MatMul", &["x", "w"], &["z"]),
        node("Add", &["z", "b"], &["y"]),
        tensor(&[], "w", &[0; 4]),
        tensor(&[], "b", &[0; 4]),
        strange.clone(),
        output.clone(),
    ]
    .concat();
    attack(&model(&scalar), "(MatMul): ");
    let unknown = [node("If", &["x"], &["y"]), strange, output].concat();
    attack(&model(&unknown), "node y (If): the operator is not known");
    let many: Vec<u8> = (0..200_001)
        .flat_map(|i| message(5, &message(8, format!("{i}").as_bytes())))
        .collect();
    attack(&model(&many), "the limit tensors is 200000");
    let nodes = [0x0a, 0].repeat(1_000_001);
    attack(&model(&nodes), "nodes: 1000001");
}

#[test]
fn a_million_graphs_in_each_other_are_too_deep() {
    // Written from the innermost outwards, backwards, so that making it takes no longer than its length.
    let mut backwards: Vec<u8> = Vec::new();
    for _ in 0..1_000_000 {
        for key in [6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2] {
            let mut head = vec![key];
            head.extend(varint(backwards.len() as u64));
            head.reverse();
            backwards.extend(head);
        }
    }
    backwards.reverse();
    attack(
        &model(&backwards),
        "levels of graphs: 65, the limit depth is 64",
    );
}
