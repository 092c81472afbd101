//! What has to hold for every network, on seeded random ones of every geometry: sums of strengths,
//! permutations, scales, the channel graph, and agreement with sums taken link by link.

use crate::common::{self, Random, close, random_architecture, random_network, tensors};
use cntflow_metrics::{
    Bias, Boundary, ConvGraph, MeasureOptions, Metric, NetworkMetrics, Summary, measure,
};
use cntflow_network::{Architecture, Links, Network, Tensor};

const TRIALS: u64 = 60;

fn bare() -> MeasureOptions {
    MeasureOptions {
        bias: Bias::Exclude,
        boundary: Boundary::Zero,
        ..MeasureOptions::default()
    }
}

fn summary(metrics: &NetworkMetrics, layer: usize, metric: Metric) -> Option<&Summary> {
    let mut rows = metrics.layers.iter();
    let row = rows.find(|row| row.layer == layer && row.metric == metric)?;
    Some(&row.summary)
}

#[test]
fn out_strengths_weights_and_in_strengths_have_one_sum() {
    for seed in 0..TRIALS {
        let network = random_network(seed);
        for conv_graph in [ConvGraph::Spatial, ConvGraph::Channel] {
            let options = MeasureOptions {
                conv_graph,
                ..bare()
            };
            let metrics = measure(&network, &options);
            for layer in 1..metrics.neurons.len() {
                let out: f64 = metrics.neurons[layer - 1].s_out.iter().sum();
                let into: f64 = metrics.neurons[layer].s_in.iter().sum();
                assert!(close(out, into, 1e-11), "{seed} {layer}: {out} {into}");
                if let Some(weights) = summary(&metrics, layer, Metric::LinkWeights)
                    && weights.count > 0
                {
                    let sum = weights.mean * weights.count as f64;
                    assert!(close(sum, into, 1e-11), "{seed} {layer}: {sum} {into}");
                }
            }
        }
    }
}

#[test]
fn every_link_is_counted_once() {
    for seed in 0..TRIALS {
        let network = random_network(seed);
        let metrics = measure(&network, &MeasureOptions::default());
        let max = |layer: &usize| {
            let links = &network.graph().links[layer - 1].links;
            !matches!(links, Links::MaxPool2d { .. })
        };
        let layers = (1..metrics.neurons.len()).filter(max);
        let listed: u64 = layers
            .map(|layer| summary(&metrics, layer, Metric::LinkWeights).unwrap().count)
            .sum();
        // s_in of a maximum's neuron is the number of its links.
        let routing: f64 = (1..metrics.neurons.len())
            .filter(|layer| !max(layer))
            .map(|layer| metrics.neurons[layer].s_in.iter().sum::<f64>())
            .sum();
        assert_eq!(metrics.n_links, listed + routing as u64, "{seed}");
    }
}

#[test]
fn scaled_weights_scale_strengths() {
    for seed in 0..TRIALS {
        let architecture = random_architecture(&mut Random(seed));
        let options = MeasureOptions {
            boundary: Boundary::Zero,
            ..MeasureOptions::default()
        };
        let measured = [1.0, 4.0].map(|scale| {
            let mut tensors = tensors(&architecture, seed);
            tensors.values_mut().for_each(|tensor| {
                tensor.iter_mut().for_each(|w| *w *= scale);
            });
            measure(&common::network(&architecture, &tensors), &options)
        });
        for (one, four) in measured[0].layers.iter().zip(&measured[1].layers) {
            let weighted = network_has_kernel(&architecture, one.layer);
            let (a, b) = (&one.summary, &four.summary);
            match one.metric {
                Metric::KernelWeights | Metric::Biases => {
                    assert_eq!(
                        [4.0 * a.mean, 4.0 * a.q25, 4.0 * a.l1],
                        [b.mean, b.q25, b.l1]
                    );
                }
                Metric::StrengthIn if weighted => assert_eq!(4.0 * a.std, b.std),
                Metric::NormalisedFluctuationIn | Metric::NormalisedFluctuationOutSquare => {
                    assert!(a.mean.is_nan() || a.mean == b.mean, "{seed} {one:?}");
                }
                _ => {}
            }
        }
    }
}

fn network_has_kernel(architecture: &Architecture, layer: usize) -> bool {
    let graph = architecture.plan().unwrap();
    layer > 0 && graph.links[layer - 1].kernel.is_some()
}

