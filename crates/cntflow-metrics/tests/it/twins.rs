//! What each twin keeps and what it changes, by the metrics.

use cntflow_metrics::{Labels, MeasureOptions, Metric, NetworkMetrics, measure};
use cntflow_metrics::{measure_with_inputs, measure_with_labels};
use cntflow_network::{Network, Tensor, Twin, TwinError};
use serde_json::{Value, json};

use crate::common::{Random, close};

/// A network with random weights. Variances are positive.
fn network(architecture: Value) -> Network<'static> {
    let mut random = Random(7);
    let architecture: cntflow_network::Architecture = serde_json::from_value(architecture).unwrap();
    let shapes = architecture.tensors().unwrap();
    Network::new(architecture, |name| {
        let spec = shapes.iter().find(|spec| spec.name == name)?;
        let mut draw = || {
            if name.ends_with("running_var") {
                random.weight().abs() + 0.5
            } else {
                random.weight()
            }
        };
        let values = (0..spec.n_values()).map(|_| draw()).collect();
        Some(Tensor::owned(&spec.shape, values))
    })
    .unwrap()
}

fn dense(units: usize, activation: &str) -> Value {
    json!({"kind": "dense", "units": units, "activation": activation})
}

fn two_dense() -> Network<'static> {
    let layers = [dense(40, "relu"), dense(30, "relu"), dense(10, "softmax")];
    network(json!({"input": [50], "layers": layers}))
}

fn values_of(network: &Network<'_>, tensor: usize) -> Vec<f32> {
    network.parameters().nth(tensor).unwrap().1.to_vec()
}

fn rows(metrics: &NetworkMetrics, metric: Metric) -> Vec<[f64; 19]> {
    let rows = metrics.layers.iter().filter(|row| row.metric == metric);
    rows.map(|row| row.summary.columns().map(|(_, value)| value))
        .collect()
}

#[test]
fn shuffling_keeps_the_links_and_changes_the_strengths() {
    let real = two_dense();
    let twin = real.twin(Twin::Shuffle, "a").unwrap();
    let sorted = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values
    };
    for kernel in [0, 2, 4] {
        let [before, after] = [&real, &twin].map(|network| values_of(network, kernel));
        assert_ne!(before, after);
        assert_eq!(sorted(before), sorted(after));
    }
    assert_eq!(values_of(&real, 1), values_of(&twin, 1), "biases stay");
    let options = MeasureOptions::default();
    let [real, twin] = [&real, &twin].map(|network| measure(network, &options));
    for metric in [Metric::LinkWeights, Metric::KernelWeights, Metric::Biases] {
        let pairs = rows(&real, metric).into_iter().zip(rows(&twin, metric));
        for (a, b) in pairs.flat_map(|(a, b)| a.into_iter().zip(b)) {
            assert!(close(a, b, 1e-12), "{metric}: {a} {b}");
        }
    }
    assert_ne!(
        rows(&real, Metric::NodesStrength),
        rows(&twin, Metric::NodesStrength)
    );
    let fluctuations = rows(&twin, Metric::NormalisedFluctuationIn);
    assert!(
        fluctuations.iter().all(|row| (0.3..2.5).contains(&row[1])),
        "{fluctuations:?}"
    );
}

#[test]
fn permuted_neurons_change_no_number() {
    let conv = |filters: usize, name: &str| {
        json!({"kind": "conv2d", "name": name, "filters": filters, "kernel": [3, 3],
               "padding": [1, 1]})
    };
    let recurrent = |kind: &str, both: bool| {
        json!({"input": [4, 5], "layers": [
            {"kind": kind, "units": 6, "bidirectional": both, "layers": 2},
            {"kind": "take_step", "which": "final"}, dense(3, "softmax")]})
    };
    let flattened = json!({"input": [4, 5], "layers": [
        {"kind": "lstm", "units": 6}, {"kind": "flatten"}, dense(3, "softmax")]});
    let images = json!({"input": [2, 6, 6], "layers": [
        {"kind": "conv2d", "filters": 5, "kernel": [3, 3], "activation": "relu"},
        {"kind": "max_pool2d", "window": [2, 2]}, {"kind": "flatten"},
        dense(7, "relu"), dense(3, "softmax")]});
    let residual = json!({"input": [2, 6, 6], "layers": [
        {"kind": "conv2d", "name": "stem", "filters": 4, "kernel": [3, 3], "padding": [1, 1],
         "activation": "relu"},
        conv(4, "one"), {"kind": "batch_norm", "activation": "relu"},
        conv(4, "two"), {"kind": "batch_norm", "name": "last"},
        {"kind": "add", "from": "stem", "activation": "relu"},
        {"kind": "conv2d", "filters": 4, "kernel": [3, 3], "groups": 4, "activation": "relu"},
        {"kind": "global_average_pool"}, dense(3, "softmax")]});
    let layers = [dense(9, "relu"), dense(8, "tanh"), dense(3, "softmax")];
    let plain = json!({"input": [6], "layers": layers});
    let mut architectures = vec![plain, flattened, images, residual];
    for kind in ["elman", "lstm", "gru"] {
        architectures.extend([recurrent(kind, false), recurrent(kind, true)]);
    }
    for architecture in architectures {
        for options in [
            json!({"precision": "double"}),
            json!({"fold_norm": false, "precision": "double"}),
        ] {
            let options: MeasureOptions = serde_json::from_value(options).unwrap();
            let real = network(architecture.clone());
            let twin = real.twin(Twin::Neurons, "a").unwrap();
            let first = |network: &Network<'_>| values_of(network, 0);
            assert_ne!(first(&real), first(&twin), "{architecture}");
            let n_values = real.neurons()[0].shape.n_values();
            let mut random = Random(3);
            let inputs: Vec<f32> = (0..3 * n_values).map(|_| random.weight()).collect();
            let measured =
                [&real, &twin].map(|n| measure_with_inputs(n, &inputs, &options).unwrap());
            assert_eq!(measured[0].layers.len(), measured[1].layers.len());
            for (a, b) in measured[0].layers.iter().zip(&measured[1].layers) {
                let columns = a.summary.columns().into_iter().zip(b.summary.columns());
                for ((name, a_value), (_, b_value)) in columns {
                    let same =
                        a_value.is_nan() && b_value.is_nan() || close(a_value, b_value, 1e-9);
                    assert!(same, "{} {} {name}: {a_value} {b_value}", a.name, a.metric);
                }
            }
        }
    }
}

