//! The graph that was understood of a checkpoint, layer by layer, for the eye and as JSON.

use cntflow_checkpoint::Understood;
use cntflow_metrics::{Metric, NetworkMetrics};
use cntflow_network::{Graph, LinkLayer, NeuronLayer, Shape};
use serde_json::{Value, json};

use crate::printer;

/// A checkpoint's graph with what was counted of it.
pub(crate) struct GraphView<'v> {
    graph: Graph,
    metrics: &'v NetworkMetrics,
    sizes_assumed: bool,
}

impl<'v> GraphView<'v> {
    /// The graph of an architecture that has been measured; `None` if it makes none.
    pub(crate) fn new(understood: &Understood, metrics: &'v NetworkMetrics) -> Option<Self> {
        Some(Self {
            graph: understood.architecture.plan().ok()?,
            metrics,
            sizes_assumed: understood.sizes_assumed,
        })
    }

    /// A table: a line per layer of links, one for the inputs.
    pub(crate) fn text(&self) -> String {
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
        let mut lines = Vec::new();
        for layer in &self.graph.neurons {
            let mut parts = self.graph.links_into(layer.index).peekable();
            if parts.peek().is_none() {
                lines.push(self.line(layer, None));
            }
            lines.extend(parts.map(|(_, links)| self.line(layer, Some(links))));
        }
        printer::table(header, lines)
    }

    fn line(&self, layer: &NeuronLayer, links: Option<&LinkLayer>) -> Vec<String> {
        let unknown = || "-".to_owned();
        let name = links.map_or(&layer.name, |links| &links.name);
        let activation = layer.activation.map_or("unknown", |known| known.as_str());
        let from = links.map(|links| self.graph.neurons[links.from].name.clone());
        let n_links = links.and_then(|links| self.n_links(links));
        let kernel = links.and_then(|links| links.kernel.as_ref());
        vec![
            layer.index.to_string(),
            name.clone(),
            layer.kind.as_str().to_owned(),
            self.shape(layer.shape),
            activation.to_owned(),
            from.unwrap_or_else(unknown),
            n_links.map_or_else(unknown, |n| n.to_string()),
            kernel.map_or_else(unknown, |kernel| format!("{:?}", kernel.shape)),
        ]
    }

    /// Links with weights of their own, biases among them, as they were counted; poolings' maxima and additions have none.
    fn n_links(&self, links: &LinkLayer) -> Option<u64> {
        let rows = self.metrics.layers.iter();
        let mut own = rows.filter(|row| {
            row.layer == links.to && row.name == links.name && row.metric == Metric::LinkWeights
        });
        own.next()
            .map(|row| row.summary.count + row.summary.nan + row.summary.infinite)
    }

    fn shape(&self, shape: Shape) -> String {
        match shape {
            Shape::Spatial { channels, .. } if self.sizes_assumed => format!("{channels} channels"),
            shape => shape.to_string(),
        }
    }

    /// The same as JSON.
    pub(crate) fn document(&self) -> Value {
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
                "neurons": self.shape(layer.shape),
                "activation": layer.activation.map(|known| known.as_str()),
                "links": links.collect::<Vec<_>>(),
            })
        });
        layers.collect()
    }
}