#[test]
fn permuting_hidden_neurons_permutes_their_rows_and_nothing_else() {
    let json = r#"{"input": [6], "layers": [{"kind": "dense", "units": 5}, {"kind": "dense", "units": 3}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let tensors = tensors(&architecture, 3);
    let order = [3, 0, 4, 1, 2];
    let mut permuted = tensors.clone();
    let rows: Vec<_> = tensors["layer0.weight"].chunks(6).collect();
    permuted.insert(
        "layer0.weight".into(),
        order.map(|unit| rows[unit]).concat(),
    );
    permuted.insert(
        "layer0.bias".into(),
        order.map(|unit| tensors["layer0.bias"][unit]).to_vec(),
    );
    let rows = tensors["layer1.weight"].chunks(5);
    let columns: Vec<f32> = rows.flat_map(|row| order.map(|unit| row[unit])).collect();
    permuted.insert("layer1.weight".into(), columns);
    let options = MeasureOptions::default();
    let [before, after] = [tensors, permuted]
        .map(|tensors| measure(&common::network(&architecture, &tensors), &options));
    let hidden = order.map(|unit| before.neurons[1].strength[unit]);
    assert_eq!(after.neurons[1].strength, hidden);
    for (a, b) in before.layers.iter().zip(&after.layers) {
        for ((name, a), (_, b)) in a.summary.columns().into_iter().zip(b.summary.columns()) {
            assert!(close(a, b, 1e-12) || a.is_nan(), "{name} {a} {b}");
        }
    }
}

#[test]
fn the_channel_graph_sums_the_spatial_one() {
    // Stride 1, no padding: every output sees the whole kernel, so s_in of a channel is s_in of
    // each of its positions.
    let json = r#"{"input": [3, 6, 5], "layers": [
        {"kind": "conv2d", "filters": 4, "kernel": [3, 2]}, {"kind": "dense", "units": 2}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let tensors = tensors(&architecture, 5);
    let network = common::network(&architecture, &tensors);
    let [spatial, channel] = [ConvGraph::Spatial, ConvGraph::Channel].map(|conv_graph| {
        let options = MeasureOptions {
            conv_graph,
            ..MeasureOptions::default()
        };
        measure(&network, &options)
    });
    assert_eq!(channel.n_neurons, 3 + 4 + 2);
    for (of_channel, positions) in spatial.neurons[1].s_in.chunks(16).enumerate() {
        let whole = channel.neurons[1].s_in[of_channel];
        assert!(positions.iter().all(|&s| close(s, whole, 1e-13)));
    }
    let out = |metrics: &NetworkMetrics| metrics.neurons[1].s_out.clone();
    for (positions, whole) in out(&spatial).chunks(16).zip(out(&channel)) {
        assert!(close(positions.iter().sum(), whole, 1e-12));
    }
    assert_eq!(spatial.neurons[2].s_in, channel.neurons[2].s_in);
}

#[test]
fn strengths_equal_sums_taken_link_by_link() {
    for seed in 0..4 * TRIALS {
        let network = random_network(seed);
        let metrics = measure(&network, &bare());
        for layer in network.links() {
            let n_in = network.neurons()[layer.to - 1].shape.n_neurons();
            let n_out = network.neurons()[layer.to].shape.n_neurons();
            let (mut into, mut from) = (vec![0.0; n_out], vec![0.0; n_in]);
            common::each_link(layer, common::kernel(&network, layer), |i, j, w| {
                into[j] += w;
                from[i] += w;
            });
            let found = [
                &metrics.neurons[layer.to].s_in,
                &metrics.neurons[layer.to - 1].s_out,
            ];
            for (found, expected) in found.into_iter().zip([&into, &from]) {
                let same = found
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| close(*a, *b, 1e-12));
                assert!(
                    same,
                    "seed {seed}, {:?}: {found:?} {expected:?}",
                    layer.links
                );
            }
        }
    }
}

