//! Writes the tables of made-up networks: `make_tables FOLDER N` commits N checkpoints, two to a
//! run, in batches of the default size, and merges them. `benches/table_queries` queries them.
//!
//! One small network is measured; each checkpoint has its rows with all statistics multiplied by a
//! factor of its own, so that columns of reals are as hard to compress as those of real networks.

use std::error::Error;
use std::path::Path;

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_metrics::{MeasureOptions, NetworkMetrics, measure};
use cntflow_network::{Network, Tensor};
use cntflow_storage::Location;
use cntflow_tables::{Batch, BatchLimits, Record, Status, TableStore};

const ARCHITECTURE: &str = r#"{"input": [16], "layers": [
    {"kind": "dense", "name": "fc1", "units": 12, "activation": "relu"},
    {"kind": "dense", "name": "fc2", "units": 8, "activation": "relu"},
    {"kind": "dense", "name": "fc3", "units": 4, "activation": "softmax"}]}"#;

const ACTIVATIONS: [&str; 3] = ["relu", "tanh", "sigmoid"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: make_tables FOLDER N")?;
    let n: usize = arguments
        .next()
        .ok_or("usage: make_tables FOLDER N")?
        .parse()?;
    let store = TableStore::new(Path::new(&folder));
    let labels = [
        ("activation", LabelKind::Text),
        ("learning_rate", LabelKind::Real),
        ("seed", LabelKind::Integer),
        ("test_accuracy", LabelKind::Real),
    ];
    let labels = labels.map(|(name, kind)| LabelColumn {
        name: name.to_owned(),
        kind,
    });
    let mut batch = Batch::new(
        store.clone(),
        BatchLimits::default(),
        labels.into(),
        [].into(),
        "w0".to_owned(),
    );
    let template = measure_template()?;
    for number in 0..n {
        batch.add(record(number, &template));
        if batch.is_full() {
            batch.commit()?;
        }
    }
    batch.commit()?;
    store.merge("all")?;
    Ok(())
}

fn measure_template() -> Result<NetworkMetrics, Box<dyn Error>> {
    let shapes: [(&str, &[usize]); 6] = [
        ("fc1.weight", &[12, 16]),
        ("fc1.bias", &[12]),
        ("fc2.weight", &[8, 12]),
        ("fc2.bias", &[8]),
        ("fc3.weight", &[4, 8]),
        ("fc3.bias", &[4]),
    ];
    let values: Vec<f32> = (0..256_u64).map(|index| unit(index) as f32 - 0.5).collect();
    let network = Network::new(serde_json::from_str(ARCHITECTURE)?, |name| {
        let (_, shape) = shapes.iter().find(|(tensor, _)| *tensor == name)?;
        let n_values = shape.iter().product();
        Some(Tensor::borrowed(shape, &values[..n_values]))
    })?;
    let mut metrics = measure(&network, &MeasureOptions::default());
    metrics.neurons.clear();
    Ok(metrics)
}

fn record(number: usize, template: &NetworkMetrics) -> Record {
    let (run, step) = (number / 2, number as i64 % 2);
    let mut metrics = template.clone();
    for (index, row) in metrics.layers.iter_mut().enumerate() {
        scale(row, 0.5 + unit((number * 1000 + index) as u64));
    }
    let labels = [
        ("activation", Label::Text(ACTIVATIONS[run % 3].into())),
        ("learning_rate", Label::Real(unit(run as u64))),
        ("seed", Label::Integer(run as i64)),
        ("test_accuracy", Label::Real(unit(number as u64 + 7))),
    ];
    Record {
        entry: CatalogEntry {
            checkpoint: format!("runs/run-{run:06}/step-{step:05}.safetensors"),
            location: Location::default(),
            run: format!("run-{run:06}").as_str().into(),
            step,
            architecture: None,
            labels: labels
                .into_iter()
                .map(|(name, label)| (name.to_owned(), label))
                .collect(),
            parent: None,
            absent: None,
        },
        status: Status::Ok,
        reason: None,
        digest: Some(format!("{:064x}", number as u128 * 0x9e37_79b9_7f4a_7c15)),
        bytes: Some(1588),
        metrics: Some(metrics),
        coverage: Vec::new(),
        samples: None,
        seconds: 0.001,
    }
}

fn scale(row: &mut cntflow_metrics::LayerRow, factor: f64) {
    let summary = &mut row.summary;
    for value in [
        &mut summary.mean,
        &mut summary.std,
        &mut summary.skewness,
        &mut summary.kurtosis,
        &mut summary.min,
        &mut summary.q01,
        &mut summary.q05,
        &mut summary.q25,
        &mut summary.q50,
        &mut summary.q75,
        &mut summary.q95,
        &mut summary.q99,
        &mut summary.max,
        &mut summary.l1,
        &mut summary.l2,
    ] {
        *value *= factor;
    }
}

/// A number in [0, 1) that looks random (splitmix64).
fn unit(index: u64) -> f64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
