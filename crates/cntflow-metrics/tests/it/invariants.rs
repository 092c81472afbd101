//! What has to hold for networks of every kind of layer, on seeded random ones: sums of strengths,
//! permutations, scales, the channel graph, residual links, and folded norms.

use std::collections::BTreeMap;

use crate::common::{self, Random, close};
use cntflow_metrics::{
    MeasureOptions, Metric, NetworkMetrics, NeuronStatistics, measure, measure_with_inputs,
};
use cntflow_network::Architecture;
use serde_json::{Value, json};

const TRIALS: u64 = 40;

type Tensors = BTreeMap<String, Vec<f32>>;

fn options(chosen: Value) -> MeasureOptions {
    serde_json::from_value(chosen).unwrap()
}

fn architecture(input: Value, layers: Vec<Value>) -> Architecture {
    let text = json!({ "input": input, "layers": layers }).to_string();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Random values for every tensor; variances are positive.
fn tensors(architecture: &Architecture, seed: u64) -> Tensors {
    let mut tensors = common::tensors(architecture, seed);
    for (name, values) in &mut tensors {
        if name.ends_with("running_var") {
            values.iter_mut().for_each(|v| *v = v.abs() + 0.5);
        }
    }
    tensors
}

fn measured(architecture: &Architecture, tensors: &Tensors, chosen: Value) -> NetworkMetrics {
    measure(&common::network(architecture, tensors), &options(chosen))
}

fn inputs(architecture: &Architecture, n: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed ^ 0x1234);
    let values = n * architecture.input.iter().product::<usize>();
    (0..values).map(|_| random.weight()).collect()
}

/// One of the recurrent kinds, or a dense layer, over a sequence.
fn over_steps(random: &mut Random) -> Value {
    let bias = random.size(0, 1) == 1;
    let units = random.size(1, 5);
    let kind = ["dense", "elman", "lstm", "gru"][random.size(0, 3)];
    let mut layer = json!({"kind": kind, "units": units, "bias": bias});
    if kind != "dense" {
        layer["layers"] = json!(random.size(1, 3));
        layer["bidirectional"] = json!(random.size(0, 1) == 1);
    }
    layer
}

fn recurrent_chain(random: &mut Random) -> Architecture {
    let input = json!([random.size(1, 4), random.size(1, 5)]);
    let mut layers: Vec<Value> = (0..random.size(1, 3)).map(|_| over_steps(random)).collect();
    if random.size(0, 1) == 1 {
        layers.push(json!({"kind": "take_step", "which": "last"}));
        layers.push(json!({"kind": "dense", "units": random.size(1, 4)}));
    }
    architecture(input, layers)
}

/// Convolutions, transposed ones and mean poolings over one or two dimensions, some with a norm
/// behind.
fn sliding_chain(random: &mut Random) -> Architecture {
    loop {
        let dimensions = random.size(1, 2);
        let mut input = vec![random.size(1, 4)];
        input.extend((0..dimensions).map(|_| random.size(3, 7)));
        let mut layers = vec![sliding(random, dimensions)];
        for _ in 0..random.size(0, 2) {
            layers.push(sliding(random, dimensions));
            match random.size(0, 4) {
                0 => layers.push(json!({"kind": "batch_norm"})),
                1 => layers.push(json!({"kind": "group_norm", "groups": 1})),
                2 => layers.push(json!({"kind": "batch_norm", "affine": false})),
                _ => {}
            }
        }
        if random.size(0, 1) == 1 {
            layers.push(json!({"kind": "flatten"}));
            layers.push(json!({"kind": "dense", "units": random.size(1, 4)}));
        }
        let architecture = architecture(json!(input), layers);
        if architecture.plan().is_ok() {
            return architecture;
        }
    }
}

