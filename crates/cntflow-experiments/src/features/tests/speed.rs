//! Time and memory of a large table, which is made while it is read: it is never in memory.
//!
//! `cargo test --release -p cntflow-experiments features::tests::speed -- --ignored --nocapture`

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, Column, DataFrame, DataType, Field, IntoLazy, LazyFrame,
    PlSmallStr, PolarsResult, ScanArgsAnonymous, Schema, SchemaRef,
};

use super::super::metrics::ALL_STATISTICS;
use super::super::{FeatureInputs, read_features};
use crate::spec::Representation;

const N_NETWORKS: usize = 50_000;
const N_LAYERS: usize = 8;
/// Rows that one chunk of the scan has, as a row group has.
const CHUNK: usize = 1 << 17;

const METRICS: [&str; 21] = [
    "link_weights",
    "kernel_weights",
    "biases",
    "nodes_strength",
    "strength_in",
    "strength_out",
    "strength_abs",
    "layers_fluctuation",
    "normalised_fluctuation_in",
    "normalised_fluctuation_out",
    "normalised_fluctuation_in_abs",
    "normalised_fluctuation_out_abs",
    "normalised_fluctuation_in_square",
    "normalised_fluctuation_out_square",
    "coupling",
    "coupling_abs",
    "neurons_strength",
    "neurons_strength_std",
    "neurons_activation",
    "neurons_activation_std",
    "neurons_activation_zero_share",
];

/// A table `layers` whose columns are made when they are asked for.
struct MadeTable;

fn checkpoint(network: usize) -> String {
    format!("dense-rectified-{network:05}/step-00004.safetensors")
}

fn schema() -> SchemaRef {
    let texts = ["checkpoint", "name", "kind", "role", "metric"];
    let mut fields: Vec<Field> = texts
        .iter()
        .map(|name| Field::new((*name).into(), DataType::String))
        .collect();
    fields.push(Field::new("layer".into(), DataType::UInt32));
    fields.push(Field::new("count".into(), DataType::UInt64));
    let statistics = ALL_STATISTICS.iter();
    fields.extend(statistics.map(|name| Field::new((*name).into(), DataType::Float64)));
    Arc::new(Schema::from_iter(fields))
}

fn column(name: &str, rows: std::ops::Range<usize>) -> Column {
    let layer = |row: usize| row / METRICS.len() % N_LAYERS;
    let texts = |of: &dyn Fn(usize) -> String| -> Vec<String> { rows.clone().map(of).collect() };
    let by_place = |texts: [&'static str; 3]| {
        move |row: usize| match layer(row) {
            0 => texts[0].to_owned(),
            layer if layer == N_LAYERS - 1 => texts[2].to_owned(),
            _ => texts[1].to_owned(),
        }
    };
    let of_row = PlSmallStr::from_str(name);
    match name {
        "checkpoint" => {
            let per_network = METRICS.len() * N_LAYERS;
            Column::new(of_row, texts(&|row| checkpoint(row / per_network)))
        }
        "name" => Column::new(of_row, texts(&|row| format!("layer{}", layer(row)))),
        "kind" => Column::new(of_row, texts(&by_place(["input", "dense", "dense"]))),
        "role" => Column::new(of_row, texts(&by_place(["input", "hidden", "output"]))),
        "metric" => Column::new(
            of_row,
            texts(&|row| METRICS[row % METRICS.len()].to_owned()),
        ),
        "layer" => {
            let layers: Vec<u32> = rows.map(|row| layer(row) as u32).collect();
            Column::new(of_row, layers)
        }
        "count" => Column::new(of_row, vec![64_u64; rows.len()]),
        _ => {
            let values: Vec<f64> = rows.map(|row| (row * name.len() % 9973) as f64).collect();
            Column::new(of_row, values)
        }
    }
}

impl AnonymousScan for MadeTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, arguments: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let n_rows = N_NETWORKS * N_LAYERS * METRICS.len();
        let names: Vec<PlSmallStr> = match &arguments.with_columns {
            Some(names) => names.to_vec(),
            None => schema().iter_names().cloned().collect(),
        };
        let mut frame: Option<DataFrame> = None;
        for first in (0..n_rows).step_by(CHUNK) {
            let rows = first..(first + CHUNK).min(n_rows);
            let columns = names
                .iter()
                .map(|name| column(name, rows.clone()))
                .collect();
            let chunk = DataFrame::new(rows.len(), columns)?;
            match &mut frame {
                None => frame = Some(chunk),
                Some(frame) => {
                    frame.vstack_mut(&chunk)?;
                }
            }
        }
        Ok(frame.unwrap_or_default())
    }

    fn schema(&self, _infer_schema_length: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(schema())
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

/// Largest resident memory of this process so far, in MiB.
fn peak_mib() -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

#[test]
#[ignore = "a table of 8.4 million rows"]
#[allow(clippy::print_stderr)]
fn a_large_table_is_read_in_seconds() {
    let arguments = ScanArgsAnonymous {
        schema: Some(schema()),
        name: "MADE TABLE",
        ..ScanArgsAnonymous::default()
    };
    let layers = LazyFrame::anonymous_scan(Arc::new(MadeTable), arguments).unwrap();
    let start = Instant::now();
    let passes: [&[&str]; 7] = [
        &["layer", "checkpoint", "metric"],
        &["layer", "name", "kind", "role"],
        &["layer", "mean", "std", "skewness"],
        &["layer", "kurtosis", "q01", "q05"],
        &["layer", "q25", "q50", "q75"],
        &["layer", "q95", "q99", "min"],
        &["layer", "max", "l1", "l2"],
    ];
    for names in passes {
        let columns: Vec<_> = names
            .iter()
            .map(|name| polars::prelude::col(*name))
            .collect();
        drop(layers.clone().select(columns).collect().unwrap());
    }
    eprintln!(
        "the scan alone: {:.1} s, peak {:.0} MiB",
        start.elapsed().as_secs_f64(),
        peak_mib()
    );
    let checkpoints: Vec<String> = (0..N_NETWORKS).map(checkpoint).collect();
    let inputs = FeatureInputs {
        networks: DataFrame::empty().lazy(),
        layers,
        checkpoints: &checkpoints,
        steps: &[],
        hyperparameters: &[],
    };
    let sets = ["cnt", "data_dependent", "tensor_7", "last_7", "norms"];
    let expressions: Vec<_> = sets.iter().map(|text| text.parse().unwrap()).collect();
    for representation in [
        Representation::Role,
        Representation::RoleNormalised,
        Representation::Position,
    ] {
        let start = Instant::now();
        let source = read_features(&inputs, representation, &expressions).unwrap();
        eprintln!(
            "{}: {} x {}, {:.1} s, peak {:.0} MiB",
            representation.name(),
            source.table().n_rows(),
            source.table().n_columns(),
            start.elapsed().as_secs_f64(),
            peak_mib(),
        );
    }
}
