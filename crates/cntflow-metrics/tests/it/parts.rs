//! Parts that are measured elsewhere give the same network, to the last bit.

use std::sync::Mutex;

use cntflow_metrics::{
    MeasureOptions, MeasuredPart, RunParts, measure, measure_in_parts, measure_part,
};
use cntflow_network::{Architecture, Network};
use serde_json::json;

use crate::common;

/// Measures every second part as another process does, from the network alone, and sends it here.
struct Elsewhere<'n> {
    network: &'n Network<'n>,
    options: &'n MeasureOptions,
    /// Sizes of the parts.
    n_weights: Mutex<Vec<usize>>,
}

impl RunParts for Elsewhere<'_> {
    fn run_parts(
        &self,
        n_weights: &[usize],
        part: &(dyn Fn(usize) -> MeasuredPart + Sync),
    ) -> Vec<MeasuredPart> {
        *self.n_weights.lock().unwrap() = n_weights.to_vec();
        let sent = |index| {
            let measured = measure_part(self.network, self.options, index).unwrap();
            bincode::deserialize(&bincode::serialize(&measured).unwrap()).unwrap()
        };
        let indices = 0..n_weights.len();
        let run = |index: usize| {
            if index.is_multiple_of(2) {
                sent(index)
            } else {
                part(index)
            }
        };
        indices.map(run).collect()
    }
}

#[test]
fn parts_that_are_measured_elsewhere_give_the_same_network() {
    let dense = json!({"input": [6], "layers": [
        {"kind": "dense", "units": 5}, {"kind": "batch_norm"}, {"kind": "dense", "units": 40},
        {"kind": "dense", "units": 3},
    ]});
    let sliding = json!({"input": [2, 8, 8], "layers": [
        {"kind": "conv2d", "filters": 3, "kernel": [3, 3]}, {"kind": "average_pool2d", "window": [2, 2]},
        {"kind": "conv2d", "filters": 4, "kernel": [2, 2], "bias": false}, {"kind": "flatten"},
        {"kind": "dense", "units": 2},
    ]});
    let recurrent = json!({"input": [3, 4], "layers": [
        {"kind": "lstm", "units": 5, "layers": 2}, {"kind": "take_step", "which": "last"}, {"kind": "dense", "units": 2},
    ]});
    for (index, architecture) in [dense, sliding, recurrent].into_iter().enumerate() {
        let architecture: Architecture = serde_json::from_str(&architecture.to_string()).unwrap();
        let mut tensors = common::tensors(&architecture, index as u64);
        for (name, values) in &mut tensors {
            if name.ends_with("running_var") {
                values.iter_mut().for_each(|v| *v = v.abs() + 0.5);
            }
        }
        let network = common::network(&architecture, &tensors);
        for fold_norm in [true, false] {
            let options = MeasureOptions {
                fold_norm,
                strongest_links: 5,
                ..MeasureOptions::default()
            };
            let elsewhere = Elsewhere {
                network: &network,
                options: &options,
                n_weights: Mutex::default(),
            };
            let metrics = measure_in_parts(&network, &options, &elsewhere);
            // Compared as texts, in which NaN is NaN.
            let expected = format!("{:?}", measure(&network, &options));
            assert!(format!("{metrics:?}") == expected, "network {index}");
            let sizes = elsewhere.n_weights.into_inner().unwrap();
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
            assert!(measure_part(&network, &options, sizes.len()).is_none());
        }
    }
}
