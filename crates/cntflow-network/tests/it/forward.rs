//! The forward pass against plain loops, on seeded random inputs and every geometry.

use cntflow_network::{
    Activation, Architecture, Axis, ForwardOptions, LinkLayer, Links, Network, NetworkError, Real,
    Tensor, Weights, Window, forward,
};

fn random(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn network(json: &str) -> Network<'static> {
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let specs = architecture.tensors().unwrap();
    let network = Network::new(architecture, |name| {
        let index = specs.iter().position(|spec| spec.name == name)?;
        let values = random(index as u64, specs[index].n_values());
        Some(Tensor::owned(&specs[index].shape, values))
    });
    network.unwrap()
}

const NETWORKS: [&str; 6] = [
    r#"{"input": [7], "layers": [{"kind": "dense", "units": 5, "activation": "gelu"},
        {"kind": "dense", "units": 600, "bias": false, "activation": "leaky_relu"},
        {"kind": "dense", "units": 700, "activation": "relu"}, {"kind": "dense", "units": 3, "activation": "softmax"}]}"#,
    r#"{"input": [2, 7, 5], "layers": [
        {"kind": "conv2d", "filters": 3, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 2], "activation": "tanh"},
        {"kind": "max_pool2d", "window": [2, 3], "stride": [1, 2], "padding": [1, 1]},
        {"kind": "flatten"}, {"kind": "dense", "units": 4, "activation": "sigmoid"}]}"#,
    r#"{"input": [4, 9, 8], "layers": [
        {"kind": "conv2d", "filters": 6, "kernel": [2, 3], "dilation": [3, 2], "padding": [2, 3], "groups": 2, "bias": false,
            "activation": "relu"},
        {"kind": "average_pool2d", "window": [3, 2], "padding": [1, 0]}, {"kind": "dense", "units": 4, "activation": "linear"}]}"#,
    r#"{"input": [3, 4, 4], "layers": [{"kind": "conv2d", "filters": 3, "kernel": [2, 2], "stride": [3, 3], "groups": 3,
        "activation": "linear"}, {"kind": "conv2d", "filters": 2, "kernel": [1, 1], "padding": [3, 3], "activation": "linear"}]}"#,
    r#"{"input": [1, 2, 6], "layers": [{"kind": "conv2d", "filters": 2, "kernel": [5, 5], "padding": [4, 4], "stride": [1, 2],
        "activation": "linear"}, {"kind": "max_pool2d", "window": [2, 2]}]}"#,
    r#"{"input": [2, 8, 9], "layers": [
        {"kind": "conv2d", "filters": 3, "kernel": [3, 4], "stride": [2, 2], "padding": [[0, 1], [3, 0]], "activation": "tanh"},
        {"kind": "average_pool2d", "window": [3, 2], "stride": [2, 1], "padding": [[2, 0], [0, 1]], "count_padding": false},
        {"kind": "average_pool2d", "window": [2, 2], "padding": [[0, 1], [1, 0]], "ceil_mode": true},
        {"kind": "max_pool2d", "window": [2, 2], "stride": [1, 3], "padding": [[1, 0], [0, 1]], "ceil_mode": true}]}"#,
];

#[test]
fn every_layer_equals_plain_loops() {
    for json in NETWORKS {
        check::<f64>(&network(json), 1e-13);
        check::<f32>(&network(json), 2e-5);
    }
}

fn check<T: Real>(network: &Network<'_>, tolerance: f64) {
    let n = network.neurons()[0].shape.n_neurons();
    let inputs = random(99, 11 * n);
    let options = ForwardOptions {
        batch: 4,
        ..ForwardOptions::default()
    };
    let mut n_checked = 0;
    let report = forward::<T>(network, &inputs, &options, |batch| {
        let inputs = inputs[batch.first_input * n..]
            .chunks(n)
            .take(batch.n_inputs);
        for (row, input) in inputs.enumerate() {
            let (pre, post) = layers(network, input).swap_remove(batch.layer - 1);
            let run = row * batch.n_neurons..(row + 1) * batch.n_neurons;
            for (found, expected) in [(batch.pre, pre), (batch.post.unwrap(), post)] {
                let largest = expected.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
                for (found, expected) in found[run.clone()].iter().zip(expected) {
                    let difference = (found.to_f64() - expected).abs();
                    assert!(
                        difference <= tolerance * largest,
                        "{} {difference}",
                        batch.layer
                    );
                }
            }
            n_checked += 1;
        }
    });
    assert_eq!(report.unwrap().n_inputs, 11);
    assert_eq!(n_checked, 11 * network.graph().links.len());
}

