//! Every kind of layer against public libraries: `tests/reference/make_layer_reference.py` takes
//! strengths from networkx's explicit graphs, one edge per link, and activations from torch's own
//! modules.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_metrics::{LayerRow, MeasureOptions, NetworkMetrics, NeuronColumns, NeuronStatistics};
use cntflow_metrics::{measure, measure_with_inputs};
use cntflow_network::{Architecture, Network, Tensor};
use serde::Deserialize;
use serde_json::{Value, json};

/// Largest relative difference of strengths, statistics and the f64 forward pass.
const TOLERANCE: f64 = 1e-9;

/// Largest difference of the f32 forward pass, relative to the layer's largest value.
const SINGLE_TOLERANCE: f64 = 1e-5;

/// Difference that rounding alone can make, relative to the largest of the values that are summed.
const ROUNDING: f64 = 1e-12;

/// Mismatches printed of one network.
const SHOWN: usize = 12;

type Numbers = Vec<Option<f64>>;

#[derive(Deserialize)]
struct Reference {
    architecture: Value,
    tensors: BTreeMap<String, StoredTensor>,
    inputs: String,
    n_inputs: u64,
    /// Names of the numbers of a row.
    statistics: Vec<String>,
    expected: Vec<Expected>,
    /// What all else refers to.
    columns: Vec<Numbers>,
    /// What torch's f32 run gives.
    single_columns: Vec<Numbers>,
}

#[derive(Deserialize)]
struct StoredTensor {
    shape: Vec<usize>,
    f32: String,
}

#[derive(Deserialize)]
struct Expected {
    options: Value,
    n_links: u64,
    n_neurons: u64,
    neurons: Vec<Neurons>,
    rows: Vec<(usize, String, String, usize)>,
}

#[derive(Deserialize)]
struct Neurons {
    name: String,
    kind: String,
    role: String,
    shape: Vec<usize>,
    s_in: usize,
    s_out: usize,
    s_abs: usize,
    double: Option<Data>,
    single: Option<Data>,
}

/// Columns of mean, std, min, max and zero share.
type StatisticsColumns = [usize; 5];

#[derive(Deserialize)]
struct Data {
    pre: Option<StatisticsColumns>,
    post: StatisticsColumns,
    gates: Vec<(String, StatisticsColumns)>,
}

