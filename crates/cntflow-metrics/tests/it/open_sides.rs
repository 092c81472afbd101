//! Networks that are known in parts: what is measured where a part begins and ends.

use cntflow_metrics::{
    KnownGraph, LayerRow, MeasureOptions, Metric, NetworkMetrics, NeuronColumns, measure,
};
use cntflow_network::{Architecture, Network, Role, Tensor, Twin};

const KERNELS: [(&str, [usize; 2], [f32; 6]); 2] = [
    ("a.weight", [3, 2], [1.0, 2.0, 3.0, -4.0, 0.5, 0.25]),
    ("b.weight", [2, 3], [1.0, -1.0, 2.0, 0.0, 3.0, 5.0]),
];

fn network(layers: &str) -> Network<'static> {
    let architecture: Architecture =
        serde_json::from_str(&format!(r#"{{"input": [], "layers": [{layers}]}}"#)).unwrap();
    let network = Network::new(architecture, |name| {
        let (_, shape, values) = KERNELS.iter().find(|(kernel, ..)| *kernel == name)?;
        Some(Tensor::owned(shape, values.to_vec()))
    });
    network.unwrap()
}

const DENSE: [&str; 2] = [
    r#"{"kind": "dense", "name": "a", "units": 3, "bias": false, "activation": "relu"}"#,
    r#"{"kind": "dense", "name": "b", "units": 2, "bias": false}"#,
];

/// A part that begins with inputs of two neurons.
fn part(open: bool, layers: &[&str], end: &str) -> String {
    let input = format!(r#"{{"kind": "input", "name": "in", "shape": [2], "open": {open}}}"#);
    [&[&*input][..], layers, &[end]].concat().join(", ")
}

fn measured(layers: &str) -> NetworkMetrics {
    measure(&network(layers), &MeasureOptions::default())
}

fn rows(metrics: &NetworkMetrics, layer: usize, metric: Metric) -> Vec<&LayerRow> {
    let rows = metrics.layers.iter();
    rows.filter(|row| row.layer == layer && row.metric == metric)
        .collect()
}

#[test]
fn an_open_side_adds_nothing_and_has_no_strength_of_its_own() {
    let whole = measured(&part(false, &DENSE, r#"{"kind": "output"}"#));
    let parts = measured(&part(true, &DENSE, r#"{"kind": "output", "open": true}"#));
    assert_eq!(
        [whole.graph, parts.graph],
        [KnownGraph::Whole, KnownGraph::Parts]
    );
    // Inputs and outputs have the unit of the boundary, open ends have not.
    assert_eq!(whole.neurons[0].strength, [5.5, -0.75]);
    assert_eq!(parts.neurons[0].strength, [4.5, -1.75]);
    assert_eq!(whole.neurons[2].strength, [3.0, 9.0]);
    assert_eq!(parts.neurons[2].strength, [2.0, 8.0]);
    assert!(parts.neurons[0].s_in.iter().all(|s| s.is_nan()));
    assert!(parts.neurons[2].s_out.iter().all(|s| s.is_nan()));
    assert_eq!(parts.neurons[0].s_out, whole.neurons[0].s_out);
    // Inside of the part all is the same.
    assert_eq!(parts.neurons[1], whole.neurons[1]);
    for (layer, metric) in [(0, Metric::StrengthIn), (2, Metric::StrengthOut)] {
        assert_eq!(rows(&whole, layer, metric).len(), 1);
        assert_eq!(rows(&parts, layer, metric).len(), 0);
    }
    let fluctuation = rows(&parts, 2, Metric::LayersFluctuation)[0];
    assert_eq!(fluctuation.summary.mean, 3.0);
    assert_eq!(
        (fluctuation.role, fluctuation.open.from),
        (Role::Unknown, true)
    );
    assert_eq!(rows(&parts, 1, Metric::Coupling).len(), 1);
}

#[test]
fn parts_are_measured_as_if_each_were_alone() {
    let first = part(true, &DENSE[..1], r#"{"kind": "output", "open": true}"#);
    let second = r#"{"kind": "input", "name": "b.in", "shape": [3], "open": true}"#;
    let both = measured(&[&*first, second, DENSE[1]].join(", "));
    let alone = measured(&first);
    // NaN is not equal to itself.
    let shown = |neurons: &[NeuronColumns]| format!("{neurons:?}");
    assert_eq!(shown(&both.neurons[..2]), shown(&alone.neurons));
    assert_eq!((both.n_layers, both.n_neurons, both.n_links), (4, 10, 12));
    assert_eq!(both.placed_parameters, 12);
    // No layer but those inside of a part has both sides.
    assert!(Metric::ALL.contains(&Metric::Coupling));
    assert!(both.layers.iter().all(|row| row.metric != Metric::Coupling));
}

#[test]
fn parts_that_are_measured_one_by_one_give_the_same() {
    let first = part(true, &DENSE[..1], r#"{"kind": "output", "open": true}"#);
    let second = r#"{"kind": "input", "name": "b.in", "shape": [3], "open": true}"#;
    let second = [second, DENSE[1], r#"{"kind": "output", "open": true}"#].join(", ");
    let mut both = measured(&[&*first, &*second].join(", "));
    let mut one_by_one = measured(&first);
    one_by_one.append_part(measured(&second));
    both.layers.retain(|row| row.metric != Metric::AllWeights);
    // NaN is not equal to itself.
    assert_eq!(format!("{one_by_one:?}"), format!("{both:?}"));
}

#[test]
fn neurons_at_open_ends_stay_in_the_twin_that_permutes_neurons() {
    let parts = network(&part(true, &DENSE, r#"{"kind": "output", "open": true}"#));
    let twin = parts.twin(Twin::Neurons, "a checkpoint").unwrap();
    let options = MeasureOptions::default();
    let [real, permuted] = [&parts, &twin].map(|network| measure(network, &options));
    for layer in [0, 2] {
        assert_eq!(
            real.neurons[layer].strength,
            permuted.neurons[layer].strength
        );
    }
}
