use cntflow_network::{Architecture, Network, Tensor};
use serde_json::json;

use crate::{ConvGraph, LinkEnd, MeasureOptions, StrongestLinks, measure};

/// The strongest links of a network, whose tensors are those of the architecture in their order.
fn strongest(
    architecture: serde_json::Value,
    tensors: &[&[f32]],
    options: &MeasureOptions,
) -> Vec<StrongestLinks> {
    let architecture: Architecture = serde_json::from_value(architecture).unwrap();
    let specs = architecture.tensors().unwrap();
    let network = Network::new(architecture, |name| {
        let index = specs.iter().position(|spec| spec.name == name)?;
        Some(Tensor::borrowed(&specs[index].shape, tensors[index]))
    });
    measure(&network.unwrap(), options).links
}

fn most(n: u16) -> MeasureOptions {
    MeasureOptions {
        strongest_links: n,
        ..MeasureOptions::default()
    }
}

fn dense(n_in: usize, units: usize) -> serde_json::Value {
    json!({"input": [n_in], "layers": [{"kind": "dense", "units": units, "bias": false}]})
}

/// From, to and weight of each link between neurons.
fn triples(links: &StrongestLinks) -> Vec<(usize, usize, f64)> {
    let links = links.links.iter();
    links
        .map(|link| {
            (
                link.from.neuron.unwrap(),
                link.to.neuron.unwrap(),
                link.weight,
            )
        })
        .collect()
}

/// About normal and with many equal values, from a seed.
fn coarse_weights(n: usize, mut seed: u64) -> Vec<f32> {
    let mut uniform = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..n)
        .map(|_| (20.0 * (uniform() + uniform())).round() / 8.0)
        .collect()
}

#[test]
fn the_links_are_the_first_of_a_sort_by_size_and_then_by_neurons() {
    for (n_in, n_out, n) in [
        (1, 1, 5),
        (7, 3, 4),
        (7, 3, 21),
        (100, 30, 24),
        (65, 64, 1000),
    ] {
        let mut weights = coarse_weights(n_in * n_out, n_in as u64);
        if n_in > 60 {
            weights[3] = f32::NAN;
            weights[70] = f32::INFINITY;
            weights[71] = f32::NEG_INFINITY;
        }
        let mut sorted: Vec<(usize, usize, f64)> = weights
            .iter()
            .enumerate()
            .map(|(index, &w)| (index % n_in, index / n_in, f64::from(w)))
            .filter(|(_, _, weight)| weight.is_finite())
            .collect();
        let n_finite = sorted.len() as u64;
        sorted.sort_by(|a, b| {
            let by_size = b.2.abs().total_cmp(&a.2.abs());
            by_size.then((a.0, a.1).cmp(&(b.0, b.1)))
        });
        sorted.truncate(n);
        let links = strongest(dense(n_in, n_out), &[&weights], &most(n as u16));
        assert_eq!(triples(&links[0]), sorted, "{n_in} {n_out} {n}");
        assert_eq!(
            (links[0].n_from, links[0].n_to),
            (n_in as u64, n_out as u64)
        );
        assert_eq!((links[0].layer, links[0].from_layer), (1, 0));
        assert_eq!(links[0].n_links, n_finite);
    }
}

#[test]
fn none_are_chosen_by_default_or_of_weights_that_are_not_finite() {
    let weights = [1.0, 2.0];
    assert!(strongest(dense(2, 1), &[&weights], &MeasureOptions::default()).is_empty());
    let weights = [f32::NAN, f32::INFINITY];
    assert!(strongest(dense(2, 1), &[&weights], &most(3)).is_empty());
}

#[test]
fn equal_weights_are_taken_by_the_neurons_that_they_come_from() {
    let links = strongest(dense(3, 3), &[&[-0.5; 9]], &most(4));
    let expected = [(0, 0, -0.5), (0, 1, -0.5), (0, 2, -0.5), (1, 0, -0.5)];
    assert_eq!(triples(&links[0]), expected);
}

/// Two channels of 3 x 3, two filters of 2 x 2, and a dense layer behind them.
const CONVOLUTION: &str = r#"{"input": [2, 3, 3], "layers": [
    {"kind": "conv2d", "filters": 2, "kernel": [2, 2], "bias": false},
    {"kind": "flatten"}, {"kind": "dense", "units": 1, "bias": false}]}"#;