#[test]
fn every_kind_of_layer_equals_the_reference() {
    let folder = Path::new("../../tests/reference/layers");
    let files = fs_err::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    assert!(paths.len() >= 39, "{} references", paths.len());
    let mut report = Vec::new();
    for path in &paths {
        let text = fs_err::read_to_string(path).unwrap();
        let reference: Reference = serde_json::from_str(&text).unwrap();
        let mut found = Mismatches::default();
        found.network(&reference);
        if found.lines.is_empty() {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy();
        report.push(format!("{name}: {} mismatches", found.lines.len()));
        let shown = found.lines.iter().take(SHOWN);
        report.extend(shown.map(|line| format!("  {name} {line}")));
    }
    assert!(report.is_empty(), "\n{}", report.join("\n"));
}

/// What differs, with where and both numbers. Collected to the end, so that one mistake does
/// not hide the next.
#[derive(Default)]
struct Mismatches {
    lines: Vec<String>,
    /// The options that are checked now.
    variant: String,
}

impl Mismatches {
    fn add(&mut self, what: impl AsRef<str>) {
        self.lines
            .push(format!("{}: {}", self.variant, what.as_ref()));
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) -> bool {
        let same = found == expected;
        if !same {
            self.add(format!("{what}: found {found:?}, expected {expected:?}"));
        }
        same
    }

    /// `allowed` is the absolute difference allowed; `None` is NaN.
    fn number(&mut self, what: &str, found: f64, expected: Option<f64>, allowed: f64) {
        let close = match expected {
            None => found.is_nan(),
            Some(value) => (found - value).abs() <= allowed,
        };
        if !close {
            self.add(format!("{what}: found {found}, expected {expected:?}"));
        }
    }

    fn network(&mut self, reference: &Reference) {
        let architecture: Architecture =
            match serde_json::from_value(reference.architecture.clone()) {
                Ok(architecture) => architecture,
                Err(error) => return self.add(format!("the architecture: {error}")),
            };
        let network = Network::new(architecture, |tensor| {
            let stored = reference.tensors.get(tensor)?;
            Some(Tensor::owned(&stored.shape, floats(&stored.f32)))
        });
        let network = match network {
            Ok(network) => network,
            Err(error) => return self.add(format!("the network: {error}")),
        };
        for expected in &reference.expected {
            self.variant(&network, reference, expected);
        }
    }

    fn variant(&mut self, network: &Network<'_>, reference: &Reference, expected: &Expected) {
        if !expected.neurons.iter().any(|layer| layer.double.is_some()) {
            self.variant = expected.options.to_string();
            let found = measure(network, &options(&expected.options, "double"));
            return self.metrics(reference, expected, &found, true);
        }
        let inputs = floats(&reference.inputs);
        for precision in ["double", "single"] {
            self.variant = format!("{} {precision}", expected.options);
            let options = options(&expected.options, precision);
            match measure_with_inputs(network, &inputs, &options) {
                Ok(found) => {
                    self.same("n_inputs", found.n_inputs, reference.n_inputs);
                    if let Some(stop) = &found.stopped {
                        self.add(format!("stopped: {stop}"));
                    }
                    self.metrics(reference, expected, &found, precision == "double");
                }
                Err(error) => self.add(format!("measuring: {error}")),
            }
        }
    }

    fn metrics(
        &mut self,
        reference: &Reference,
        expected: &Expected,
        found: &NetworkMetrics,
        double: bool,
    ) {
        let names = |found: &NetworkMetrics| -> Vec<String> {
            found.neurons.iter().map(|n| n.name.clone()).collect()
        };
        let expected_names: Vec<String> = expected.neurons.iter().map(|n| n.name.clone()).collect();
        if !self.same("layers of neurons", names(found), expected_names) {
            return;
        }
        self.same("n_layers", found.n_layers, expected.neurons.len() as u64);
        self.same("n_neurons", found.n_neurons, expected.n_neurons);
        self.same("n_links", found.n_links, expected.n_links);
        self.same("not finite", [found.n_nan, found.n_infinite], [0, 0]);
        for (index, layer) in expected.neurons.iter().enumerate() {
            self.neurons(reference, index, layer, &found.neurons[index], double);
        }
        self.rows(reference, expected, found, double);
    }

    fn neurons(
        &mut self,
        reference: &Reference,
        index: usize,
        expected: &Neurons,
        found: &NeuronColumns,
        double: bool,
    ) {
        let what = format!("neurons of layer {index} ({})", expected.name);
        self.same(&what, found.layer, index);
        self.same(&what, found.kind.as_str(), &expected.kind);
        self.same(&what, found.role.as_str(), &expected.role);
        if !self.same(&what, found.shape.dimensions(), expected.shape.clone()) {
            return;
        }
        let numbers = |column: usize| &reference.columns[column];
        let (s_in, s_out) = (numbers(expected.s_in), numbers(expected.s_out));
        let scale = largest(numbers(expected.s_abs));
        self.column(&what, "s_in", &found.s_in, s_in, scale);
        self.column(&what, "s_out", &found.s_out, s_out, scale);
        self.column(&what, "s_abs", &found.s_abs, numbers(expected.s_abs), scale);
        let both = s_in.iter().zip(s_out);
        let strength: Numbers = both.map(|(a, b)| Some((*a)? + (*b)?)).collect();
        // Both terms are given to 12 digits.
        self.column(&what, "strength", &found.strength, &strength, 10.0 * scale);
        let (data, columns) = if double {
            (&expected.double, &reference.columns)
        } else {
            (&expected.single, &reference.single_columns)
        };
        let (Some(expected), Some(found)) = (data, &found.data) else {
            if expected.double.is_some() != found.data.is_some() {
                self.add(format!("{what}: data there on one side only"));
            }
            return;
        };
        self.statistics(
            &what,
            "pre",
            found.pre.as_ref(),
            expected.pre,
            columns,
            double,
        );
        self.statistics(
            &what,
            "post",
            found.post.as_ref(),
            Some(expected.post),
            columns,
            double,
        );
        let found_gates: Vec<&str> = found.gates.iter().map(|(gate, _)| *gate).collect();
        let expected_gates: Vec<&str> = expected.gates.iter().map(|(gate, _)| &**gate).collect();
        if self.same(&what, found_gates, expected_gates) {
            for ((gate, found), (_, expected)) in found.gates.iter().zip(&expected.gates) {
                self.statistics(&what, gate, Some(found), Some(*expected), columns, double);
            }
        }
    }

    fn column(&mut self, what: &str, name: &str, found: &[f64], expected: &Numbers, scale: f64) {
        if !self.same(
            &format!("{what} {name}, number of"),
            found.len(),
            expected.len(),
        ) {
            return;
        }
        for (neuron, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let allowed = TOLERANCE * expected.unwrap_or_default().abs() + ROUNDING * scale;
            self.number(
                &format!("{what} {name}[{neuron}]"),
                found,
                expected,
                allowed,
            );
        }
    }

    fn statistics(
        &mut self,
        what: &str,
        quantity: &str,
        found: Option<&NeuronStatistics>,
        expected: Option<StatisticsColumns>,
        columns: &[Numbers],
        double: bool,
    ) {
        let (Some(found), Some(expected)) = (found, expected) else {
            self.same(
                &format!("{what} {quantity} there"),
                found.is_some(),
                expected.is_some(),
            );
            return;
        };
        let [mean, std, min, max, zero_share] = expected.map(|column| &columns[column]);
        let scale = largest(min).max(largest(max));
        let pairs = [
            ("mean", &found.mean, mean),
            ("std", &found.std, std),
            ("min", &found.min, min),
            ("max", &found.max, max),
            ("zero_share", &found.zero_share, zero_share),
        ];
        for (name, found, expected) in pairs {
            let name = format!("{quantity}.{name}");
            if double {
                self.column(what, &name, found, expected, scale);
                continue;
            }
            if !self.same(
                &format!("{what} {name}, number of"),
                found.len(),
                expected.len(),
            ) {
                continue;
            }
            for (neuron, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let label = format!("{what} {name}[{neuron}]");
                self.number(&label, found, expected, SINGLE_TOLERANCE * scale);
            }
        }
    }

    fn rows(
        &mut self,
        reference: &Reference,
        expected: &Expected,
        found: &NetworkMetrics,
        double: bool,
    ) {
        let key = |row: &LayerRow| (row.layer, row.name.clone(), row.metric.as_str().to_owned());
        // The reference has no metrics of the outputs.
        let in_reference = |row: &&LayerRow| !row.metric.as_str().starts_with("probe_");
        let layers: Vec<&LayerRow> = found.layers.iter().filter(in_reference).collect();
        let mut rows: BTreeMap<_, _> = layers.iter().map(|row| (key(row), *row)).collect();
        self.same("rows, none twice", rows.len(), layers.len());
        for (layer, name, metric, column) in &expected.rows {
            let what = format!("layer {layer} ({name}) {metric}");
            let Some(row) = rows.remove(&(*layer, name.clone(), metric.clone())) else {
                self.add(format!("{what}: no such row"));
                continue;
            };
            let of_layer = &expected.neurons[*layer];
            self.same(&what, row.kind.as_str(), &of_layer.kind);
            self.same(&what, row.role.as_str(), &of_layer.role);
            // Over f32 activations, summaries are as far off as these.
            if double || !row.metric.needs_inputs() {
                let numbers = &reference.columns[*column];
                let scale = largest(&reference.columns[of_layer.s_abs]);
                self.summary(&what, row, &reference.statistics, numbers, scale);
            }
        }
        for ((layer, name, metric), row) in rows {
            if row.summary.count > 0 || metric != "link_weights" {
                self.add(format!("layer {layer} ({name}) {metric}: a row too many"));
            }
        }
    }

    /// One number in `mean` or all statistics. `strength` is the largest absolute strength of the
    /// layer.
    fn summary(
        &mut self,
        what: &str,
        row: &LayerRow,
        statistics: &[String],
        expected: &Numbers,
        strength: f64,
    ) {
        if let [single] = expected[..] {
            let allowed =
                TOLERANCE * single.unwrap_or_default().abs() + ROUNDING * strength.max(1.0);
            return self.number(&format!("{what} mean"), row.summary.mean, single, allowed);
        }
        let found: BTreeMap<_, _> = row.summary.columns().into_iter().collect();
        let expected: BTreeMap<_, _> = statistics
            .iter()
            .map(String::as_str)
            .zip(expected)
            .collect();
        let value = |name: &str| expected[name].unwrap_or(f64::NAN);
        let largest = value("min").abs().max(value("max").abs());
        let spread = value("std");
        // All values are equal but for rounding: what the shape of the rounding is, nobody needs to
        // agree on.
        let constant = spread <= ROUNDING * largest;
        for (&name, &&expected) in &expected {
            let floor = match name {
                "skewness" | "kurtosis" if constant => continue,
                "skewness" | "kurtosis" => ROUNDING * (1.0 + largest / spread),
                "count" => 0.0,
                _ => ROUNDING * largest,
            };
            let allowed = TOLERANCE * expected.unwrap_or_default().abs() + floor;
            self.number(&format!("{what} {name}"), found[name], expected, allowed);
        }
    }
}

/// The options of a variant, in small batches, so that there are several.
fn options(variant: &Value, precision: &str) -> MeasureOptions {
    let mut options = variant.clone();
    options["precision"] = json!(precision);
    options["batch"] = json!(3);
    serde_json::from_value(options).unwrap()
}

fn largest(values: &Numbers) -> f64 {
    let absolute = values.iter().flatten().map(|x| x.abs());
    absolute.fold(0.0, f64::max)
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
