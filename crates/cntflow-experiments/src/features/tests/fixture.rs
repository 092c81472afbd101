//! Tables of a few networks.

use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};

use super::super::metrics::ALL_STATISTICS;
use super::super::{FeatureInputs, FeatureSource, Result, read_features};
use crate::spec::Representation;

/// A row of the table `layers`; other statistics are null.
#[derive(Clone, Debug)]
pub(super) struct Row {
    checkpoint: String,
    layer: u32,
    name: String,
    kind: String,
    role: String,
    metric: String,
    count: u64,
    statistics: Vec<(&'static str, f64)>,
}

impl Row {
    pub(super) fn with_count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    pub(super) fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    pub(super) fn of(mut self, checkpoint: &str) -> Self {
        self.checkpoint = checkpoint.to_owned();
        self
    }
}

/// A row of checkpoint `a`. `place`: layer, kind and role.
pub(super) fn row(
    (layer, kind, role): (u32, &str, &str),
    metric: &str,
    statistics: &[(&'static str, f64)],
) -> Row {
    Row {
        checkpoint: "a".to_owned(),
        layer,
        name: format!("layer{layer}"),
        kind: kind.to_owned(),
        role: role.to_owned(),
        metric: metric.to_owned(),
        count: 1,
        statistics: statistics.to_vec(),
    }
}

pub(super) const INPUT: (u32, &str, &str) = (0, "input", "input");

/// All static metrics of a dense network with the given hidden layers; the mean of each is
/// `value` plus its layer.
pub(super) fn dense_network(checkpoint: &str, n_hidden: u32, value: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for layer in 0..n_hidden + 2 {
        let (kind, role) = match layer {
            0 => ("input", "input"),
            _ if layer == n_hidden + 1 => ("dense", "output"),
            _ => ("dense", "hidden"),
        };
        let statistics = [
            ("mean", value + f64::from(layer)),
            ("std", 2.0),
            ("q25", value),
            ("q50", value + 0.5),
            ("q75", value + 1.0),
            ("skewness", 0.1 * value),
            ("min", -value),
            ("max", 3.0 * value),
            ("l1", 5.0 * value),
            ("l2", 4.0 * value),
        ];
        let of_links = ["link_weights", "kernel_weights", "biases"];
        let of_neurons = [
            "nodes_strength",
            "strength_in",
            "strength_out",
            "strength_abs",
        ];
        let scalars = [
            "layers_fluctuation",
            "normalised_fluctuation_in",
            "normalised_fluctuation_out",
        ];
        for metric in of_links.iter().filter(|_| layer > 0).chain(&of_neurons) {
            let row = row((layer, kind, role), metric, &statistics).of(checkpoint);
            rows.push(row.with_count(if metric.ends_with("weights") { 12 } else { 3 }));
        }
        for metric in scalars.iter().filter(|_| layer > 0) {
            rows.push(row((layer, kind, role), metric, &statistics[..1]).of(checkpoint));
        }
        if role == "hidden" {
            rows.push(row((layer, kind, role), "coupling", &statistics[..1]).of(checkpoint));
        }
    }
    rows
}

pub(super) fn layers(rows: &[Row]) -> LazyFrame {
    let text = |name: &str, of: fn(&Row) -> &str| {
        let values: Vec<&str> = rows.iter().map(of).collect();
        Column::new(name.into(), values)
    };
    let indices: Vec<u32> = rows.iter().map(|row| row.layer).collect();
    let counts: Vec<u64> = rows.iter().map(|row| row.count).collect();
    let mut columns = vec![
        text("checkpoint", |row| &row.checkpoint),
        Column::new("layer".into(), indices),
        text("name", |row| &row.name),
        text("kind", |row| &row.kind),
        text("role", |row| &row.role),
        text("metric", |row| &row.metric),
        Column::new("count".into(), counts),
    ];
    for statistic in ALL_STATISTICS {
        let value = |row: &Row| {
            let mut statistics = row.statistics.iter();
            statistics
                .find(|(name, _)| *name == statistic)
                .map(|(_, value)| *value)
        };
        let values: Vec<Option<f64>> = rows.iter().map(value).collect();
        columns.push(Column::new(statistic.into(), values));
    }
    DataFrame::new_infer_height(columns).unwrap().lazy()
}

/// The features of checkpoints by their names, for expressions as in a study file.
pub(super) fn read(
    rows: &[Row],
    checkpoints: &[&str],
    representation: Representation,
    expressions: &[&str],
) -> Result<FeatureSource> {
    let checkpoints: Vec<String> = checkpoints.iter().map(|name| (*name).to_owned()).collect();
    let inputs = FeatureInputs {
        networks: DataFrame::empty().lazy(),
        layers: layers(rows),
        checkpoints: &checkpoints,
        steps: &vec![1.0; checkpoints.len()],
        hyperparameters: &[],
    };
    let expressions: Vec<_> = expressions
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    read_features(&inputs, representation, &expressions)
}

/// Names of an expression's columns.
pub(super) fn names(source: &FeatureSource, expression: &str) -> Vec<String> {
    source.select(&expression.parse().unwrap()).names().to_vec()
}

/// The value of a column; panics if there is none.
pub(super) fn value(source: &FeatureSource, row: usize, name: &str) -> f64 {
    let column = source.table().column(name);
    let column = column.unwrap_or_else(|| panic!("no {name} in {:?}", source.table().names()));
    source.table().values()[[row, column]]
}
