//! Keys of a group that are off by default: how biases start, L2, dropout, label noise, RMSprop,
//! orthogonal kernels.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_zoo::{
    BiasInitialisation, Dataset, PopulationSpec, RunSpec, Split, TrainedRun, TrainingData, train,
};

const DENSE: &str = "architecture = { dense = [16, 8] }";

fn draw_all(lines: &str) -> Result<Vec<RunSpec>, String> {
    let text = format!(
        "dataset = \"mnist-6k\"
        seed = 11
        checkpoints = [0]
        [[group]]
        name = \"g\"
        runs = 30
        activation = \"tanh\"
        learning_rate = {{ min = 1e-3, max = 1e-2 }}
        {lines}"
    );
    let spec: PopulationSpec = toml::from_str(&text).map_err(|error| error.to_string())?;
    spec.draw().map_err(|error| error.to_string())
}

/// Runs with an optimiser, an initialisation and one epoch, besides `lines`.
fn draw(lines: &str) -> Vec<RunSpec> {
    draw_all(&usual(lines)).unwrap()
}

fn usual(lines: &str) -> String {
    let usual = [
        DENSE,
        "optimiser = \"sgd\"",
        "epochs = 1",
        "training_fraction = [0.5, 1.0]",
        "initialisation = { kind = \"variance_scaling\", scale = 1 }",
    ];
    let key = |line: &str| line.trim().split(' ').next().map(str::to_owned);
    let given: Vec<_> = lines.lines().map(key).collect();
    let kept = usual.into_iter().filter(|line| !given.contains(&key(line)));
    kept.chain([lines]).collect::<Vec<_>>().join("\n")
}

fn data(n_images: usize) -> TrainingData {
    let open = |split| Dataset::open("mnist-6k", split).unwrap();
    TrainingData::new(
        open(Split::Train).sample(n_images),
        open(Split::Test).sample(200),
    )
}

fn train_in(run: &RunSpec, data: &TrainingData, folder: &Path) -> TrainedRun {
    train(run, data, folder, &|| false).unwrap()
}

/// The tensors of every checkpoint of a run.
fn tensors(trained: &TrainedRun) -> Vec<BTreeMap<String, Vec<f32>>> {
    let checkpoints = trained.checkpoints.iter();
    checkpoints.map(|kept| tensors_of(&kept.path)).collect()
}

fn tensors_of(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let bytes = fs_err::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |data: &[u8]| {
        let values = data.chunks_exact(4);
        values
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect()
    };
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, tensor)| (name, values(tensor.data())))
        .collect()
}

