//! Drawing populations: determinism, sizes, messages, and the form in which runs cross processes.

use std::collections::HashSet;

use cntflow_network::Layer;
use cntflow_zoo::{LayerType, PopulationSpec, RunSpec};

/// A population whose only group has these lines in place of the usual ones of the same keys.
fn population(lines: &[&str]) -> String {
    let usual = [
        "name = \"group\"",
        "runs = 40",
        "architecture = [{ dense = [32] }, { dense = [64, 32] }]",
        "activation = [\"relu\", \"tanh\"]",
        "initialisation = { kind = \"normal\", scale = { min = 0.01, max = 0.1, scale = \"log\" } }",
        "optimiser = [\"sgd\", \"adam\"]",
        "momentum = [0.0, 0.9]",
        "learning_rate = { min = 1e-4, max = 1e-2, scale = \"log\" }",
        "batch_size = [16, 32]",
        "epochs = 8",
    ];
    let key = |line: &str| line.split(' ').next().map(str::to_owned);
    let mut text =
        "dataset = \"mnist-6k\"\nseed = 7\ncheckpoints = [0, 4, 2, 9]\n[[group]]\n".to_owned();
    let kept = usual
        .iter()
        .filter(|line| !lines.iter().any(|own| key(own) == key(line)));
    kept.chain(lines).for_each(|line| text.extend([line, "\n"]));
    text
}

fn draw(lines: &[&str]) -> Vec<RunSpec> {
    let spec: PopulationSpec = toml::from_str(&population(lines)).unwrap();
    spec.draw().unwrap()
}