fn sliding(random: &mut Random, dimensions: usize) -> Value {
    let sizes = |low: usize, high: usize, random: &mut Random| match dimensions {
        1 => json!(random.size(low, high)),
        _ => json!([random.size(low, high), random.size(low, high)]),
    };
    let groups = random.size(1, 2);
    let kind = random.size(0, 4);
    if kind == 0 {
        let window = sizes(1, 3, random);
        return json!({"kind": format!("average_pool{dimensions}d"), "window": window, "stride": sizes(1, 2, random)});
    }
    let name = if kind < 3 { "conv" } else { "conv_transpose" };
    json!({
        "kind": format!("{name}{dimensions}d"), "filters": groups * random.size(1, 3), "groups": groups,
        "kernel": sizes(1, 3, random), "stride": sizes(1, 3, random), "padding": sizes(0, 1, random),
        "dilation": sizes(1, 2, random), "bias": random.size(0, 1) == 1,
    })
}

/// Sum of the link weights of the parts that lead to a layer: from the layer before, and from
/// itself.
fn link_sums(metrics: &NetworkMetrics, layer: usize) -> [f64; 2] {
    let mut sums = [0.0; 2];
    let rows = metrics.layers.iter().filter(|row| row.layer == layer);
    for row in rows.filter(|row| row.metric == Metric::LinkWeights && row.summary.count > 0) {
        let from_itself = row.name.contains(".hh");
        sums[usize::from(from_itself)] += row.summary.mean * row.summary.count as f64;
    }
    sums
}

fn check_sums(architecture: &Architecture, seed: u64) {
    let tensors = tensors(architecture, seed);
    let bare = json!({"bias": "exclude", "boundary": "zero", "padding": "real"});
    let metrics = measured(architecture, &tensors, bare);
    let with_biases = measured(architecture, &tensors, json!({"boundary": "zero"}));
    let mut n_links = 0;
    for (layer, neurons) in metrics.neurons.iter().enumerate() {
        let what = format!("seed {seed} layer {layer} of {architecture:?}");
        let into: f64 = neurons.s_in.iter().sum();
        let from: f64 = neurons.s_out.iter().sum();
        let led_into: f64 = link_sums(&metrics, layer).iter().sum();
        assert!(close(into, led_into, 1e-11), "{into} {led_into} {what}");
        let next = link_sums(&metrics, layer + 1)[0];
        let led_from = link_sums(&metrics, layer)[1] + next;
        assert!(close(from, led_from, 1e-11), "{from} {led_from} {what}");
        // Biases come once per neuron, and s_in less them is the same.
        let whole: f64 = with_biases.neurons[layer].s_in.iter().sum();
        let rows = with_biases.layers.iter().filter(|row| row.layer == layer);
        let biases = rows.filter(|row| row.metric == Metric::Biases).map(|row| {
            row.summary.mean * row.summary.count as f64 * neurons.shape.positions() as f64
        });
        let less = whole - biases.sum::<f64>();
        assert!(close(into, less, 1e-11), "{into} {less} {what}");
        n_links += link_count(&metrics, layer);
    }
    assert_eq!(metrics.n_links, n_links, "seed {seed} {architecture:?}");
}

fn link_count(metrics: &NetworkMetrics, layer: usize) -> u64 {
    let rows = metrics.layers.iter().filter(|row| row.layer == layer);
    let counts = rows.filter(|row| row.metric == Metric::LinkWeights);
    counts.map(|row| row.summary.count).sum()
}

#[test]
fn out_strengths_weights_and_in_strengths_have_one_sum_of_recurrent_chains() {
    for seed in 0..TRIALS {
        check_sums(&recurrent_chain(&mut Random(seed)), seed);
    }
}

#[test]
fn out_strengths_weights_and_in_strengths_have_one_sum_of_sliding_chains() {
    for seed in 0..2 * TRIALS {
        check_sums(&sliding_chain(&mut Random(seed)), seed);
    }
}