fn metadata(path: &Path) -> std::collections::HashMap<String, String> {
    let bytes = fs_err::read(path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    header.metadata().clone().unwrap()
}

#[test]
fn a_key_with_one_value_changes_nothing_else_that_is_drawn() {
    let defaults = "bias_initialisation = \"zeros\"\nl2 = 0\ndropout = 0\nlabel_noise = 0";
    assert_eq!(draw(defaults), draw(""));
    let given = "bias_initialisation = \"like_kernels\"\nl2 = 1e-4\ndropout = 0.5";
    let noise = "label_noise = { min = 0.1, max = 0.4 }";
    let with_noise = draw(noise);
    let expected: Vec<RunSpec> = draw("")
        .into_iter()
        .zip(&with_noise)
        .map(|(run, noisy)| RunSpec {
            bias_initialisation: BiasInitialisation::LikeKernels,
            l2: 1e-4,
            dropout: 0.5,
            label_noise: noisy.label_noise,
            ..run
        })
        .collect();
    assert_eq!(draw(&format!("{given}\n{noise}")), expected);
    assert!(
        with_noise
            .iter()
            .all(|run| (0.1..=0.4).contains(&run.label_noise))
    );
    assert_ne!(with_noise[0].label_noise, with_noise[1].label_noise);
}

#[test]
fn keys_take_lists_and_ranges_and_become_labels() {
    let runs = draw(
        "bias_initialisation = [\"zeros\", \"like_kernels\"]
        l2 = { min = 1e-8, max = 1e-2, scale = \"log\" }
        dropout = [0, 0.7]
        label_noise = [0, 1]",
    );
    let label = |run: &RunSpec, key: &str| {
        let labels = run.labels();
        let found = labels.iter().find(|(name, _)| *name == key);
        found.unwrap().1.to_string()
    };
    for key in ["bias_initialisation", "l2", "dropout", "label_noise"] {
        let values: std::collections::BTreeSet<_> =
            runs.iter().map(|run| label(run, key)).collect();
        let expected = if key == "l2" { 30 } else { 2 };
        assert_eq!(values.len(), expected, "{key}: {values:?}");
    }
    let names: Vec<_> = runs
        .iter()
        .map(|run| run.bias_initialisation.name())
        .collect();
    assert!(names.contains(&"zeros") && names.contains(&"like_kernels"));
    for run in &runs {
        let bytes = bincode::serialize(run).unwrap();
        assert_eq!(bincode::deserialize::<RunSpec>(&bytes).unwrap(), *run);
    }
}

#[test]
fn a_run_with_defaults_has_the_identity_of_earlier_versions() {
    let run = &draw("")[0];
    let identity = serde_json::to_string(&run.identity()).unwrap();
    let end = format!(
        "\"checkpoints\":[0,1],\"training_fraction\":{},\"seed\":{}}}",
        serde_json::to_string(&run.training_fraction).unwrap(),
        run.seed
    );
    assert!(identity.ends_with(&end), "{identity}");
    let of_all_fields = serde_json::to_string(run).unwrap();
    let of_earlier_fields = identity.strip_suffix('}').unwrap();
    assert!(of_all_fields.starts_with(of_earlier_fields));
    for (line, end) in [
        ("dropout = 0.5", ",\"dropout\":0.5}"),
        ("l2 = 0.25", ",\"l2\":0.25}"),
        ("label_noise = 1", ",\"label_noise\":1.0}"),
        (
            "bias_initialisation = \"like_kernels\"",
            ",\"bias_initialisation\":\"like_kernels\"}",
        ),
    ] {
        let identity = serde_json::to_string(&draw(line)[0].identity()).unwrap();
        assert_eq!(identity, format!("{of_earlier_fields}{end}"));
    }
}

#[test]
fn checkpoints_name_the_options_that_are_used_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let run = &draw("dropout = 0.25\nl2 = 0.001")[0];
    let trained = train_in(run, &data(60), folder.path());
    let metadata = metadata(&trained.checkpoints[1].path);
    assert_eq!((&*metadata["dropout"], &*metadata["l2"]), ("0.25", "0.001"));
    assert!(!metadata.contains_key("label_noise") && !metadata.contains_key("bias_initialisation"));
}

#[test]
fn biases_like_kernels_leave_the_kernels_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let first = |line: &str| {
        let run = &draw(line)[0];
        tensors(&train_in(run, &data(30), folder.path())).remove(0)
    };
    let zeros = first("");
    let like_kernels = first("bias_initialisation = \"like_kernels\"");
    for (name, values) in &zeros {
        if name.ends_with("weight") {
            assert_eq!(values, &like_kernels[name], "{name}");
        } else {
            assert!(values.iter().all(|&bias| bias == 0.0), "{name}");
            assert!(like_kernels[name].iter().all(|&bias| bias != 0.0), "{name}");
        }
    }
}

#[test]
fn l2_adds_two_l2_w_to_the_gradient_of_kernels_alone() {
    let folder = tempfile::tempdir().unwrap();
    // One batch: one step of plain gradient descent.
    let one_step = |line: &str| {
        let run = &draw(&format!("batch_size = 1000\n{line}"))[0];
        let trained = train_in(run, &data(60), folder.path());
        (run.learning_rate as f32, tensors(&trained))
    };
    let (rate, plain) = one_step("");
    let (_, penalised) = one_step("l2 = 2.5");
    assert_eq!(plain[0], penalised[0]);
    for (name, before) in &plain[0] {
        let l2 = if name.ends_with("weight") { 2.5 } else { 0.0 };
        for (index, weight) in before.iter().enumerate() {
            let expected = plain[1][name][index] - rate * 2.0 * l2 * weight;
            let found = penalised[1][name][index];
            assert!((found - expected).abs() < 1e-6, "{name}[{index}]");
        }
    }
}

#[test]
fn dropout_changes_training_and_not_evaluation() {
    let folder = tempfile::tempdir().unwrap();
    for architecture in [
        DENSE,
        "architecture = { gru = { units = 8 } }",
        "architecture = { convolutional = [{ filters = 4, kernel = 3, stride = 3 }] }",
    ] {
        let result = |line: &str| {
            let run = &draw(&format!("{architecture}\n{line}"))[0];
            let trained = train_in(run, &data(60), folder.path());
            let weights = tensors(&trained);
            (trained, weights)
        };
        let (plain, plain_weights) = result("");
        let (dropped, dropped_weights) = result("dropout = 0.5");
        let (start, end) = (&dropped.checkpoints[0], &dropped.checkpoints[1]);
        assert_eq!(start.train, plain.checkpoints[0].train, "{architecture}");
        assert_ne!(end.train, plain.checkpoints[1].train, "{architecture}");
        assert_eq!(plain_weights[0], dropped_weights[0], "{architecture}");
        assert_ne!(plain_weights[1], dropped_weights[1], "{architecture}");
        assert_eq!(dropped_weights, result("dropout = 0.5").1, "{architecture}");
    }
}

#[test]
fn dropout_leaves_a_network_without_hidden_layers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let result = |line: &str| {
        let run = &draw(&format!("architecture = {{ dense = [] }}\n{line}"))[0];
        tensors(&train_in(run, &data(60), folder.path()))
    };
    assert_eq!(result(""), result("dropout = 0.5"));
}

