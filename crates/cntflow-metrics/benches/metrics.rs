//! Metrics per kernel and size: the static ones, the summary of a column, and those over inputs.
//!
//! `cargo bench -p cntflow-metrics` runs all; `cargo bench -p cntflow-metrics -- dense` those of
//! that name. Throughput is in weights, values, parameters or inputs. The whole command against
//! numpy and PyTorch is `benches/metrics_speed`, at the top level.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;

use cntflow_metrics::{
    MeasureOptions, Metric, Precision, QuantileSketch, Summary, measure, measure_with_inputs,
};
use cntflow_network::{Architecture, Network, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// About normal, from a seed: the sum of four uniform numbers.
fn normal(n: usize, mut seed: u64) -> Vec<f32> {
    let mut uniform = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| (0..4).map(|_| uniform()).sum()).collect()
}

fn network(json: &str) -> Network<'static> {
    let architecture: Architecture = serde_json::from_str(json).expect("an architecture");
    let tensors = architecture.tensors().expect("tensors");
    Network::new(architecture, |name| {
        let spec = tensors.iter().find(|spec| spec.name == name)?;
        let values = normal(spec.n_values(), name.len() as u64);
        Some(Tensor::owned(&spec.shape, values))
    })
    .expect("a network")
}

fn bench_network(criterion: &mut Criterion, group: &str, size: &str, json: &str) {
    let network = network(json);
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(network.n_parameters()));
    for (what, metrics, strongest_links) in [
        ("all", Metric::ALL.to_vec(), 0),
        ("strengths", vec![Metric::NodesStrength], 0),
        ("strengths-24-links", vec![Metric::NodesStrength], 24),
        ("strengths-1024-links", vec![Metric::NodesStrength], 1024),
    ] {
        let options = MeasureOptions {
            metrics,
            strongest_links,
            ..MeasureOptions::default()
        };
        group.bench_function(BenchmarkId::new(what, size), |bencher| {
            bencher.iter(|| measure(black_box(&network), &options));
        });
    }
}

fn dense(criterion: &mut Criterion) {
    for (n_in, n_out) in [(10, 10), (784, 32), (784, 200), (4097, 1000)] {
        let json =
            format!(r#"{{"input": [{n_in}], "layers": [{{"kind": "dense", "units": {n_out}}}]}}"#);
        bench_network(criterion, "dense", &format!("{n_in}x{n_out}"), &json);
    }
}

fn convolution(criterion: &mut Criterion) {
    for (channels, side, filters) in [(3, 32, 32), (32, 30, 64), (256, 8, 256)] {
        let json = format!(
            r#"{{"input": [{channels}, {side}, {side}],
                "layers": [{{"kind": "conv2d", "filters": {filters}, "kernel": [3, 3], "padding": [1, 1]}}]}}"#
        );
        let size = format!("{channels}x{side}x{side}-{filters}");
        bench_network(criterion, "convolution", &size, &json);
    }
}

fn columns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("summary");
    for n in [100, 1_000, 10_000, 100_000] {
        let values: Vec<f64> = normal(n, 1).into_iter().map(f64::from).collect();
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
            bencher.iter(|| Summary::of(black_box(&values)));
        });
    }
}

fn sketch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quantile_sketch");
    let values = normal(1 << 20, 1);
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function(BenchmarkId::from_parameter(values.len()), |bencher| {
        bencher.iter(|| {
            let mut sketch = QuantileSketch::default();
            sketch.add(black_box(&values));
            sketch.quantile(0.5)
        });
    });
}

/// 256 inputs through a network, with the statistics of every neuron.
fn inputs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inputs");
    for (what, json) in [
        (
            "dense",
            r#"{"input": [784], "layers": [{"kind": "dense", "units": 200, "activation": "relu"},
                {"kind": "dense", "units": 10, "activation": "softmax"}]}"#,
        ),
        (
            "convolution",
            r#"{"input": [3, 32, 32], "layers": [{"kind": "conv2d", "filters": 16, "kernel": [3, 3], "activation": "relu"},
                {"kind": "max_pool2d", "window": [2, 2]}, {"kind": "dense", "units": 10, "activation": "softmax"}]}"#,
        ),
        (
            "lstm",
            r#"{"input": [28, 28], "layers": [{"kind": "lstm", "units": 64}, {"kind": "take_step", "which": "last"},
                {"kind": "dense", "units": 10, "activation": "softmax"}]}"#,
        ),
        (
            "transformer",
            r#"{"input": [16, 32], "layers": [{"kind": "transformer_encoder", "heads": 4, "feed_forward": 64},
                {"kind": "take_step", "which": "mean"}, {"kind": "dense", "units": 10, "activation": "softmax"}]}"#,
        ),
    ] {
        let network = network(json);
        let values = normal(256 * network.neurons()[0].shape.n_values(), 7);
        group.throughput(Throughput::Elements(256));
        for precision in [Precision::Single, Precision::Double] {
            let options = MeasureOptions {
                precision,
                ..MeasureOptions::default()
            };
            let id = BenchmarkId::new(what, format!("{precision:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| measure_with_inputs(black_box(&network), &values, &options));
            });
        }
    }
}

criterion_group!(benches, dense, convolution, columns, sketch, inputs);
criterion_main!(benches);
