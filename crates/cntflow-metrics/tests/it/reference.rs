//! Every number against an independent computation with numpy: `tests/reference/make_reference.py`,
//! which unrolls networks link by link.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_metrics::{
    Bias, Boundary, ConvGraph, LayerRow, MeasureOptions, NetworkMetrics, NeuronColumns,
    NeuronStatistics, Padding, Precision, measure, measure_with_inputs,
};
use cntflow_network::{Architecture, Network, Tensor};
use serde::Deserialize;

/// Largest relative difference to the reference.
const TOLERANCE: f64 = 1e-9;

/// Difference that rounding alone can make where terms of order 1 cancel.
const ROUNDING: f64 = 1e-14;

#[derive(Deserialize)]
struct Reference {
    architecture: Architecture,
    tensors: BTreeMap<String, StoredTensor>,
    inputs: String,
    n_inputs: u64,
    n_parameters: u64,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct StoredTensor {
    shape: Vec<usize>,
    f32: String,
}

#[derive(Deserialize)]
struct Expected {
    options: Options,
    n_links: u64,
    n_neurons: u64,
    neurons: Vec<Neurons>,
    layers: Vec<Row>,
}

#[derive(Deserialize)]
struct Options {
    bias: Bias,
    boundary: Boundary,
    padding: Padding,
    conv_graph: ConvGraph,
}

#[derive(Deserialize)]
struct Neurons {
    layer: usize,
    name: String,
    kind: String,
    role: String,
    positions: [Vec<usize>; 3],
    columns: BTreeMap<String, Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Row {
    layer: usize,
    name: String,
    kind: String,
    role: String,
    metric: String,
    summary: BTreeMap<String, Option<f64>>,
}

#[test]
fn everything_equals_the_reference() {
    let folder = Path::new("../../tests/reference");
    let files = fs_err::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    assert!(paths.len() >= 15, "{} references", paths.len());
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs_err::read_to_string(&path).unwrap();
        let reference: Reference = serde_json::from_str(&text).unwrap();
        check_network(&name, &reference);
    }
}

fn check_network(name: &str, reference: &Reference) {
    let network = Network::new(reference.architecture.clone(), |tensor| {
        let stored = reference.tensors.get(tensor)?;
        Some(Tensor::owned(&stored.shape, floats(&stored.f32)))
    });
    let network = network.unwrap();
    let inputs = floats(&reference.inputs);
    for expected in &reference.expected {
        let options = MeasureOptions {
            bias: expected.options.bias,
            boundary: expected.options.boundary,
            padding: expected.options.padding,
            conv_graph: expected.options.conv_graph,
            batch: 5.try_into().unwrap(),
            precision: Precision::Double,
            ..MeasureOptions::default()
        };
        let what = format!("{name} {options:?}");
        let with_inputs = expected
            .layers
            .iter()
            .any(|row| row.metric == "neurons_strength");
        let found = if with_inputs {
            let found = measure_with_inputs(&network, &inputs, &options).unwrap();
            assert_eq!(found.n_inputs, reference.n_inputs, "{what}");
            check_without_inputs(&network, &options, &found);
            found
        } else {
            measure(&network, &options)
        };
        assert_eq!(found.n_parameters, reference.n_parameters, "{what}");
        check_metrics(&what, &found, expected);
    }
}

fn check_metrics(what: &str, found: &NetworkMetrics, expected: &Expected) {
    assert_eq!(found.n_links, expected.n_links, "{what}");
    assert_eq!(found.n_neurons, expected.n_neurons, "{what}");
    assert_eq!(found.neurons.len(), expected.neurons.len(), "{what}");
    for (found, expected) in found.neurons.iter().zip(&expected.neurons) {
        check_neurons(what, found, expected);
    }
    let key = |row: &LayerRow| (row.layer, row.metric.as_str());
    // The reference has no metrics of the outputs.
    let in_reference = |row: &&LayerRow| !row.metric.as_str().starts_with("probe_");
    let layers: Vec<&LayerRow> = found.layers.iter().filter(in_reference).collect();
    let rows: BTreeMap<_, _> = layers.iter().map(|row| (key(row), *row)).collect();
    assert_eq!(rows.len(), layers.len(), "{what}: no row twice");
    assert_eq!(rows.len(), expected.layers.len(), "{what}");
    for expected in &expected.layers {
        let row = rows[&(expected.layer, expected.metric.as_str())];
        let described = (row.name.as_str(), row.kind.as_str(), row.role.as_str());
        let expected_description = (&*expected.name, &*expected.kind, &*expected.role);
        assert_eq!(described, expected_description, "{what}");
        let found: BTreeMap<_, _> = row.summary.columns().into_iter().collect();
        for (statistic, &value) in &expected.summary {
            let place = || format!("{what}: layer {} {} {statistic}", row.layer, row.metric);
            let scale = match statistic.as_str() {
                "skewness" | "kurtosis" => 100.0,
                _ => 1.0,
            };
            check(found[statistic.as_str()], value, scale, place);
        }
    }
}

fn check_neurons(what: &str, found: &NeuronColumns, expected: &Neurons) {
    let described = (found.layer, found.name.as_str(), found.kind.as_str());
    assert_eq!(
        described,
        (expected.layer, &*expected.name, &*expected.kind),
        "{what}"
    );
    assert_eq!(found.role.as_str(), expected.role, "{what}");
    let [channels, rows, columns] = &expected.positions;
    assert!(found.channels().eq(channels.iter().copied()), "{what}");
    assert!(found.rows().eq(rows.iter().copied()), "{what}");
    assert!(found.columns().eq(columns.iter().copied()), "{what}");
    for (name, expected) in &expected.columns {
        let found_column = column(found, name);
        assert_eq!(found_column.len(), expected.len(), "{what} {name}");
        let largest = expected
            .iter()
            .flatten()
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        for (&value, &expected) in found_column.iter().zip(expected) {
            let place = || format!("{what}: layer {} {name}", found.layer);
            check(value, expected, largest, place);
        }
    }
}

fn column<'a>(neurons: &'a NeuronColumns, name: &str) -> &'a [f64] {
    let data = neurons.data.as_ref();
    let seen = |seen: &'a NeuronStatistics, name: &str| match name {
        "mean" => seen.mean.as_slice(),
        "std" => &seen.std,
        "min" => &seen.min,
        "max" => &seen.max,
        "zero_share" => &seen.zero_share,
        _ => panic!("unknown column {name}"),
    };
    match (name, name.split_once('_')) {
        ("s_in", _) => &neurons.s_in,
        ("s_out", _) => &neurons.s_out,
        ("strength", _) => &neurons.strength,
        ("s_abs", _) => &neurons.s_abs,
        (_, Some(("pre", name))) => seen(data.unwrap().pre.as_ref().unwrap(), name),
        (_, Some(("post", name))) => seen(data.unwrap().post.as_ref().unwrap(), name),
        _ => panic!("unknown column {name}"),
    }
}