fn message(lines: &[&str]) -> String {
    match toml::from_str::<PopulationSpec>(&population(lines)) {
        Ok(spec) => spec.draw().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn check_message(line: &str, parts: &[&str]) {
    let message = message(&[line]);
    parts
        .iter()
        .for_each(|part| assert!(message.contains(part), "`{part}` is not in: {message}"));
}

#[test]
fn the_same_seed_draws_the_same_runs_and_more_runs_keep_those_before() {
    let runs = draw(&[]);
    assert_eq!(runs, draw(&[]));
    assert_eq!(runs[..], draw(&["runs = 50"])[..40]);
    assert_ne!(runs[0], draw(&["name = \"other\""])[0]);
    assert_eq!(
        runs.iter()
            .map(|run| &run.run)
            .collect::<HashSet<_>>()
            .len(),
        40
    );
    assert_eq!(
        runs.iter()
            .map(|run| run.seed)
            .collect::<HashSet<_>>()
            .len(),
        40
    );
    assert_eq!(runs[17].run, "group-00017");
    assert!(
        runs.iter()
            .all(|run| (1e-4..=1e-2).contains(&run.learning_rate))
    );
    assert!(runs.iter().all(|run| run.checkpoints == [0, 2, 4, 8]));
    assert!(
        runs.iter()
            .all(|run| run.momentum == 0.0 || run.optimiser.name() == "sgd")
    );
}

#[test]
fn a_grid_holds_every_combination_once() {
    let grid = [
        "draw = \"grid\"",
        "runs = 2",
        "learning_rate = [1e-3, 1e-2]",
        "initialisation = { kind = \"variance_scaling\", mode = [\"fan_in\", \"average\"], scale = 1 }",
    ];
    let runs = draw(&grid);
    // 2 architectures, 2 activations, 3 optimisers (sgd with 2 momenta, adam), 2 rates, 2 batch
    // sizes, 2 modes; twice.
    assert_eq!(runs.len(), 2 * 2 * 3 * 2 * 2 * 2 * 2);
    let hyperparameters = |run: &RunSpec| {
        let labels = run.labels().into_iter().filter(|(key, _)| *key != "seed");
        labels
            .map(|(_, label)| label.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        runs.iter()
            .map(hyperparameters)
            .collect::<HashSet<_>>()
            .len(),
        runs.len() / 2
    );
}

#[test]
fn convolutions_are_drawn_with_their_options() {
    let runs = draw(&[
        "architecture = { convolutional = [{ filters = [4, 6], kernel = [3, 5], stride = 2, padding = 1, pool = { kind = \"max\", window = 2 } }], dense = [{ min = 8, max = 9 }] }",
    ]);
    let architecture = runs[0].architecture().unwrap();
    assert_eq!(runs[0].layer_type, LayerType::Convolutional);
    let [
        Layer::Conv2d(convolution),
        Layer::MaxPool2d(_),
        Layer::Flatten,
        Layer::Dense(hidden),
        Layer::Dense(last),
    ] = &architecture.layers[..]
    else {
        panic!("{architecture:?}");
    };
    assert_eq!(
        (convolution.kernel, convolution.stride, convolution.padding),
        ([3, 5], [2, 2], [1, 1].into())
    );
    assert_eq!(
        (convolution.name.as_str(), last.name.as_str(), last.units),
        ("layers.0", "layers.4", 10)
    );
    assert!([8, 9].contains(&hidden.units));
    let hidden_neurons = runs[0]
        .labels()
        .into_iter()
        .find(|(key, _)| *key == "hidden_neurons")
        .unwrap()
        .1;
    assert_eq!(
        hidden_neurons.to_string(),
        (convolution.filters * 14 * 13 + hidden.units).to_string()
    );
    assert!(runs[0].cost() > 0.0);
}

#[test]
fn a_run_survives_the_way_to_another_process() {
    for run in draw(&[]) {
        let bytes = bincode::serialize(&run).unwrap();
        assert_eq!(bincode::deserialize::<RunSpec>(&bytes).unwrap(), run);
    }
}

#[test]
fn errors_name_the_key_of_a_wrong_value_and_what_is_allowed() {
    check_message(
        "learning_rate = 0",
        &["group `group`", "learning_rate = 0", "greater than 0"],
    );
    check_message(
        "learning_rate = { min = 0.1, max = 0.01 }",
        &["learning_rate", "min must not be greater"],
    );
    check_message(
        "learning_rate = { min = 0, max = 1 }",
        &["learning_rate = 0", "greater than 0"],
    );
    check_message(
        "learning_rate = \"fast\"",
        &["learning_rate", "a number, a list of numbers, or a range"],
    );
    check_message(
        "learning_rate = []",
        &["learning_rate = []", "at least one value"],
    );
    check_message(
        "momentum = { min = 0, max = 0.9, scale = \"log\" }",
        &["momentum", "min above 0"],
    );
    check_message(
        "batch_size = 16.5",
        &["batch_size = 16.5", "whole number from 1"],
    );
    check_message(
        "training_fraction = 1.5",
        &["training_fraction = 1.5", "at most 1"],
    );
    check_message("momentum = 1", &["momentum = 1", "less than 1"]);
    check_message(
        "activation = \"rellu\"",
        &["activation", "unknown variant `rellu`", "leaky_relu"],
    );
    check_message(
        "activation = \"softmax\"",
        &["activation = softmax", "output layer"],
    );
    check_message(
        "optimiser = [\"adagrad\"]",
        &["optimiser", "adagrad", "rmsprop"],
    );
    check_message("runs = 0", &["runs = 0", "at least 1"]);
    check_message("name = \"a/b\"", &["name = a/b", "letters, digits"]);
    check_message(
        "draw = \"grid\"",
        &["initialisation.scale", "a grid needs a list"],
    );
    check_message("speed = 3", &["unknown field `speed`", "learning_rate"]);
    check_message(
        "initialisation = { kind = \"normal\", scale = 1, mode = \"fan_in\" }",
        &[
            "initialisation.mode = [fan_in]",
            "only kind = \"variance_scaling\"",
        ],
    );
    check_message(
        "architecture = { dens = [3] }",
        &["unknown field `dens`", "convolutional", "dense"],
    );
    let deep = "architecture = { convolutional = [{ filters = 2, kernel = 29 }] }";
    check_message(
        deep,
        &[
            "run `group-00000`: layer 0",
            "29x29 does not fit its input of 28x28",
        ],
    );
    let large = "architecture = { convolutional = [{ filters = 100, kernel = 1 }] }";
    check_message(
        large,
        &["layer 0", "78400 values for one image; the limit is 65535"],
    );
}

#[test]
fn runs_learn_one_of_several_data_sets_and_one_alone_changes_no_draw() {
    let both = draw(&["dataset = [\"mnist-6k\", \"fashion-mnist-6k\"]"]);
    let n_fashion = both
        .iter()
        .filter(|run| run.dataset == "fashion-mnist-6k")
        .count();
    assert!((10..=30).contains(&n_fashion), "{n_fashion} of 40");
    assert_eq!(draw(&["dataset = [\"mnist-6k\"]"]), draw(&[]));
    let fashion = draw(&["dataset = \"fashion-mnist-6k\""]);
    assert_eq!(fashion[3].architecture, draw(&[])[3].architecture);
    assert_eq!(fashion[3].dataset, "fashion-mnist-6k");
    check_message("dataset = []", &["dataset"]);
    check_message("dataset = [\"mnist-6k\", \"nope\"]", &["`nope`"]);
}

/// The design of the Small CNN Zoo (Unterthiner et al. 2020).
const SMALL_CNN: &str = "architecture = { convolutional = [
    { filters = 16, kernel = 3, stride = 2 },
    { filters = 16, kernel = 3, stride = 2 },
    { filters = 16, kernel = 3, stride = 2, pool = { kind = \"average\", window = \"all\" } }] }";

#[test]
fn a_pooling_of_all_gives_one_value_for_each_filter() {
    let runs = draw(&[SMALL_CNN]);
    let architecture = runs[0].architecture().unwrap();
    let [
        _,
        _,
        Layer::Conv2d(_),
        Layer::AveragePool2d(pool),
        Layer::Flatten,
        Layer::Dense(last),
    ] = &architecture.layers[..]
    else {
        panic!("{architecture:?}");
    };
    // 28 rows give 13, 6 and 2.
    assert_eq!((pool.window, pool.stride), ([2, 2], None));
    assert_eq!(last.units, 10);
    let all = "pool = { kind = \"average\", window = \"all\", stride = 1 }";
    check_message(
        &format!("architecture = {{ convolutional = [{{ filters = 2, kernel = 3, {all} }}] }}"),
        &["pool.stride = [1, 1]", "window = \"all\""],
    );
    let none = all.replace("all", "none");
    check_message(
        &format!("architecture = {{ convolutional = [{{ filters = 2, kernel = 3, {none} }}] }}"),
        &["[rows, columns] or \"all\""],
    );
}
