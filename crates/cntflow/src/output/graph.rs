//! The graph of a network, layer by layer.

use std::collections::HashMap;

use cntflow_architecture::ResolvedArchitecture;
use cntflow_metrics::{Metric, NetworkMetrics};
use cntflow_network::{Graph, LinkLayer, NeuronLayer, Shape};
use serde_json::{Value, json};

use crate::printer;

/// The graph of a network.
pub(super) struct GraphView<'v> {
    graph: Graph,
    /// Numbers of the links of each layer by its index and name; empty if nothing was measured.
    n_links: HashMap<(usize, &'v str), u64>,
    image_size_unknown: bool,
}

/// Numbers of links with weights of their own, biases included.
fn n_links(metrics: &NetworkMetrics) -> HashMap<(usize, &str), u64> {
    let rows = metrics.layers.iter();
    let rows = rows.filter(|row| row.metric == Metric::LinkWeights);
    let counted = rows.map(|row| {
        let summary = &row.summary;
        let n = summary.count + summary.nan + summary.infinite;
        ((row.layer, row.name.as_str()), n)
    });
    counted.collect()
}

impl<'v> GraphView<'v> {
    /// The graph of an architecture; `None` if the architecture is not a valid graph.
    pub(super) fn new(
        resolved: &ResolvedArchitecture,
        metrics: Option<&'v NetworkMetrics>,
    ) -> Option<Self> {
        Some(Self {
            graph: resolved.architecture.plan().ok()?,
            n_links: metrics.map(n_links).unwrap_or_default(),
            image_size_unknown: resolved.image_size_unknown,
        })
    }

    /// A table with a row for each layer of links, and a row for each layer without incoming links.
    pub(super) fn text(&self) -> String {
        let header = [
            "layer",
            "name",
            "kind",
            "neurons",
            "activation",
            "from",
            "links",
            "kernel",
        ];
        let mut rows = Vec::new();
        for layer in &self.graph.neurons {
            let mut incoming = self.graph.links_into(layer.index).peekable();
            if incoming.peek().is_none() {
                rows.push(self.row(layer, None));
            }
            rows.extend(incoming.map(|(_, links)| self.row(layer, Some(links))));
        }
        printer::table(header, rows)
    }

    fn row(&self, layer: &NeuronLayer, links: Option<&LinkLayer>) -> Vec<String> {
        let none = || "-".to_owned();
        let name = links.map_or(&layer.name, |links| &links.name);
        let activation = layer
            .activation
            .map_or("unknown", |activation| activation.as_str());
        let unknown = layer.open.into.then(|| "unknown".to_owned());
        let from = links.map(|links| self.graph.neurons[links.from].name.clone());
        let n_links = links.and_then(|links| self.n_links(links));
        let kernel = links.and_then(|links| links.kernel.as_ref());
        vec![
            layer.index.to_string(),
            name.clone(),
            layer.kind.as_str().to_owned(),
            self.shape_text(layer.shape),
            activation.to_owned(),
            from.or(unknown).unwrap_or_else(none),
            n_links.map_or_else(none, |n| n.to_string()),
            kernel.map_or_else(none, |kernel| format!("{:?}", kernel.shape)),
        ]
    }

    /// Number of links with their own weights, biases included; `None` for links without weights,
    /// such as those of pooling and addition, and where nothing was measured.
    fn n_links(&self, links: &LinkLayer) -> Option<u64> {
        self.n_links.get(&(links.to, links.name.as_str())).copied()
    }

    fn shape_text(&self, shape: Shape) -> String {
        match shape {
            Shape::Spatial { channels, .. } if self.image_size_unknown => {
                format!("{channels} channels")
            }
            shape => shape.to_string(),
        }
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Value {
        let layers = self.graph.neurons.iter().map(|layer| {
            let links = self.graph.links_into(layer.index).map(|(_, links)| {
                json!({
                    "name": links.name,
                    "from": self.graph.neurons[links.from].name,
                    "n_links": self.n_links(links),
                    "kernel": links.kernel.as_ref().map(|kernel| &kernel.shape),
                })
            });
            json!({
                "layer": layer.index,
                "name": layer.name,
                "kind": layer.kind.as_str(),
                "neurons": self.shape_text(layer.shape),
                "activation": layer.activation.map(|activation| activation.as_str()),
                "open_in": layer.open.into,
                "open_out": layer.open.from,
                "links": links.collect::<Vec<_>>(),
            })
        });
        layers.collect()
    }
}