#[test]
fn attention_heads_cannot_be_permuted() {
    let attention = json!({"input": [4, 6], "layers": [
        {"kind": "attention", "heads": 2}, {"kind": "take_step", "which": "last"},
        dense(3, "softmax")]});
    let error = network(attention).twin(Twin::Neurons, "a").unwrap_err();
    assert!(error.to_string().contains("attention heads"), "{error}");
}

#[test]
fn gaussian_twins_have_mean_and_deviation_and_signs_keep_magnitudes() {
    let real = network(json!({"input": [200], "layers": [dense(100, "softmax")]}));
    let moments = |values: &[f32]| {
        let n = values.len() as f64;
        let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let squares = values
            .iter()
            .map(|&w| (f64::from(w) - mean).powi(2))
            .sum::<f64>();
        (mean, (squares / n).sqrt())
    };
    let before = values_of(&real, 0);
    let gaussian = values_of(&real.twin(Twin::Gaussian, "a").unwrap(), 0);
    let ((mean, std), (drawn_mean, drawn_std)) = (moments(&before), moments(&gaussian));
    assert!((mean - drawn_mean).abs() < 0.02 && (std - drawn_std).abs() < 0.02);
    let signs = values_of(&real.twin(Twin::Sign, "a").unwrap(), 0);
    let n_negative = signs.iter().filter(|&&w| w < 0.0).count();
    assert!((9_500..10_500).contains(&n_negative), "{n_negative}");
    assert!(before.iter().zip(&signs).all(|(a, b)| a.abs() == b.abs()));
}

#[test]
fn a_twin_depends_on_the_checkpoint_and_its_kind() {
    let real = two_dense();
    let of = |name: &str| values_of(&real.twin(Twin::Shuffle, name).unwrap(), 0);
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
}

#[test]
fn weights_that_are_nan_have_no_twin() {
    let json = json!({"input": [2], "layers": [{"kind": "dense", "units": 1, "bias": false}]});
    let network = Network::new(serde_json::from_value(json).unwrap(), |_| {
        Some(Tensor::owned(&[1, 2], vec![f32::NAN, 1.0]))
    })
    .unwrap();
    for twin in Twin::ALL {
        let error = network.twin(twin, "a").unwrap_err();
        assert!(
            matches!(error, TwinError::NotFinite { n_bad: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn metrics_of_the_probe_need_labels_of_as_many_classes() {
    let labels = |n_classes: usize| Labels {
        classes: &[0, 1, 0],
        n_classes,
    };
    let n_rows = |activation: &str, n_classes: usize| {
        let network = network(json!({"input": [4], "layers": [dense(3, activation)]}));
        let options = MeasureOptions::default();
        let metrics =
            measure_with_labels(&network, &[0.5; 12], labels(n_classes), &options).unwrap();
        let probe = metrics
            .layers
            .iter()
            .filter(|row| row.metric.as_str().starts_with("probe_"));
        probe.map(|row| assert_eq!(row.summary.count, 3)).count()
    };
    assert_eq!(n_rows("softmax", 3), 5);
    assert_eq!(
        n_rows("softmax", 2),
        3,
        "no accuracy without labels that fit"
    );
    assert_eq!(n_rows("linear", 3), 5, "linear outputs are logits");
    assert_eq!(n_rows("linear", 2), 0);
    assert_eq!(n_rows("sigmoid", 3), 0);
}