#[test]
fn out_strengths_and_in_strengths_of_a_transformer_have_one_sum() {
    for norm_first in [false, true] {
        let architecture = architecture(
            json!([4]),
            vec![
                json!({"kind": "embedding", "tokens": 7, "units": 6}),
                json!({"kind": "position_embedding", "name": "position"}),
                json!({"kind": "transformer_encoder", "heads": 2, "feed_forward": 5, "norm_first": norm_first}),
                json!({"kind": "take_step", "which": "mean"}),
                json!({"kind": "dense", "units": 3}),
            ],
        );
        let tensors = tensors(&architecture, 4);
        let total = |chosen: Value| {
            let metrics = measured(&architecture, &tensors, chosen);
            let sum = |side: fn(&cntflow_metrics::NeuronColumns) -> &Vec<f64>| -> f64 {
                metrics.neurons.iter().flat_map(side).sum()
            };
            let links: f64 = (0..metrics.neurons.len())
                .map(|layer| link_sums(&metrics, layer).iter().sum::<f64>())
                .sum();
            (sum(|n| &n.s_in), sum(|n| &n.s_out), links, metrics.n_links)
        };
        let bare = json!({"bias": "exclude", "boundary": "zero", "residual": "ignore"});
        let (into, from, links, n_bare) = total(bare);
        assert!(close(into, from, 1e-11), "{into} {from}");
        assert!(close(into, links, 1e-11), "{into} {links}");
        // Two additions of six units each, whose links all weigh 1.
        let (more_in, more_out, same, n) = total(json!({"bias": "exclude", "boundary": "zero"}));
        assert!(close(more_in, into + 12.0, 1e-11) && close(more_out, from + 12.0, 1e-11));
        assert!(close(same, links, 1e-13));
        assert_eq!(n, n_bare + 12);
    }
}

/// `values` as rows of `n` values, the rows of each block of `order.len()` rows in another order.
fn permuted_rows(values: &[f32], n: usize, order: &[usize]) -> Vec<f32> {
    let blocks = values.chunks(n * order.len());
    let rows = |block: &[f32]| -> Vec<f32> {
        let row = |&unit: &usize| block[unit * n..(unit + 1) * n].to_vec();
        order.iter().flat_map(row).collect()
    };
    blocks.flat_map(rows).collect()
}

/// Rows of `order.len()` values, each in another order.
fn permuted_columns(values: &[f32], order: &[usize]) -> Vec<f32> {
    let rows = values.chunks(order.len());
    rows.flat_map(|row| order.iter().map(|&unit| row[unit]))
        .collect()
}

fn permuted(values: &[f64], order: &[usize]) -> Vec<f64> {
    order.iter().map(|&unit| values[unit]).collect()
}