#[test]
fn wrong_labels_are_learnt_and_test_labels_stay_right() {
    let folder = tempfile::tempdir().unwrap();
    let result = |noise: &str| {
        let lines = "epochs = 6\noptimiser = \"rmsprop\"\nbatch_size = 16";
        let run = &draw(&format!("{lines}\nlabel_noise = {noise}"))[0];
        train_in(run, &data(1000), folder.path())
            .checkpoints
            .remove(1)
    };
    let (right, wrong) = (result("0"), result("1"));
    assert!(right.test.accuracy > 0.7, "{right:?}");
    // Every training image has one of the nine other classes: the right one is never learnt.
    assert!(wrong.test.accuracy < 0.1, "{wrong:?}");
    assert!(wrong.train.accuracy > 0.1, "{wrong:?}");
}

#[test]
fn orthogonal_kernels_are_orthogonal_in_every_kind_of_layer() {
    let folder = tempfile::tempdir().unwrap();
    for (architecture, name, n_rows) in [
        (DENSE, "layers.1.weight", 16),
        (
            "architecture = { convolutional = [{ filters = 4, kernel = 3 }] }",
            "layers.0.weight",
            4,
        ),
        (
            "architecture = { lstm = { units = 5 } }",
            "layers.1.weight_ih_l0",
            5,
        ),
    ] {
        let orthogonal = "initialisation = { kind = \"orthogonal\", scale = 2 }";
        let run = &draw(&format!("{architecture}\n{orthogonal}"))[0];
        assert_eq!(run.initialisation.kind.name(), "orthogonal");
        let first = tensors(&train_in(run, &data(20), folder.path())).remove(0);
        let n_columns = match name {
            "layers.1.weight" => 784,
            "layers.0.weight" => 9,
            _ => 28,
        };
        let row = |index: usize| &first[name][index * n_columns..][..n_columns];
        for (i, j) in (0..n_rows * n_rows).map(|index| (index / n_rows, index % n_rows)) {
            let product: f32 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
            let expected = if i == j { 4.0 } else { 0.0 };
            assert!(
                (product - expected).abs() < 1e-5,
                "{name}: {i}, {j}: {product}"
            );
        }
    }
}

#[test]
fn errors_name_the_option_that_is_wrong() {
    let check = |line: &str, parts: &[&str]| {
        let message = draw_all(&usual(line)).unwrap_err();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    check("l2 = -1", &["l2 = -1", "at least 0"]);
    check("dropout = 1", &["dropout = 1", "less than 1"]);
    check("label_noise = 1.5", &["label_noise = 1.5", "at most 1"]);
    check(
        "bias_initialisation = []",
        &["bias_initialisation", "at least one"],
    );
    check(
        "bias_initialisation = \"ones\"",
        &["unknown variant `ones`", "like_kernels"],
    );
    check(
        "bias_initialisation = [\"zeros\", \"like_kernels\"]
        initialisation = { kind = \"orthogonal\", scale = 1 }",
        &["bias_initialisation = [zeros, like_kernels]", "orthogonal"],
    );
    let autoencoder = "architecture = { autoencoder = { code = 8 } }";
    check(
        &format!("{autoencoder}\ndropout = [0, 0.5]"),
        &["dropout = 0.5", "autoencoders"],
    );
    check(
        &format!("{autoencoder}\nlabel_noise = {{ min = 0, max = 0.1 }}"),
        &["label_noise = 0.1", "autoencoders"],
    );
}

/// Unterthiner et al. 2020 give 4,970 parameters for images of one channel.
#[test]
fn the_small_cnn_zoo_has_4970_parameters_and_trains() {
    let folder = tempfile::tempdir().unwrap();
    let runs = draw(
        "architecture = { convolutional = [{ filters = 16, kernel = 3, stride = 2 }, { filters = 16, kernel = 3, stride = 2 }, { filters = 16, kernel = 3, stride = 2, pool = { kind = \"average\", window = \"all\" } }] }
        optimiser = [\"adam\", \"sgd\", \"rmsprop\"]
        initialisation = [{ kind = \"variance_scaling\", mode = \"average\", scale = 1 }, { kind = \"variance_scaling\", scale = 2 }, { kind = \"normal\", scale = { min = 1e-3, max = 1, scale = \"log\" } }, { kind = \"truncated_normal\", scale = 0.1 }, { kind = \"orthogonal\", scale = 1 }]
        dropout = { min = 0, max = 0.7 }
        l2 = { min = 1e-8, max = 1e-2, scale = \"log\" }
        training_fraction = [0.1, 0.25, 0.5, 1]
        epochs = 2",
    );
    for run in runs.iter().take(6) {
        let trained = train_in(run, &data(100), folder.path());
        let tensors = &tensors(&trained)[0];
        assert_eq!(tensors.values().map(Vec::len).sum::<usize>(), 4970);
        assert_eq!(tensors["layers.5.weight"].len(), 160);
    }
}