/// `[filter, channel, row, column]`.
const KERNEL: [f32; 16] = [
    0.1, -0.9, 0.2, 0.0, // 0 to 0
    0.3, 0.3, 0.3, 0.3, // 1 to 0
    1.0, -1.0, 0.0, 0.0, // 0 to 1
    0.0, 0.0, 0.0, 0.0, // 1 to 1
];

#[test]
fn a_pair_of_channels_is_one_link_with_the_largest_entry_of_its_kernel() {
    let json: serde_json::Value = serde_json::from_str(CONVOLUTION).unwrap();
    let behind = [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0];
    let links = strongest(json, &[&KERNEL, &behind], &most(3));
    let channel = |channel| LinkEnd {
        neuron: None,
        channel,
    };
    let of_kernel: Vec<_> = links[0]
        .links
        .iter()
        .map(|link| (link.from, link.to, link.tap.unwrap(), link.weight))
        .collect();
    let expected = [
        (channel(0), channel(1), (0, 0), 1.0),
        (channel(0), channel(0), (0, 1), f64::from(-0.9_f32)),
        (channel(1), channel(0), (0, 0), f64::from(0.3_f32)),
    ];
    assert_eq!(of_kernel, expected);
    assert_eq!(
        (links[0].n_from, links[0].n_to, links[0].n_links),
        (2, 2, 4)
    );
    // Neuron 5 of 2 channels of 2 x 2 is the second of channel 1.
    let first = links[1].links[0];
    let expected = LinkEnd {
        neuron: Some(5),
        channel: 1,
    };
    assert_eq!((first.from, first.weight, first.tap), (expected, 5.0, None));
    assert_eq!(links[1].n_from, 8);
}

#[test]
fn in_the_channel_graph_a_link_is_the_sum_over_the_kernel() {
    let json: serde_json::Value = serde_json::from_str(CONVOLUTION).unwrap();
    let behind = [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0];
    let options = MeasureOptions {
        conv_graph: ConvGraph::Channel,
        ..most(2)
    };
    let links = strongest(json, &[&KERNEL, &behind], &options);
    let (weight, sum) = (links[0].links[0].weight, 4.0 * f64::from(0.3_f32));
    assert!((weight - sum).abs() < 1e-12, "{weight}");
    assert_eq!(links[0].links[0].tap, None);
    assert_eq!(links[0].links[0].from.neuron, Some(1));
    // The dense layer behind keeps its entries; they come from the channel.
    assert_eq!(links[1].links[0].from.neuron, Some(1));
    assert_eq!(links[1].n_links, 8);
}

#[test]
fn groups_and_transposed_kernels_join_the_channels_of_their_group() {
    let json = json!({"input": [4, 2, 2], "layers": [
        {"kind": "conv2d", "filters": 2, "kernel": [1, 1], "groups": 2, "bias": false},
        {"kind": "conv_transpose2d", "filters": 4, "kernel": [1, 1], "groups": 2, "bias": false}]});
    // [filter, channel of the group]: filter 1 sees channels 2 and 3.
    let first = [0.1, 0.2, 0.3, 0.4];
    // [channel, filter of the group]: channel 1 leads to filters 2 and 3.
    let second = [0.1, 0.2, 0.3, -0.4];
    let links = strongest(json, &[&first, &second], &most(2));
    let channels = |index: usize| -> Vec<(usize, usize)> {
        let links = links[index].links.iter();
        links
            .map(|link| (link.from.channel, link.to.channel))
            .collect()
    };
    assert_eq!(channels(0), [(3, 1), (2, 1)]);
    assert_eq!(channels(1), [(1, 3), (1, 2)]);
}

#[test]
fn links_of_a_recurrent_layer_lead_from_the_inputs_and_from_itself() {
    let json = json!({"input": [3, 2], "layers": [
        {"kind": "elman", "units": 2, "bias": false}]});
    let (into, back) = ([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, -4.0]);
    let links = strongest(json, &[&into, &back], &most(1));
    let ends: Vec<_> = links
        .iter()
        .map(|links| (links.from_layer, links.layer))
        .collect();
    assert_eq!(ends, [(0, 1), (1, 1)]);
    assert_eq!(triples(&links[0]), [(1, 1, f64::from(0.4_f32))]);
    assert_eq!(triples(&links[1]), [(1, 1, -4.0)]);
}