/// The named layer has its neurons in another order; all other numbers are the same.
fn check_permuted(
    architecture: &Architecture,
    tensors: [&Tensors; 2],
    layer: &str,
    order: &[usize],
) {
    let data = inputs(architecture, 9, 5);
    let [before, after] = tensors.map(|tensors| {
        let network = common::network(architecture, tensors);
        measure_with_inputs(&network, &data, &options(json!({"precision": "double"}))).unwrap()
    });
    let same = |a: &[f64], b: &[f64], what: &str| {
        assert_eq!(a.len(), b.len());
        let close = a
            .iter()
            .zip(b)
            .all(|(&a, &b)| close(a, b, 1e-12) || a.is_nan() && b.is_nan());
        assert!(close, "{what}: {a:?} {b:?}");
    };
    for (a, b) in before.neurons.iter().zip(&after.neurons) {
        let own: Vec<usize> = (0..a.len()).collect();
        let order = if a.name == layer { order } else { &own };
        let check = |x: &[f64], y: &[f64], column: &str| {
            same(&permuted(x, order), y, &format!("{} {column}", a.name));
        };
        check(&a.s_in, &b.s_in, "s_in");
        check(&a.s_out, &b.s_out, "s_out");
        check(&a.strength, &b.strength, "strength");
        check(&a.s_abs, &b.s_abs, "s_abs");
        let (Some(x), Some(y)) = (&a.data, &b.data) else {
            assert_eq!(a.layer, 0);
            continue;
        };
        let check_statistics = |x: &NeuronStatistics, y: &NeuronStatistics, quantity: &str| {
            for (x, y) in [
                (&x.mean, &y.mean),
                (&x.std, &y.std),
                (&x.min, &y.min),
                (&x.max, &y.max),
            ] {
                check(x, y, quantity);
            }
        };
        if let (Some(x), Some(y)) = (&x.pre, &y.pre) {
            check_statistics(x, y, "pre");
        }
        check_statistics(x.post.as_ref().unwrap(), y.post.as_ref().unwrap(), "post");
        for ((gate, x), (_, y)) in x.gates.iter().zip(&y.gates) {
            check_statistics(x, y, gate);
        }
    }
    assert_eq!(before.layers.len(), after.layers.len());
    for (a, b) in before.layers.iter().zip(&after.layers) {
        let (x, y) = (a.summary.columns(), b.summary.columns());
        let what = format!("{} {}", a.name, a.metric);
        let tolerance = if a.metric.needs_inputs() {
            1e-10
        } else {
            1e-12
        };
        // Where neurons differ by rounding only, the shape of their distribution is rounding's.
        let even = a.summary.std <= 1e-12 * a.summary.mean.abs();
        for ((name, x), (_, y)) in x.into_iter().zip(y) {
            let of_shape = ["skewness", "kurtosis"].contains(&name);
            let equal = close(x, y, tolerance) || x.is_nan() && y.is_nan() || even && of_shape;
            assert!(equal, "{what} {name}: {x} {y}");
        }
    }
}

#[test]
fn permuting_recurrent_units_permutes_their_rows_and_nothing_else() {
    let order = [2, 0, 4, 1, 3];
    for kind in ["elman", "lstm", "gru"] {
        let architecture = architecture(
            json!([3, 4]),
            vec![
                json!({"kind": kind, "name": "cell", "units": 5}),
                json!({"kind": "take_step", "which": "last"}),
                json!({"kind": "dense", "name": "head", "units": 3, "activation": "softmax"}),
            ],
        );
        let tensors = tensors(&architecture, 11);
        let mut other = tensors.clone();
        let rows =
            |name: &str, n: usize| (name.to_owned(), permuted_rows(&tensors[name], n, &order));
        other.extend([
            rows("cell.weight_ih_l0", 4),
            rows("cell.weight_hh_l0", 5),
            rows("cell.bias_ih_l0", 1),
            rows("cell.bias_hh_l0", 1),
        ]);
        for name in ["cell.weight_hh_l0", "head.weight"] {
            other.insert(name.into(), permuted_columns(&other[name], &order));
        }
        check_permuted(&architecture, [&tensors, &other], "cell", &order);
    }
}

#[test]
fn permuting_units_before_a_folded_norm_permutes_their_rows_and_nothing_else() {
    let order = [3, 1, 4, 0, 2];
    let architecture = architecture(
        json!([4]),
        vec![
            json!({"kind": "dense", "name": "hidden", "units": 5}),
            json!({"kind": "batch_norm", "name": "norm", "activation": "silu"}),
            json!({"kind": "dense", "name": "head", "units": 2, "activation": "linear"}),
        ],
    );
    let tensors = tensors(&architecture, 12);
    let mut other = tensors.clone();
    let names = [
        "hidden.bias",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
    ];
    for name in names {
        other.insert(name.into(), permuted_rows(&tensors[name], 1, &order));
    }
    other.insert(
        "hidden.weight".into(),
        permuted_rows(&tensors["hidden.weight"], 4, &order),
    );
    other.insert(
        "head.weight".into(),
        permuted_columns(&tensors["head.weight"], &order),
    );
    check_permuted(&architecture, [&tensors, &other], "hidden", &order);
}