/// Pre- and post-activations of one input, layer by layer.
fn layers(network: &Network<'_>, input: &[f32]) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut z: Vec<f64> = input.iter().map(|&x| f64::from(x)).collect();
    let layers = network.links().iter().map(|layer| {
        let weights = network.weights(layer);
        let given = |weights: Option<Weights<'_>>| match weights {
            Some(Weights::Single(values)) => Some(values.to_vec()),
            _ => None,
        };
        let (kernel, bias) = (
            given(weights.kernel).unwrap_or_default(),
            given(weights.bias),
        );
        let pre = pre_activations(layer, &kernel, bias.as_deref(), &z);
        let activation = network.neurons()[layer.to].activation.unwrap();
        z = activate(activation, &pre);
        (pre, z.clone())
    });
    layers.collect()
}

fn activate(activation: Activation, pre: &[f64]) -> Vec<f64> {
    let total: f64 = pre.iter().map(|s| s.exp()).sum();
    let phi = |s: f64| match activation {
        Activation::Linear => s,
        Activation::Relu => s.max(0.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-s).exp()),
        Activation::Tanh => s.tanh(),
        Activation::LeakyRelu => s.max(0.01 * s),
        Activation::Gelu => s * (1.0 + libm::erf(s / 2.0_f64.sqrt())) / 2.0,
        Activation::Softmax => s.exp() / total,
        other => unreachable!("{other:?} is in no network here"),
    };
    pre.iter().map(|&s| phi(s)).collect()
}

fn pre_activations(layer: &LinkLayer, kernel: &[f32], bias: Option<&[f32]>, z: &[f64]) -> Vec<f64> {
    let b = |unit: usize| bias.map_or(0.0, |bias| f64::from(bias[unit]));
    match layer.links {
        Links::Dense { n_in, n_out } => {
            let s = |unit: usize| {
                let row = &kernel[unit * n_in..][..n_in];
                row.iter()
                    .zip(z)
                    .map(|(&w, z)| f64::from(w) * z)
                    .sum::<f64>()
                    + b(unit)
            };
            (0..n_out).map(s).collect()
        }
        Links::Conv2d {
            channels,
            filters,
            groups,
            window,
        } => {
            let fan_in = channels / groups;
            let s = |filter: usize, output: usize| {
                let first = filter / (filters / groups) * fan_in;
                let channel = |c: usize| {
                    let taps = &kernel[(filter * fan_in + c) * window.taps()..];
                    let inputs =
                        visible_inputs(&window, &z[(first + c) * window.inputs()..], output);
                    inputs.map(|(tap, z)| f64::from(taps[tap]) * z).sum::<f64>()
                };
                (0..fan_in).map(channel).sum::<f64>() + b(filter)
            };
            let outputs = window.outputs();
            (0..filters * outputs)
                .map(|j| s(j / outputs, j % outputs))
                .collect()
        }
        Links::MaxPool2d { window, .. } => pooled(&window, z, |values| {
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        Links::AveragePool2d {
            window, counted, ..
        } => {
            let ones = vec![1.0; counted.inputs()];
            let sizes = pooled(&counted, &ones, |ones| ones.iter().sum());
            let sums = pooled(&window, z, |values| values.iter().sum());
            let sizes = sizes.iter().cycle();
            sums.iter().zip(sizes).map(|(sum, n)| sum / n).collect()
        }
        _ => unreachable!("{layer:?} is in no network here"),
    }
}

fn pooled(window: &Window, z: &[f64], pool: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let channels = z.chunks(window.inputs());
    let pooled = channels.flat_map(|z| {
        (0..window.outputs()).map(|output| {
            visible_inputs(window, z, output)
                .map(|(_, z)| z)
                .collect::<Vec<_>>()
        })
    });
    pooled.map(|values| pool(&values)).collect()
}

/// Taps and the real places of one channel they see from an output.
fn visible_inputs<'a>(
    window: &Window,
    z: &'a [f64],
    output: usize,
) -> impl Iterator<Item = (usize, f64)> + use<'a> {
    let Window { rows, columns } = *window;
    let input_of = |axis: Axis, o: usize, tap: usize| {
        let input = (o * axis.stride + tap * axis.dilation).checked_sub(axis.padding)?;
        (input < axis.input).then_some(input)
    };
    (0..window.taps()).filter_map(move |tap| {
        let row = input_of(rows, output / columns.output, tap / columns.kernel)?;
        let column = input_of(columns, output % columns.output, tap % columns.kernel)?;
        Some((tap, z[row * columns.input + column]))
    })
}

