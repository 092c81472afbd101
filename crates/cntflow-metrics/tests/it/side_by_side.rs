//! Layers side by side: strengths of their links of weight 1, in both graphs of convolutions.

use cntflow_metrics::{MeasureOptions, measure};
use cntflow_network::Architecture;
use serde_json::json;

use crate::common;

#[test]
fn every_neuron_leads_to_its_own_by_one_link() {
    let architecture: Architecture = serde_json::from_value(json!({"input": [2, 3, 3], "layers": [
        {"kind": "conv2d", "name": "a", "filters": 3, "kernel": [2, 2], "padding": [[0, 1], [0, 1]], "activation": "relu"},
        {"kind": "concat", "name": "both", "from": ["a", "input"]},
        {"kind": "conv2d", "name": "b", "filters": 4, "kernel": [1, 1], "bias": false}]}))
    .unwrap();
    let tensors = common::tensors(&architecture, 7);
    let network = common::network(&architecture, &tensors);
    for graph in ["spatial", "channel"] {
        let options: MeasureOptions =
            serde_json::from_value(json!({"conv_graph": graph, "residual": "ignore"})).unwrap();
        let found = measure(&network, &options);
        let places = if graph == "spatial" { 9 } else { 1 };
        assert_eq!(found.neurons[2].s_in, vec![1.0; 5 * places], "{graph}");
        assert_eq!(found.neurons[1].s_out, vec![1.0; 3 * places], "{graph}");
        // The kernel of b, whose columns are the channels of both.
        let kernel = &tensors["b.weight"];
        for (neuron, s_out) in found.neurons[2].s_out.iter().enumerate() {
            let channel = neuron / places;
            let sum: f64 = (0..4)
                .map(|filter| f64::from(kernel[filter * 5 + channel]))
                .sum();
            assert!(common::close(*s_out, sum, 1e-12), "{graph}: {s_out} {sum}");
        }
        let rows = found.layers.iter().filter(|row| row.name == "both.0");
        assert_eq!(rows.count(), 0, "links of weight 1 are no link weights");
    }
}