#[test]
fn permuting_feed_forward_units_permutes_their_rows_and_nothing_else() {
    let order = [1, 4, 0, 3, 2];
    let architecture = architecture(
        json!([3, 4]),
        vec![
            json!({"kind": "transformer_encoder", "name": "block", "heads": 2, "feed_forward": 5, "activation": "gelu"}),
            json!({"kind": "flatten"}),
            json!({"kind": "dense", "name": "head", "units": 2, "activation": "softmax"}),
        ],
    );
    let tensors = tensors(&architecture, 13);
    let mut other = tensors.clone();
    let rows = |name: &str, n: usize| permuted_rows(&tensors[name], n, &order);
    other.insert(
        "block.linear1.weight".into(),
        rows("block.linear1.weight", 4),
    );
    other.insert("block.linear1.bias".into(), rows("block.linear1.bias", 1));
    let columns = permuted_columns(&tensors["block.linear2.weight"], &order);
    other.insert("block.linear2.weight".into(), columns);
    check_permuted(&architecture, [&tensors, &other], "block.linear1", &order);
}

#[test]
fn scaled_weights_scale_strengths() {
    let recurrent = (0..TRIALS).map(|seed| recurrent_chain(&mut Random(seed)));
    let attention = architecture(
        json!([5]),
        vec![
            json!({"kind": "embedding", "tokens": 6, "units": 4}),
            json!({"kind": "position_embedding", "name": "position"}),
            json!({"kind": "attention", "heads": 2}),
            json!({"kind": "add", "from": "position"}),
            json!({"kind": "take_step", "which": "first"}),
            json!({"kind": "dense", "units": 2}),
        ],
    );
    let transposed = architecture(
        json!([3, 2, 3]),
        vec![
            json!({"kind": "conv_transpose2d", "filters": 2, "kernel": [2, 3], "stride": [2, 1], "padding": [1, 1]}),
            json!({"kind": "conv2d", "filters": 2, "kernel": [2, 1]}),
            json!({"kind": "dense", "units": 2}),
        ],
    );
    for architecture in recurrent.chain([attention, transposed]) {
        let one = tensors(&architecture, 3);
        let mut four = one.clone();
        for values in four.values_mut() {
            values.iter_mut().for_each(|w| *w *= 4.0);
        }
        let chosen = json!({"boundary": "zero", "residual": "ignore"});
        let [one, four] = [one, four].map(|t| measured(&architecture, &t, chosen.clone()));
        let times = |values: &[f64]| values.iter().map(|x| 4.0 * x).collect::<Vec<_>>();
        for (a, b) in one.neurons.iter().zip(&four.neurons) {
            assert_eq!(times(&a.s_in), b.s_in, "{architecture:?}");
            assert_eq!(times(&a.s_out), b.s_out, "{architecture:?}");
            assert_eq!(times(&a.s_abs), b.s_abs, "{architecture:?}");
        }
        for (a, b) in one.layers.iter().zip(&four.layers) {
            let free = a.metric.as_str().starts_with("normalised")
                || a.metric.as_str().starts_with("coupling");
            let factor = if free { 1.0 } else { 4.0 };
            let (x, y) = (factor * a.summary.mean, b.summary.mean);
            assert!(
                close(x, y, 1e-13) || x.is_nan() && y.is_nan(),
                "{} {}: {x} {y}",
                a.name,
                a.metric
            );
        }
    }
}

/// Sums over the positions of each channel.
fn by_channel(values: &[f64], channels: usize) -> Vec<f64> {
    let positions = values.len() / channels;
    values
        .chunks(positions)
        .map(|run| run.iter().sum())
        .collect()
}