#[test]
fn batches_differ_by_rounding_only() {
    let network = network(NETWORKS[1]);
    let inputs = random(5, 9 * 70);
    let [one, many] = [1, 1000].map(|batch| {
        let mut all = vec![Vec::new(); 4];
        let options = ForwardOptions {
            batch,
            ..ForwardOptions::default()
        };
        forward::<f64>(&network, &inputs, &options, |batch| {
            all[batch.layer].extend(batch.pre.to_vec())
        })
        .unwrap();
        all.concat()
    });
    assert_eq!(one.len(), many.len());
    assert!(one.iter().zip(&many).all(|(a, b)| (a - b).abs() < 1e-13));
}

#[test]
fn inputs_of_a_wrong_length_are_refused() {
    let network = network(NETWORKS[0]);
    let found = forward::<f64>(&network, &[0.0; 15], &ForwardOptions::default(), |_| {});
    let expected = NetworkError::InputLength {
        n_values: 7,
        found: 15,
    };
    assert_eq!(found, Err(expected));
    let none = forward::<f64>(&network, &[], &ForwardOptions::default(), |_| {}).unwrap();
    assert_eq!((none.n_inputs, none.stopped), (0, None));
}

#[test]
fn an_attention_over_too_many_steps_is_an_error() {
    let network = network(
        r#"{"input": [20000, 1], "layers": [{"kind": "attention", "name": "wide", "heads": 1}]}"#,
    );
    let inputs = vec![0.0; 20_000];
    let error = forward::<f32>(&network, &inputs, &ForwardOptions::default(), |_| {});
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "wide.out: more than 268435456 pairs of steps");
}

/// Means of a window over 1, 2, ..., as PyTorch 2 (`F.avg_pool1d`, `F.avg_pool2d`, `F.max_pool2d`)
/// gives them; the last as TensorFlow (`AveragePooling1D`, `same`).
#[test]
fn average_poolings_divide_as_pytorch_and_keras_do() {
    let check = |input: &str, layer: &str, expected: &[f64]| {
        let network = network(&format!(r#"{{"input": {input}, "layers": [{layer}]}}"#));
        let n = network.neurons()[0].shape.n_neurons();
        let inputs: Vec<f32> = (1..=n).map(|i| i as f32).collect();
        forward::<f64>(&network, &inputs, &ForwardOptions::default(), |batch| {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
            let same = batch.pre.len() == expected.len();
            let same = same && batch.pre.iter().zip(expected).all(close);
            assert!(same, "{layer}: {:?}", batch.pre);
        })
        .unwrap();
    };
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 3, "stride": 2, "padding": 1}"#,
        &[1.0, 3.0, 5.0],
    );
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 3, "stride": 2, "padding": 1, "count_padding": false}"#,
        &[1.5, 3.0, 5.0],
    );
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 4, "stride": 3, "padding": 1, "ceil_mode": true}"#,
        &[1.5, 4.5, 3.0],
    );
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 3, "stride": 2, "padding": 1, "ceil_mode": true}"#,
        &[1.0, 3.0, 5.0, 3.0],
    );
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 3, "stride": 2, "padding": 1, "ceil_mode": true, "count_padding": false}"#,
        &[1.5, 3.0, 5.0, 6.0],
    );
    check(
        "[1, 3, 5]",
        r#"{"kind": "average_pool2d", "window": [2, 3], "padding": [1, 1], "ceil_mode": true}"#,
        &[0.5, 2.0, 6.0, 11.5],
    );
    check(
        "[1, 3, 5]",
        r#"{"kind": "max_pool2d", "window": [2, 2], "padding": [1, 0], "ceil_mode": true}"#,
        &[2.0, 4.0, 5.0, 12.0, 14.0, 15.0],
    );
    check(
        "[1, 6]",
        r#"{"kind": "average_pool1d", "window": 3, "stride": 2, "padding": [[0, 1]], "count_padding": false}"#,
        &[2.0, 4.0, 5.5],
    );
}