#[test]
fn nan_and_infinite_weights_are_counted_and_reach_only_their_strengths() {
    let json = r#"{"input": [1, 4, 4], "layers": [{"kind": "conv2d", "filters": 2, "kernel": [2, 2], "padding": [1, 1]},
        {"kind": "max_pool2d", "window": [2, 2]}, {"kind": "dense", "units": 3}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let mut tensors = tensors(&architecture, 1);
    tensors.get_mut("layer0.weight").unwrap()[0] = f32::NAN;
    let dense = tensors.get_mut("layer2.weight").unwrap();
    (dense[0], dense[9]) = (f32::INFINITY, f32::NEG_INFINITY);
    let network = common::network(&architecture, &tensors);
    let metrics = measure(&network, &MeasureOptions::default());
    assert_eq!((metrics.n_nan, metrics.n_infinite), (1, 2));
    // The first tap meets a real place from 4 x 4 of the 5 x 5 outputs; the second filter has no
    // NaN.
    let nan = metrics.neurons[1]
        .s_in
        .iter()
        .filter(|s| s.is_nan())
        .count();
    assert_eq!(nan, 16);
    let strength = summary(&metrics, 1, Metric::StrengthIn).unwrap();
    assert_eq!((strength.nan, strength.count), (16, 34));
    assert!(strength.mean.is_finite());
    let weights = summary(&metrics, 1, Metric::LinkWeights).unwrap();
    assert_eq!(weights.nan, 16);
    assert!(metrics.neurons[3].s_in[0] == f64::INFINITY);
    assert!(
        summary(&metrics, 3, Metric::NormalisedFluctuationIn)
            .unwrap()
            .mean
            .is_finite()
    );
}

#[test]
fn independent_weights_fluctuate_by_about_one() {
    let json = r#"{"input": [300], "layers": [{"kind": "dense", "units": 200}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let tensors = tensors(&architecture, 8);
    let metrics = measure(
        &common::network(&architecture, &tensors),
        &MeasureOptions::default(),
    );
    for metric in Metric::ALL
        .iter()
        .filter(|m| m.as_str().starts_with("normalised"))
    {
        let rho = summary(&metrics, 1, *metric).unwrap().mean;
        assert!((rho - 1.0).abs() < 0.4, "{metric} {rho}");
    }
}

#[test]
fn only_the_metrics_asked_for_have_rows() {
    let network = random_network(2);
    let options = MeasureOptions {
        metrics: vec![Metric::LayersFluctuation, Metric::Biases],
        ..MeasureOptions::default()
    };
    let asked = measure(&network, &options);
    assert!(asked.layers.iter().all(|row| options.asks_for(row.metric)));
    let all = measure(&network, &MeasureOptions::default());
    assert_eq!(format!("{:?}", asked.neurons), format!("{:?}", all.neurons));
    for row in &asked.layers {
        let same = summary(&all, row.layer, row.metric).unwrap();
        assert_eq!(format!("{same:?}"), format!("{:?}", row.summary));
    }
}

#[test]
fn an_unknown_activation_ends_the_forward_pass_and_nothing_else() {
    let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 2, "activation": "relu"},
        {"kind": "dense", "name": "odd", "units": 2}, {"kind": "dense", "units": 1}]}"#;
    let architecture: Architecture = serde_json::from_str(json).unwrap();
    let network = Network::new(architecture, |name| match name {
        "layer2.weight" => Some(Tensor::owned(&[1, 2], vec![1.0; 2])),
        "layer2.bias" => Some(Tensor::owned(&[1], vec![0.0])),
        _ if name.ends_with("weight") => Some(Tensor::owned(&[2, 2], vec![1.0, 0.0, 0.0, 1.0])),
        _ => Some(Tensor::owned(&[2], vec![0.0; 2])),
    });
    let options = MeasureOptions::default();
    let inputs = [1.0, -1.0, 3.0, -3.0];
    let metrics = cntflow_metrics::measure_with_inputs(&network.unwrap(), &inputs, &options);
    let metrics = metrics.unwrap();
    let stopped = metrics.stopped.unwrap();
    assert_eq!(
        stopped.to_string(),
        "the activation of layer 2 (odd) is unknown: no activations from there on"
    );
    let [first, odd, last] = [1, 2, 3].map(|layer| metrics.neurons[layer].data.clone());
    let post = first.unwrap().post.unwrap();
    assert_eq!(
        (post.mean, post.std, post.zero_share),
        (vec![2.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0])
    );
    let odd = odd.unwrap();
    assert_eq!((odd.pre.unwrap().mean, odd.post), (vec![2.0, 0.0], None));
    assert_eq!(last, None);
}

#[test]
fn a_hostile_pooling_is_measured_without_visiting_its_links() {
    let json = r#"{"input": [1, 65536, 1], "layers": [
        {"kind": "average_pool2d", "window": [65536, 1], "padding": [65535, 0], "stride": [1, 1]}]}"#;
    let network = Network::new(serde_json::from_str(json).unwrap(), |_| None).unwrap();
    let metrics = measure(&network, &MeasureOptions::default());
    assert_eq!(metrics.n_links, 65536 * 65536);
    assert!(close(metrics.neurons[1].s_in.iter().sum(), 65536.0, 1e-12));
}
