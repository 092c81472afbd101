//! Which columns belong to which sets.

use polars::prelude::{IntoLazy, df};

use super::super::{FeatureInputs, read_features};
use super::fixture::{INPUT, Row, dense_network, layers, names, read, row, value};
use crate::population::LabelColumn;
use crate::spec::{FeatureSet, Representation};

const OUTPUT: (u32, &str, &str) = (2, "dense", "output");

fn seven_names(slots: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for slot in slots {
        for statistic in ["max", "mean", "min", "q25", "q50", "q75", "std"] {
            names.push(format!("{slot}.{statistic}"));
        }
    }
    names
}

fn all_metrics() -> Vec<Row> {
    let mut rows = dense_network("a", 1, 7.0);
    let statistics = [
        ("mean", 1.0),
        ("std", 2.0),
        ("q05", 3.0),
        ("q95", 4.0),
        ("min", 5.0),
    ];
    for metric in [
        "probe_entropy",
        "probe_margin",
        "probe_largest",
        "probe_correct",
        "probe_loss",
    ] {
        rows.push(row(OUTPUT, metric, &statistics));
    }
    for metric in [
        "neurons_strength",
        "neurons_strength_std",
        "neurons_activation",
    ] {
        rows.push(row(OUTPUT, metric, &statistics));
    }
    rows.push(row((9, "network", "network"), "all_weights", &statistics));
    rows
}

#[test]
fn baselines_have_their_own_statistics_by_position() {
    for representation in [Representation::Position, Representation::RoleNormalised] {
        let sets = ["tensor_7", "last_7", "norms", "global_7"];
        let source = read(&all_metrics(), &["a"], representation, &sets).unwrap();
        let slots = [
            "biases.end0",
            "biases.start1",
            "kernel_weights.end0",
            "kernel_weights.start1",
        ];
        assert_eq!(names(&source, "last_7"), seven_names(&[slots[0], slots[2]]));
        assert_eq!(value(&source, 0, "kernel_weights.start1.max"), 21.0);
        // The minima of both layers are equal here, and still two numbers.
        assert_eq!(names(&source, "tensor_7"), seven_names(&slots));
        let norms = slots.map(|slot| [format!("{slot}.l1"), format!("{slot}.l2")]);
        assert_eq!(names(&source, "norms"), norms.concat());
        let global = [
            "all_weights.network.mean",
            "all_weights.network.min",
            "all_weights.network.std",
        ];
        assert_eq!(names(&source, "global_7"), global);
    }
}

#[test]
fn probes_are_of_the_output_layer() {
    let sets = ["probe_confidence", "probe_accuracy", "data_dependent"];
    let source = read(&all_metrics(), &["a"], Representation::Role, &sets).unwrap();
    let of = |metric: &str| -> Vec<String> {
        let statistics = ["mean", "q05", "q95", "std"];
        statistics
            .iter()
            .map(|name| format!("{metric}.output.{name}"))
            .collect()
    };
    let confidence = [of("probe_entropy"), of("probe_largest"), of("probe_margin")].concat();
    assert_eq!(names(&source, "probe_confidence"), confidence);
    let accuracy = [
        vec!["probe_correct.output.mean".to_owned()],
        of("probe_loss"),
    ]
    .concat();
    assert_eq!(names(&source, "probe_accuracy"), accuracy);
    let data = names(&source, "data_dependent");
    assert!(
        data.iter().all(|name| name.starts_with("neurons_")) && data.len() == 12,
        "{data:?}"
    );
}

#[test]
fn families_make_up_cnt() {
    let sets = ["cnt", "cnt_without_biases", "data_dependent"];
    let source = read(&all_metrics(), &["a"], Representation::Position, &sets).unwrap();
    let metrics = |expression: &str| -> Vec<String> {
        let mut metrics: Vec<String> = names(&source, expression)
            .iter()
            .map(|name| name.split('.').next().unwrap().to_owned())
            .collect();
        metrics.dedup();
        metrics
    };
    let without_biases = [
        "coupling",
        "kernel_weights",
        "layers_fluctuation",
        "nodes_strength",
        "normalised_fluctuation_in",
        "normalised_fluctuation_out",
        "strength_abs",
        "strength_in",
        "strength_out",
    ];
    assert_eq!(metrics("cnt_without_biases"), without_biases);
    assert_eq!(metrics("link_weights"), ["link_weights"]);
    assert_eq!(
        metrics("strengths"),
        &[&without_biases[3..4], &without_biases[6..]].concat()[..]
    );
    assert_eq!(metrics("fluctuation"), ["layers_fluctuation"]);
    assert_eq!(
        metrics("wiring"),
        [
            "coupling",
            "normalised_fluctuation_in",
            "normalised_fluctuation_out"
        ]
    );
    let mut cnt = metrics("cnt - wiring");
    cnt.retain(|metric| !without_biases.contains(&metric.as_str()));
    assert_eq!(cnt, ["biases", "link_weights"]);
    assert!(
        !metrics("cnt")
            .iter()
            .any(|metric| metric.starts_with("neurons_"))
    );
}

