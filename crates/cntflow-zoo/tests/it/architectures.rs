//! Recurrent networks and autoencoders: drawn, trained, and what their checkpoints hold.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_network::{Activation, Layer};
use cntflow_zoo::{
    Dataset, LayerType, PopulationSpec, RunSpec, RunStatus, Split, TrainedRun, TrainingData, train,
};
use serde_json::{Value, json};

const LSTM: &str = "lstm = { units = 24 }";
const AUTOENCODER: &str = "autoencoder = { hidden = [64], code = 16 }";
const CONVOLUTIONAL_AUTOENCODER: &str = "convolutional_autoencoder = [
    { filters = 4, kernel = 3, stride = 2, padding = 1 }, { filters = 8, kernel = 4, stride = 3 }]";

fn population(architecture: &str, activation: &str, lines: &str) -> String {
    format!(
        "dataset = \"mnist-6k\"
        seed = 5
        checkpoints = [0]
        [[group]]
        name = \"g\"
        draw = \"grid\"
        architecture = {{ {} }}
        activation = {activation}
        initialisation = {{ kind = \"variance_scaling\", scale = 1 }}
        optimiser = \"adam\"
        learning_rate = 5e-3
        {lines}",
        architecture.replace('\n', " ")
    )
}

fn draw(architecture: &str, activation: &str) -> Result<RunSpec, String> {
    let text = population(architecture, activation, "epochs = 4\nbatch_size = 16");
    let spec: PopulationSpec = toml::from_str(&text).map_err(|error| error.to_string())?;
    let runs = spec.draw().map_err(|error| error.to_string())?;
    Ok(runs.into_iter().next().unwrap())
}

fn data(n_images: usize) -> TrainingData {
    let open = |split| Dataset::open("mnist-6k", split).unwrap();
    TrainingData::new(
        open(Split::Train).sample(n_images),
        open(Split::Test).sample(200),
    )
}

fn train_in(run: &RunSpec, data: &TrainingData, folder: &Path) -> TrainedRun {
    let trained = train(run, data, folder, &|| false).unwrap();
    assert_eq!(trained.status, RunStatus::Trained, "{}", run.architecture);
    trained
}

fn label(run: &RunSpec, key: &str) -> String {
    let labels = run.labels();
    let found = labels.iter().find(|(name, _)| *name == key);
    found.unwrap().1.to_string()
}

/// Names and shapes of a checkpoint's tensors, and its metadata.
fn checkpoint(path: &Path) -> (BTreeMap<String, Vec<usize>>, BTreeMap<String, String>) {
    let bytes = fs_err::read(path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shapes = tensors.iter();
    let shapes = shapes.map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec()));
    let metadata = header.metadata().clone().unwrap();
    (shapes.collect(), metadata.into_iter().collect())
}

#[test]
fn recurrent_classifiers_learn() {
    let data = data(1000);
    for (architecture, activation) in [
        ("elman = { units = 48 }", "\"tanh\""),
        ("elman = { units = 48 }", "\"relu\""),
        (LSTM, "\"tanh\""),
        ("gru = { units = 24, layers = 2 }, dense = [16]", "\"silu\""),
    ] {
        let run = draw(architecture, activation).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [first, last] = &train_in(&run, &data, folder.path()).checkpoints[..] else {
            panic!("{architecture}")
        };
        assert!(last.test.accuracy > 0.4, "{architecture}: {last:?}");
        assert!(first.test.accuracy < 0.3, "{architecture}: {first:?}");
        assert!(last.train.loss < 0.75 * first.train.loss, "{last:?}");
    }
}

#[test]
fn autoencoders_learn_to_reconstruct_their_input() {
    let data = data(1000);
    for (architecture, largest) in [(AUTOENCODER, 0.06), (CONVOLUTIONAL_AUTOENCODER, 0.06)] {
        let run = draw(architecture, "\"relu\"").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [first, last] = &train_in(&run, &data, folder.path()).checkpoints[..] else {
            panic!("{architecture}")
        };
        // The untrained network answers grey, a quarter away from the squares of black and white.
        assert!((0.15..0.35).contains(&first.test.loss), "{first:?}");
        assert!(last.test.loss < largest, "{architecture}: {last:?}");
        assert!(last.train.accuracy.is_nan() && last.test.accuracy.is_nan());
        let (_, metadata) = checkpoint(&last.path);
        assert_eq!(metadata["test_loss"], last.test.loss.to_string());
        assert!(!metadata.contains_key("test_accuracy"), "{metadata:?}");
    }
}

#[test]
fn checkpoints_of_recurrent_networks_are_named_as_pytorch_names_them() {
    let run = draw("lstm = { units = 6, layers = 2 }, dense = [5]", "\"elu\"").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trained = train_in(&run, &data(50), folder.path());
    let (shapes, metadata) = checkpoint(&trained.checkpoints[1].path);
    let expected: [(&str, &[usize]); 12] = [
        ("layers.1.bias_hh_l0", &[24]),
        ("layers.1.bias_hh_l1", &[24]),
        ("layers.1.bias_ih_l0", &[24]),
        ("layers.1.bias_ih_l1", &[24]),
        ("layers.1.weight_hh_l0", &[24, 6]),
        ("layers.1.weight_hh_l1", &[24, 6]),
        ("layers.1.weight_ih_l0", &[24, 28]),
        ("layers.1.weight_ih_l1", &[24, 6]),
        ("layers.3.bias", &[5]),
        ("layers.3.weight", &[5, 6]),
        ("layers.4.bias", &[10]),
        ("layers.4.weight", &[10, 5]),
    ];
    let expected = expected.map(|(name, shape)| (name.to_owned(), shape.to_vec()));
    assert_eq!(shapes, BTreeMap::from(expected));
    assert_eq!(metadata["architecture"], run.architecture);
    assert_eq!(metadata["layer_type"], "lstm");
    let architecture = run.architecture().unwrap();
    let [Layer::Steps(_), Layer::Lstm(lstm), Layer::TakeStep(_), ..] = &architecture.layers[..]
    else {
        panic!("{architecture:?}")
    };
    assert_eq!((lstm.units, lstm.layers, lstm.activation), (6, 2, None));
    assert_eq!(label(&run, "hidden_layers"), "6r-6r-5");
    assert_eq!(label(&run, "hidden_neurons"), "17");
    assert_eq!(label(&run, "depth"), "4");
}

#[test]
fn checkpoints_of_autoencoders_hold_encoder_and_decoder() {
    let run = draw(CONVOLUTIONAL_AUTOENCODER, "\"gelu_tanh\"").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trained = train_in(&run, &data(50), folder.path());
    let (shapes, _) = checkpoint(&trained.checkpoints[1].path);
    let shape = |name: &str| shapes[name].as_slice();
    assert_eq!(shape("layers.1.weight"), [8, 4, 4, 4]);
    assert_eq!(shape("layers.2.weight"), [8, 4, 4, 4]);
    assert_eq!(shape("layers.2.bias"), [4]);
    assert_eq!(shape("layers.3.weight"), [4, 1, 3, 3]);
    assert_eq!(shape("layers.3.bias"), [1]);
    let architecture = run.architecture().unwrap();
    let [
        ..,
        Layer::ConvTranspose2d(first),
        Layer::ConvTranspose2d(last),
    ] = &architecture.layers[..]
    else {
        panic!("{architecture:?}")
    };
    // 28 -> 14 -> 4, and back: (4 - 1) * 3 + 4 = 13, one row short.
    assert_eq!(
        (first.output_padding, last.output_padding),
        ([1, 1], [1, 1])
    );
    assert_eq!(first.activation, Some(Activation::GeluTanh));
    assert_eq!(last.activation, Some(Activation::Sigmoid));
    assert_eq!(run.layer_type, LayerType::ConvolutionalAutoencoder);
    assert_eq!(label(&run, "hidden_layers"), "4c-8c-4t");
    let neurons = 4 * 14 * 14 + 8 * 4 * 4 + 4 * 14 * 14;
    assert_eq!(label(&run, "hidden_neurons"), neurons.to_string());

    let run = draw(AUTOENCODER, "\"selu\"").unwrap();
    assert_eq!(label(&run, "hidden_layers"), "64-16-64");
    assert_eq!(label(&run, "layer_type"), "autoencoder");
}

#[test]
fn the_same_run_leaves_the_same_bytes() {
    let data = data(100);
    for architecture in [
        "elman = { units = 9 }",
        LSTM,
        "gru = { units = 7, layers = 2 }",
        AUTOENCODER,
        CONVOLUTIONAL_AUTOENCODER,
    ] {
        let run = draw(architecture, "\"tanh\"").unwrap();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let bytes = |folder: &Path| {
            let trained = train_in(&run, &data, folder);
            let files = trained.checkpoints.iter();
            files
                .map(|kept| fs_err::read(&kept.path).unwrap())
                .collect::<Vec<_>>()
        };
        let first = bytes(folders[0].path());
        let on_another_thread =
            std::thread::scope(|scope| scope.spawn(|| bytes(folders[1].path())).join().unwrap());
        assert!(first == on_another_thread, "{architecture}");
        // A run that is trained anew, over what it left, leaves it the same.
        assert!(first == bytes(folders[0].path()), "{architecture}");
        let wire: RunSpec = bincode::deserialize(&bincode::serialize(&run).unwrap()).unwrap();
        assert_eq!(wire, run);
    }
}

#[test]
fn a_recurrent_run_that_diverges_is_recorded() {
    let text = population("elman = { units = 32 }", "\"relu\"", "epochs = 3")
        .replace("scale = 1 ", "scale = 10000 ");
    let spec: PopulationSpec = toml::from_str(&text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = &spec.draw().unwrap()[0];
    let trained = train(run, &data(200), folder.path(), &|| false).unwrap();
    assert!(
        matches!(&trained.status, RunStatus::Diverged(reason) if reason.contains("became") || reason.contains("was")),
        "{trained:?}"
    );
}

#[test]
fn costs_count_every_row() {
    let cost = |architecture: &str| draw(architecture, "\"tanh\"").unwrap().cost();
    let images = 3.0 * 5000.0 * 4.0 + 6000.0 * 2.0;
    let per_image = 28.0 * (4.0 * 24.0 * (28.0 + 24.0)) + 24.0 * 10.0;
    assert_eq!(cost(LSTM), per_image * images);
    assert!(cost("gru = { units = 24 }") < cost(LSTM));
    assert!(cost("lstm = { units = 24, layers = 2 }") > 1.5 * cost(LSTM));
    assert!(cost(CONVOLUTIONAL_AUTOENCODER) > 0.0);
}

fn check_message(architecture: &str, activation: &str, parts: &[&str]) {
    let message = draw(architecture, activation).unwrap_err();
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn errors_name_the_key_of_a_wrong_architecture() {
    let check = |architecture, parts: &[&str]| check_message(architecture, "\"tanh\"", parts);
    check(
        "lstm = { units = 0 }",
        &["architecture.lstm.units = 0", "from 1 to 1000000"],
    );
    check(
        "gru = { units = 8, layers = 2.5 }",
        &["architecture.gru.layers = 2.5", "from 1 to 100"],
    );
    check("elman = { unit = 8 }", &["unknown field `unit`", "`units`"]);
    check(
        "elman = { units = 8 }, lstm = { units = 8 }",
        &["architecture = elman and lstm", "one kind of layers"],
    );
    check(
        "autoencoder = { code = 8 }, dense = [3]",
        &["architecture.dense = 1 layers", "autoencoder.hidden"],
    );
    check(
        "autoencoder = { hidden = [16], code = 1.5 }",
        &["architecture.autoencoder.code = 1.5", "whole number"],
    );
    check("autoencoder = { hidden = [16] }", &["missing field `code`"]);
    check(
        "convolutional_autoencoder = []",
        &[
            "architecture.convolutional_autoencoder = []",
            "at least one",
        ],
    );
    check(
        "convolutional_autoencoder = [{ filters = 2, kernel = 3, pool = { kind = \"max\", window = 2 } }]",
        &["architecture.convolutional_autoencoder.pool", "stride"],
    );
    check(
        "convolutional_autoencoder = [{ filters = 2, kernel = 31 }]",
        &["layer 0", "31x31 does not fit its input of 28x28"],
    );
    check_message(
        "elman = { units = 8 }",
        "[\"tanh\", \"gelu\"]",
        &["activation = gelu", "tanh or relu"],
    );
    check_message(
        LSTM,
        "\"relu\"",
        &["activation = relu", "without dense layers", "tanh"],
    );
}

#[test]
fn a_window_that_cannot_be_trained_is_refused_for_the_reason_that_it_has() {
    let check = |architecture: &str, layer: usize, key: &str, value: Value, expected: &str| {
        let run = draw(architecture, "\"relu\"").unwrap();
        let mut edited: Value = serde_json::from_str(&run.architecture).unwrap();
        edited["layers"][layer][key] = value;
        let run = RunSpec {
            architecture: edited.to_string(),
            ..run
        };
        let folder = tempfile::tempdir().unwrap();
        let error = train(&run, &data(50), folder.path(), &|| false).unwrap_err();
        let expected = format!("layer {layer}: {expected}");
        assert!(error.to_string().ends_with(&expected), "{error}");
    };
    let pooled =
        "convolutional = [{ filters = 2, kernel = 3, pool = { kind = \"average\", window = 2 } }]";
    let uneven = json!([[0, 1], [0, 0]]);
    check(
        pooled,
        0,
        "padding",
        uneven.clone(),
        "expected the same padding on both sides",
    );
    check(
        pooled,
        1,
        "padding",
        uneven,
        "expected the same padding on both sides",
    );
    check(
        pooled,
        0,
        "stride",
        json!([0, 1]),
        "expected a stride of at least 1, found 0x1",
    );
    check(
        pooled,
        1,
        "ceil_mode",
        json!(true),
        "expected count_padding = true and ceil_mode = false, found count_padding = true, ceil_mode = true",
    );
    check(
        CONVOLUTIONAL_AUTOENCODER,
        2,
        "output_padding",
        json!([9, 9]),
        "expected a result that its convolution takes back to 4x4",
    );
}