#[test]
fn a_pass_goes_through_all_heads_and_ends_at_inputs_of_its_own() {
    let json = r#"{"input": [3], "layers": [
        {"kind": "dense", "name": "trunk", "units": 4, "activation": "relu"},
        {"kind": "dense", "name": "one", "units": 2, "activation": "linear"}, {"kind": "output"},
        {"kind": "branch", "from": "trunk"}, {"kind": "dense", "name": "two", "units": 5, "activation": "linear"},
        {"kind": "input", "name": "other", "shape": [2]}, {"kind": "dense", "units": 2, "activation": "linear"}]}"#;
    let network = network(json);
    let inputs = random(7, 6);
    let mut widths = Vec::new();
    let report = forward::<f64>(&network, &inputs, &ForwardOptions::default(), |layer| {
        widths.push((layer.layer, layer.n_neurons));
    });
    assert_eq!(widths, [(1, 4), (2, 2), (3, 5)]);
    let stopped = report.unwrap().stopped.unwrap().to_string();
    assert_eq!(
        stopped,
        "layer 4 (other) takes inputs of its own: no activations from there on"
    );
}

#[test]
fn layers_side_by_side_keep_their_values() {
    let json = r#"{"input": [2, 3, 2], "layers": [
        {"kind": "conv2d", "name": "a", "filters": 3, "kernel": [1, 1], "activation": "relu"},
        {"kind": "branch", "from": "input"},
        {"kind": "conv2d", "name": "b", "filters": 2, "kernel": [1, 1], "activation": "tanh"},
        {"kind": "concat", "name": "both", "from": ["b", "input", "a"]},
        {"kind": "flatten"}, {"kind": "dense", "units": 4, "activation": "linear"}]}"#;
    let network = network(json);
    let inputs = random(3, 2 * 12);
    let mut values = vec![inputs.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>()];
    forward::<f64>(&network, &inputs, &ForwardOptions::default(), |layer| {
        values.push(layer.post.unwrap().to_vec());
    })
    .unwrap();
    let [input, a, b, both] = [0, 1, 2, 3].map(|layer| values[layer].as_slice());
    for row in 0..2 {
        let expected = [
            &b[row * 12..][..12],
            &input[row * 12..][..12],
            &a[row * 18..][..18],
        ];
        assert_eq!(both[row * 42..][..42], expected.concat());
    }
}

#[test]
fn steps_side_by_side_are_joined_step_by_step() {
    let json = r#"{"input": [3, 2], "layers": [
        {"kind": "dense", "name": "a", "units": 1, "activation": "linear"},
        {"kind": "concat", "name": "both", "from": ["a", "input"]}]}"#;
    let network = network(json);
    let inputs = random(5, 6);
    let mut values = Vec::new();
    forward::<f64>(&network, &inputs, &ForwardOptions::default(), |layer| {
        values.push(layer.post.unwrap().to_vec());
    })
    .unwrap();
    for step in 0..3 {
        let input = [inputs[2 * step], inputs[2 * step + 1]].map(f64::from);
        assert_eq!(
            values[1][3 * step..][..3],
            [values[0][step], input[0], input[1]]
        );
    }
}
