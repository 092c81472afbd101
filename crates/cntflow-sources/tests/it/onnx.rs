//! ONNX: networks that PyTorch's two exporters wrote give PyTorch's outputs, and every kind of
//! tensor is listed.
//!
//! The fixtures are made by `tests/formats/make_onnx.py` at the root of the repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cntflow_architecture::resolve_architecture;
use cntflow_formats::{Element, OpenCheckpoint};
use cntflow_network::{ForwardOptions, forward};
use cntflow_storage::FullMessage;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f64>>,
    tensors: BTreeMap<String, serde_json::Value>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("tests/data/onnx").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
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
    let resolved = resolve_architecture(&checkpoint, None)
        .0
        .map_err(|error| error.full_message())?;
    if let Some(reason) = resolved.in_parts {
        return Err(reason);
    }
    let network = resolved
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
                let reason = format!("of type {}, which is not read as weights", entry.element);
                assert_eq!(
                    entry.excluded_because.as_deref(),
                    Some(&*reason),
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
        let (resolved, coverage) = resolve_architecture(&checkpoint, None);
        let unused = coverage
            .iter()
            .filter(|row| row.used_as.is_none() && row.reason.is_none());
        assert_eq!(unused.count(), 0);
        let layers = resolved.unwrap().architecture.layers;
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
        let (resolved, coverage) = resolve_architecture(&checkpoint, None);
        let layers = resolved.unwrap().architecture.layers;
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
    assert_eq!(
        reason("uint64_typed"),
        "of type U64, which is not read as weights"
    );
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
