//! What `cntflow inspect` prints: one checkpoint, its graph, its metrics, and the use of its
//! tensors.

use cntflow_architecture::{Coverage, ResolvedArchitecture};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::{KnownGraph, LayerRow, NetworkMetrics};
use serde_json::{Value, json};

use super::graph::GraphView;
use super::layer_comparison::{self, compare_layers};
use super::plot::PlotStyle;
use super::sample_plots;
use crate::measure::measured::Measured;
use crate::printer;

/// An opened checkpoint and what could be read of it.
pub(crate) struct Inspection {
    /// The checkpoint.
    pub(crate) checkpoint: OpenCheckpoint,
    /// Its network; `None` if it could not be measured.
    pub(crate) network: Option<InspectedNetwork>,
    /// The use of every tensor.
    pub(crate) coverage: Vec<Coverage>,
    /// Why the network could not be measured, or which weights are not finite.
    pub(crate) failure: Option<String>,
    /// Whether the layers are compared with each other.
    pub(crate) compares_layers: bool,
    /// How the values of layers are plotted; `None` for no plots.
    pub(crate) plots: Option<PlotStyle>,
}

/// A network that was measured.
pub(crate) struct InspectedNetwork {
    /// Its architecture; `None` if only the weights were measured.
    pub(crate) resolved: Option<ResolvedArchitecture>,
    /// Its metrics.
    pub(crate) measured: Measured,
}

impl Inspection {
    /// The file, the graph, tables of the metrics, the failure if there is one, and a table of the
    /// tensors.
    pub(crate) fn text(&self) -> String {
        let checkpoint = &self.checkpoint;
        let mut parts = vec![format!(
            "{}, {}, {} bytes, BLAKE3 {}",
            checkpoint.path().display(),
            checkpoint.format(),
            checkpoint.bytes(),
            checkpoint.digest()
        )];
        if let Some(network) = &self.network {
            parts.extend(network.text(self.compares_layers, self.plots));
        }
        parts.extend(
            self.failure
                .iter()
                .map(|failure| format!("failed: {failure}")),
        );
        parts.push(coverage_table(&self.coverage));
        parts.join("\n\n")
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "file": self.checkpoint.path(),
            "format": self.checkpoint.format(),
            "bytes": self.checkpoint.bytes(),
            "digest": self.checkpoint.digest(),
            "network": self.network.as_ref().map(|network| network.json()),
            "coverage": self.coverage.iter().map(coverage_json).collect::<Vec<_>>(),
            "failure": self.failure,
        })
    }
}

impl InspectedNetwork {
    fn text(&self, compares_layers: bool, plots: Option<PlotStyle>) -> Vec<String> {
        let metrics = &self.measured.metrics;
        let mut parts = Vec::new();
        if let Some(resolved) = &self.resolved {
            parts.extend(graph_text(resolved, metrics));
        }
        let header = [
            "layer", "name", "kind", "role", "metric", "count", "mean", "std", "min", "q50", "max",
        ];
        parts.push(printer::table(header, metrics.layers.iter().map(layer_row)));
        parts.extend(self.measured.omitted.clone());
        let samples = &self.measured.samples;
        if let Some(style) = plots.filter(|_| !samples.is_empty()) {
            parts.push(sample_plots::text(samples, style));
        }
        if compares_layers && !samples.is_empty() {
            parts.push(layer_comparison::text(&compare_layers(samples)));
        }
        parts
    }

    fn json(&self) -> Value {
        let metrics = &self.measured.metrics;
        let samples = &self.measured.samples;
        let resolved = self.resolved.as_ref();
        let graph = resolved.and_then(|resolved| GraphView::new(resolved, Some(metrics)));
        let densities =
            (!samples.is_empty()).then(|| layer_comparison::json(&compare_layers(samples)));
        json!({
            "architecture": resolved.map(|resolved| &resolved.architecture),
            "architecture_from": resolved.map(|resolved| resolved.source),
            "graph": graph.map(|graph| graph.json()),
            "n_layers": resolved.map(|_| metrics.n_layers),
            "n_neurons": resolved.map(|_| metrics.n_neurons),
            "n_links": resolved.map(|_| metrics.n_links),
            "known_graph": metrics.graph.as_str(),
            "n_parameters": metrics.n_parameters,
            "placed_parameters": metrics.placed_parameters,
            "doubts": resolved.map(|resolved| &resolved.assumptions),
            "left_out": self.measured.omitted,
            "densities": densities,
            "layers": metrics.layers.iter().map(layer_json).collect::<Vec<_>>(),
        })
    }
}

fn graph_text(resolved: &ResolvedArchitecture, metrics: &NetworkMetrics) -> Vec<String> {
    let placed = match metrics.graph {
        KnownGraph::Parts => format!(", {} of them in the graph", metrics.placed_parameters),
        KnownGraph::Whole | KnownGraph::None => String::new(),
    };
    let mut parts = vec![format!(
        "architecture from {}: {} layers of neurons, {} neurons, {} links, {} parameters{placed}",
        resolved.source, metrics.n_layers, metrics.n_neurons, metrics.n_links, metrics.n_parameters
    )];
    let assumptions = resolved.assumptions.iter();
    parts.extend(assumptions.map(|assumption| format!("assumed: {assumption}")));
    parts.extend(GraphView::new(resolved, Some(metrics)).map(|graph| graph.text()));
    parts
}

fn layer_row(row: &LayerRow) -> Vec<String> {
    let mut cells = vec![
        row.layer.to_string(),
        row.name.clone(),
        row.kind.as_str().to_owned(),
        row.role.as_str().to_owned(),
        row.metric.as_str().to_owned(),
        row.summary.count.to_string(),
    ];
    let summary = &row.summary;
    let statistics = [
        summary.mean,
        summary.std,
        summary.min,
        summary.q50,
        summary.max,
    ];
    cells.extend(statistics.map(|value| {
        if value.is_nan() {
            "-".to_owned()
        } else {
            format!("{value:.6}")
        }
    }));
    cells
}

fn layer_json(row: &LayerRow) -> Value {
    let mut document = json!({
        "layer": row.layer,
        "name": row.name,
        "kind": row.kind.as_str(),
        "role": row.role.as_str(),
        "metric": row.metric.as_str(),
    });
    for (name, value) in row.summary.columns() {
        document[name] = json!(value);
    }
    document
}

pub(super) fn coverage_table(coverage: &[Coverage]) -> String {
    let header = ["tensor", "shape", "type", "used as", ""];
    printer::table(header, coverage.iter().map(coverage_row))
}

fn coverage_row(row: &Coverage) -> Vec<String> {
    vec![
        row.tensor.name.clone(),
        format!("{:?}", row.tensor.shape),
        row.tensor.element.to_string(),
        row.used_as.clone().unwrap_or_else(|| "-".to_owned()),
        row.reason.clone().unwrap_or_default(),
    ]
}

pub(super) fn coverage_json(row: &Coverage) -> Value {
    json!({
        "tensor": row.tensor.name,
        "shape": row.tensor.shape,
        "dtype": row.tensor.element.as_str(),
        "used_as": row.used_as,
        "reason": row.reason,
    })
}