#[test]
fn the_channel_graph_sums_the_spatial_one() {
    // Where nothing is padded, every output of a convolution sees the whole kernel, and every input
    // of a transposed one sends to the whole of it: so that side's strength at every position is
    // the channel's, and the other side's strengths add up to as many times the channel's as the
    // first side has positions. A mean over windows side by side is both.
    let cases = [
        (
            json!([3, 9]),
            json!({"kind": "conv1d", "filters": 4, "kernel": 3, "dilation": 2}),
        ),
        (
            json!([4, 5, 6]),
            json!({"kind": "conv2d", "filters": 6, "kernel": [2, 3], "groups": 2}),
        ),
        (
            json!([4, 7, 6]),
            json!({"kind": "conv2d", "filters": 2, "kernel": [3, 2], "stride": [2, 3]}),
        ),
        (
            json!([2, 6, 4]),
            json!({"kind": "average_pool2d", "window": [3, 2]}),
        ),
        (
            json!([4, 5]),
            json!({"kind": "conv_transpose1d", "filters": 4, "kernel": 3, "stride": 2, "groups": 2}),
        ),
        (
            json!([2, 3, 4]),
            json!({"kind": "conv_transpose2d", "filters": 3, "kernel": [3, 2], "stride": [2, 3]}),
        ),
        (
            json!([2, 2, 3]),
            json!({"kind": "conv_transpose2d", "filters": 3, "kernel": [2, 2], "dilation": [2, 1]}),
        ),
    ];
    for (seed, (input, sliding)) in cases.into_iter().enumerate() {
        let kind = sliding["kind"].as_str().unwrap().to_owned();
        let norm = json!({"kind": "batch_norm"});
        let mut layers = vec![sliding];
        if !kind.starts_with("average") {
            layers.push(norm);
        }
        let architecture = architecture(input, layers);
        let tensors = tensors(&architecture, seed as u64);
        let [spatial, channel] = ["spatial", "channel"].map(|graph| {
            let chosen = json!({"conv_graph": graph, "bias": "exclude", "boundary": "zero"});
            measured(&architecture, &tensors, chosen)
        });
        let sides = |metrics: &NetworkMetrics| {
            [
                metrics.neurons[0].s_out.clone(),
                metrics.neurons[1].s_in.clone(),
            ]
        };
        let ([from, into], [whole_from, whole_into]) = (sides(&spatial), sides(&channel));
        let (even, whole_even, uneven, whole_uneven) = if kind.contains("transpose") {
            (from, whole_from, into, whole_into)
        } else {
            (into, whole_into, from, whole_from)
        };
        let positions = even.len() / whole_even.len();
        for (run, &whole) in even.chunks(positions).zip(&whole_even) {
            assert!(
                run.iter().all(|&s| close(s, whole, 1e-12)),
                "{kind}: {run:?} {whole}"
            );
        }
        let sums = by_channel(&uneven, whole_uneven.len());
        for (&sum, &whole) in sums.iter().zip(&whole_uneven) {
            let times = positions as f64 * whole;
            assert!(close(sum, times, 1e-12), "{kind}: {sum} {times}");
        }
        let link_weights = |metrics: &NetworkMetrics| link_sums(metrics, 1)[0];
        let times = positions as f64 * link_weights(&channel);
        assert!(close(link_weights(&spatial), times, 1e-12), "{kind}");
    }
}

#[test]
fn biases_of_the_channel_graph_come_once_per_channel() {
    let architecture = architecture(
        json!([2, 8]),
        vec![json!({"kind": "conv_transpose1d", "filters": 3, "kernel": 2, "stride": 2})],
    );
    let tensors = tensors(&architecture, 2);
    let of = |graph: &str, bias: &str| {
        let metrics = measured(
            &architecture,
            &tensors,
            json!({"conv_graph": graph, "bias": bias}),
        );
        metrics.neurons[1].s_in.clone()
    };
    let bias = &tensors["layer0.bias"];
    for graph in ["spatial", "channel"] {
        let (with, without) = (of(graph, "link"), of(graph, "exclude"));
        let positions = with.len() / 3;
        for (neuron, (with, without)) in with.iter().zip(&without).enumerate() {
            assert!(close(
                with - without,
                f64::from(bias[neuron / positions]),
                1e-12
            ));
        }
    }
}