/// Values of order `scale` were summed; `None` is NaN.
fn check(found: f64, expected: Option<f64>, scale: f64, place: impl Fn() -> String) {
    let close = match expected {
        None => found.is_nan(),
        Some(value) => (found - value).abs() <= TOLERANCE * value.abs() + ROUNDING * scale,
    };
    assert!(close, "{}: {found}, expected {expected:?}", place());
}

/// Without inputs, all that needs none is the same.
fn check_without_inputs(network: &Network<'_>, options: &MeasureOptions, found: &NetworkMetrics) {
    let measured = measure(network, options);
    let rows = found.layers.iter().filter(|row| !row.metric.needs_inputs());
    let same = rows.map(|row| format!("{row:?}"));
    assert!(
        measured
            .layers
            .iter()
            .map(|row| format!("{row:?}"))
            .eq(same)
    );
    assert!(measured.neurons.iter().all(|layer| layer.data.is_none()));
}

/// f32 values from their little-endian bytes in hexadecimal.
fn floats(text: &str) -> Vec<f32> {
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).unwrap();
        u8::from_str_radix(digits, 16).unwrap()
    };
    let bytes: Vec<u8> = text.as_bytes().chunks_exact(2).map(byte).collect();
    let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    bytes.chunks_exact(4).map(float).collect()
}