#[test]
fn unions_hold_no_column_twice() {
    let rows = [dense_network("a", 1, 7.0), dense_network("b", 1, 8.0)].concat();
    let sets = ["cnt", "tensor_7"];
    let of = |representation| read(&rows, &["a", "b"], representation, &sets).unwrap();
    let source = of(Representation::Position);
    // `mean`, `std` and the quartiles belong to both; `min` and `max` to `tensor_7` alone.
    let union = names(&source, "cnt + tensor_7");
    let q25 = union
        .iter()
        .filter(|name| name.starts_with("kernel_weights.end0.q25"));
    assert_eq!(q25.count(), 1);
    let only = names(&source, "tensor_7 - cnt");
    assert!(!only.is_empty());
    assert!(
        only.iter()
            .all(|name| name.ends_with(".min") || name.ends_with(".max")),
        "{only:?}"
    );
    // One hidden layer: its mean over layers is the number of `start1`.
    let source = of(Representation::Role);
    let union = names(&source, "cnt + tensor_7");
    assert!(union.contains(&"kernel_weights.hidden_mean.mean".to_owned()));
    assert!(!union.contains(&"kernel_weights.start1.mean".to_owned()));
    assert!(union.contains(&"kernel_weights.output.mean".to_owned()));
    assert!(
        !union
            .iter()
            .any(|name| name.starts_with("kernel_weights.end0"))
    );
    // Normalised numbers are others than the baselines'.
    let source = of(Representation::RoleNormalised);
    let union = names(&source, "cnt + tensor_7");
    for name in [
        "kernel_weights.output.mean_normalised",
        "kernel_weights.end0.mean",
    ] {
        assert!(union.contains(&name.to_owned()), "{union:?}");
    }
}

#[test]
fn sets_that_were_not_measured_are_refused() {
    let rows = dense_network("a", 1, 7.0);
    let refused = |set: &str| {
        let source = read(&rows, &["a"], Representation::Role, &[set]);
        source.unwrap_err().to_string()
    };
    let error = refused("cnt + data_dependent");
    assert!(error.contains("measure with --probe"), "{error}");
    assert!(
        error.ends_with("neurons_strength, neurons_strength_std"),
        "{error}"
    );
    let error = refused("probe_accuracy");
    assert!(error.contains("its labels") && error.ends_with("probe_correct, probe_loss"));
    assert!(refused("global_7").ends_with("all_weights"));
    // What is left out need not be measured.
    assert!(
        read(
            &rows,
            &["a"],
            Representation::Role,
            &["cnt - data_dependent"]
        )
        .is_ok()
    );
    // Rows of other networks do not count.
    let error = read(&rows, &["b"], Representation::Role, &["norms"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("norms needs metrics that were not measured")
    );
}

#[test]
fn counts_names_and_checkpoints_are_in_no_set_but_counts() {
    let rows = all_metrics();
    let planted: Vec<Row> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let row = row
                .clone()
                .with_count(index as u64 * 1000)
                .named(&format!("n{index}"));
            row.of("planted")
        })
        .collect();
    let sets: Vec<&str> = FeatureSet::ALL
        .iter()
        .filter(|set| set.is_measured())
        .map(|set| set.name())
        .collect();
    for representation in [Representation::Position, Representation::Role] {
        let plain = read(&rows, &["a"], representation, &sets).unwrap();
        let other = read(&planted, &["planted"], representation, &sets).unwrap();
        assert_eq!(plain.table().names(), other.table().names());
        assert_eq!(
            format!("{:?}", plain.table()),
            format!("{:?}", other.table())
        );
    }
}

#[test]
fn labels_and_counts_are_read_from_networks() {
    let networks = df!(
        "checkpoint" => ["b", "a"],
        "n_parameters" => [10_u64, 100],
        "n_neurons" => [10_u64, 100],
        "n_links" => [10_u64, 100],
        "n_layers" => [10_u64, 100],
    )
    .unwrap();
    let labels = [("l2".to_owned(), LabelColumn::Numbers(vec![0.5, 0.25]))];
    let inputs = FeatureInputs {
        networks: networks.lazy(),
        layers: layers(&[row(INPUT, "strength_in", &[])]),
        checkpoints: &["a".to_owned(), "b".to_owned()],
        steps: &[3.0, 4.0],
        hyperparameters: &labels,
    };
    let expressions: Vec<_> = ["majority", "step + hyperparameters", "counts"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let source = read_features(&inputs, Representation::Role, &expressions).unwrap();
    assert!(names(&source, "majority").is_empty());
    assert_eq!(names(&source, "step + hyperparameters"), ["l2", "step"]);
    assert_eq!(names(&source, "counts").len(), 4);
    assert_eq!(value(&source, 0, "n_layers.log10"), 2.0);
    assert_eq!(value(&source, 1, "step"), 4.0);
    assert_eq!(source.select(&expressions[0]).n_rows(), 2);
}