#[test]
fn residual_links_count_one_at_both_ends() {
    // The first addition joins the linear layer before it, the second is a layer of its own behind
    // a rectifier.
    let architecture = architecture(
        json!([4]),
        vec![
            json!({"kind": "dense", "name": "a", "units": 4, "activation": "relu"}),
            json!({"kind": "dense", "name": "b", "units": 4}),
            json!({"kind": "add", "name": "s", "from": "a", "activation": "relu"}),
            json!({"kind": "dense", "name": "c", "units": 4, "activation": "relu"}),
            json!({"kind": "add", "name": "t", "from": "s"}),
            json!({"kind": "dense", "name": "d", "units": 2}),
        ],
    );
    let tensors = tensors(&architecture, 6);
    let [links, ignored] = ["links", "ignore"]
        .map(|residual| measured(&architecture, &tensors, json!({"residual": residual})));
    let names: Vec<_> = links
        .neurons
        .iter()
        .map(|layer| layer.name.as_str())
        .collect();
    assert_eq!(names, ["input", "a", "b", "c", "t", "d"]);
    assert_eq!(links.n_links, ignored.n_links + 12);
    let more = |side: fn(&cntflow_metrics::NeuronColumns) -> &Vec<f64>| -> Vec<f64> {
        let both = links.neurons.iter().zip(&ignored.neurons);
        both.map(|(a, b)| side(a)[1] - side(b)[1]).collect()
    };
    let check = |found: Vec<f64>, expected: [f64; 6]| {
        let mut both = found.iter().zip(expected);
        assert!(
            both.all(|(a, b)| close(*a, b, 1e-12)),
            "{found:?} {expected:?}"
        );
    };
    check(more(|n| &n.s_in), [0.0, 0.0, 1.0, 0.0, 2.0, 0.0]);
    check(more(|n| &n.s_out), [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    check(more(|n| &n.s_abs), [0.0, 1.0, 2.0, 1.0, 2.0, 0.0]);
    assert_eq!(link_sums(&links, 4), [0.0, 0.0]);
}

#[test]
fn folded_norms_change_the_graph_and_not_the_outputs() {
    for seed in 0..TRIALS {
        let mut random = Random(seed ^ 0x77);
        let norm = |random: &mut Random| match random.size(0, 2) {
            0 => {
                json!({"kind": "batch_norm", "affine": random.size(0, 1) == 1, "activation": "relu"})
            }
            1 => json!({"kind": "group_norm", "groups": 2, "activation": "silu"}),
            _ => json!({"kind": "layer_norm", "activation": "tanh"}),
        };
        let bias = random.size(0, 1) == 1;
        let layers = vec![
            json!({"kind": "conv2d", "filters": 4, "kernel": [2, 2], "bias": bias, "groups": random.size(1, 2)}),
            norm(&mut random),
            json!({"kind": "conv_transpose2d", "filters": 2, "kernel": [2, 3], "stride": [2, 1], "groups": 2}),
            norm(&mut random),
            json!({"kind": "flatten"}),
            json!({"kind": "dense", "units": 4, "bias": bias}),
            norm(&mut random),
            json!({"kind": "dense", "units": 3, "activation": "softmax"}),
        ];
        let architecture = architecture(json!([2, 4, 3]), layers);
        let tensors = tensors(&architecture, seed);
        let network = common::network(&architecture, &tensors);
        let data = inputs(&architecture, 6, seed);
        let [folded, apart] = [true, false].map(|fold_norm| {
            let chosen = options(json!({"fold_norm": fold_norm, "precision": "double"}));
            measure_with_inputs(&network, &data, &chosen).unwrap()
        });
        assert!(apart.neurons.len() > folded.neurons.len());
        let last = |metrics: &NetworkMetrics| {
            let data = metrics.neurons.last().unwrap().data.clone().unwrap();
            data.post.unwrap()
        };
        let (a, b) = (last(&folded), last(&apart));
        for (x, y) in a.mean.iter().chain(&a.std).zip(b.mean.iter().chain(&b.std)) {
            assert!(close(*x, *y, 1e-11), "seed {seed}: {x} {y}");
        }
    }
}
