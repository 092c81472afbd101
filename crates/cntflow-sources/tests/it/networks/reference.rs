//! What a network is by its `network.json`: architecture, tensors in PyTorch's layouts, inputs, and
//! the outputs that torch gave.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_metrics::{LayerRow, MeasureOptions, measure};
use cntflow_network::{ForwardOptions, Network, Tensor, forward};
use cntflow_storage::FullMessage;
use serde::Deserialize;
use serde_json::Value;

/// Largest relative difference between statistics in `layers`.
const SAME_ROWS: f64 = 1e-9;

/// Largest difference between outputs, relative to the largest of them.
const SAME_OUTPUTS: f64 = 1e-5;

#[derive(Deserialize)]
struct Stored {
    architecture: Value,
    inputs: String,
    outputs: String,
    tensors: BTreeMap<String, StoredTensor>,
}

#[derive(Deserialize)]
struct StoredTensor {
    shape: Vec<usize>,
    f32: String,
}

/// A network as every file of it should be.
pub(crate) struct Reference {
    stored: Stored,
    network: Network<'static>,
}

impl Reference {
    /// Reads `network.json` of a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("network.json")).unwrap();
        let stored: Stored = serde_json::from_str(&text).unwrap();
        let architecture = serde_json::from_value(stored.architecture.clone()).unwrap();
        let network = Network::new(architecture, |name| {
            let tensor = stored.tensors.get(name)?;
            Some(Tensor::owned(&tensor.shape, floats(&tensor.f32)))
        });
        let network = network.unwrap();
        assert_eq!(network.parameters().count(), stored.tensors.len());
        Self { stored, network }
    }

    /// The architecture as a catalog gives it.
    pub(crate) fn architecture_text(&self) -> String {
        self.stored.architecture.to_string()
    }

    /// Compares all tensors bit by bit, in the order of the layers: a format may have names of its
    /// own.
    pub(crate) fn tensors_are_those_of(&self, found: &Network<'_>) -> Result<(), String> {
        let (n_found, n) = (
            found.parameters().count(),
            self.network.parameters().count(),
        );
        if n_found != n {
            return Err(format!("{n_found} tensors instead of {n}"));
        }
        for ((spec, values), (is, found)) in self.network.parameters().zip(found.parameters()) {
            if is.shape != spec.shape {
                let (name, shape) = (&spec.name, &spec.shape);
                return Err(format!(
                    "tensor {name}: {} {:?} instead of {shape:?}",
                    is.name, is.shape
                ));
            }
            let differs = |(a, b): (&f32, &f32)| a.to_bits() != b.to_bits();
            if let Some(place) = values.iter().zip(found).position(differs) {
                let (a, b) = (found[place], values[place]);
                return Err(format!(
                    "tensor {}, value {place}: {a} instead of {b}",
                    spec.name
                ));
            }
        }
        Ok(())
    }

    /// Compares the rows of the table `layers`; names may be the format's own.
    pub(crate) fn rows_are_those_of(&self, found: &Network<'_>) -> Result<(), String> {
        let options = MeasureOptions::default();
        let expected = measure(&self.network, &options).layers;
        let found = measure(found, &options).layers;
        if found.len() != expected.len() {
            let (n, of) = (found.len(), expected.len());
            return Err(format!("{n} rows in layers instead of {of}"));
        }
        let differs = found.iter().zip(&expected).find_map(row_difference);
        differs.map_or(Ok(()), Err)
    }

    /// Compares what comes out of the network with what torch's came to.
    pub(crate) fn outputs_are_those_of(&self, found: &Network<'_>) -> Result<(), String> {
        let inputs = floats(&self.stored.inputs);
        let expected = floats(&self.stored.outputs);
        let last = found.neurons().len() - 1;
        let mut outputs: Vec<f32> = Vec::new();
        let report = forward::<f32>(found, &inputs, &ForwardOptions::default(), |batch| {
            if batch.layer == last {
                outputs.extend(batch.post.unwrap_or_default());
            }
        });
        if let Some(stop) = report.map_err(|error| error.full_message())?.stopped {
            return Err(format!("the forward pass stops at {stop:?}"));
        }
        if outputs.len() != expected.len() {
            let (n, of) = (outputs.len(), expected.len());
            return Err(format!("{n} outputs instead of {of}"));
        }
        let largest = expected
            .iter()
            .fold(0.0_f64, |m, &x| m.max(f64::from(x).abs()));
        let differences = outputs.iter().zip(&expected);
        let differences = differences.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        match differences.fold(0.0, f64::max) / largest {
            difference if difference <= SAME_OUTPUTS => Ok(()),
            difference => Err(format!("the outputs differ by {difference} of the largest")),
        }
    }
}

fn row_difference((found, expected): (&LayerRow, &LayerRow)) -> Option<String> {
    let key = |row: &LayerRow| (row.layer, row.kind, row.role, row.metric);
    if key(found) != key(expected) {
        return Some(format!(
            "row {:?} instead of {:?}",
            key(found),
            key(expected)
        ));
    }
    let columns = found.summary.columns().into_iter();
    let differing = columns
        .zip(expected.summary.columns())
        .find(|((_, a), (_, b))| !same(*a, *b));
    differing.map(|((column, a), (_, b))| {
        format!("row {:?}, {column}: {a} instead of {b}", key(expected))
    })
}

fn same(a: f64, b: f64) -> bool {
    a.is_nan() && b.is_nan() || (a - b).abs() <= SAME_ROWS * b.abs().max(1.0)
}

/// Numbers from hex of little-endian f32.
fn floats(hex: &str) -> Vec<f32> {
    let byte = |place: usize| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
    let float = |place: usize| f32::from_le_bytes([0, 2, 4, 6].map(|offset| byte(place + offset)));
    assert_eq!(hex.len() % 8, 0);
    (0..hex.len()).step_by(8).map(float).collect()
}
