//! The answer to a query for links as networks that can be drawn.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsError};

use super::choice::Network;
use crate::rows::{finite, texts};
use crate::svg::{Graph, GraphLayer, GraphLink};

/// The rows of an answer.
pub(super) struct Networks {
    rows: Vec<Row>,
    /// Whether the strength of every node is known; else circles show the drawn weights.
    has_strengths: bool,
}

struct Row {
    checkpoint: String,
    twin: String,
    step: String,
    label: String,
    /// Name of the layer of links.
    name: String,
    ends: [End; 2],
    weight: f64,
    n_links: u64,
}

/// Where a link comes from or leads to.
struct End {
    layer: usize,
    name: String,
    neuron: Option<usize>,
    channel: usize,
    /// Neurons, or channels, that there are.
    n: u64,
    of_neuron: Option<f64>,
    of_channel: Option<f64>,
}

impl Networks {
    pub(super) fn read(frame: &DataFrame) -> Result<Self, PolarsError> {
        let [checkpoint, twin, step, label, name] =
            ["checkpoint", "twin", "step", "label", "name"].map(|column| texts(frame, column));
        let (checkpoint, twin, step, label) = (checkpoint?, twin?, step?, label?);
        let (name, weight, n_links) = (name?, finite(frame, "weight")?, finite(frame, "n_links")?);
        let mut rows = Vec::new();
        let ends = ends(frame, "from", "from_layer")?.into_iter();
        for (row, from_to) in ends.zip(self::ends(frame, "to", "layer")?).enumerate() {
            let (Some(from), Some(to), Some(weight)) = (from_to.0, from_to.1, weight[row]) else {
                continue;
            };
            rows.push(Row {
                checkpoint: checkpoint[row].clone(),
                twin: twin[row].clone(),
                step: step[row].clone(),
                label: label[row].clone(),
                name: name[row].clone(),
                ends: [from, to],
                weight,
                n_links: n_links[row].unwrap_or_default() as u64,
            });
        }
        let mut ends = rows.iter().flat_map(|row| &row.ends);
        let has_strengths = ends.all(|end| {
            let of_neuron = end.neuron.is_none() || end.of_neuron.is_some();
            of_neuron && end.of_channel.is_some()
        });
        Ok(Self {
            rows,
            has_strengths,
        })
    }

    /// A network as it is drawn: of the links that lead to a layer, `most` at most. `label` is the
    /// name of what it is judged by.
    pub(super) fn graph(&self, network: &Network, label: Option<&str>, most: usize) -> Graph {
        let twin = network.name.twin.as_deref().unwrap_or_default();
        let rows = self.rows.iter();
        let rows: Vec<&Row> = rows
            .filter(|row| row.checkpoint == network.name.checkpoint && row.twin == twin)
            .collect();
        let by_channel = layers_by_channel(&rows);
        let node = |end: &End| match end.neuron {
            Some(neuron) if !by_channel.contains(&end.layer) => neuron,
            _ => end.channel,
        };
        let mut graph = Graph {
            title: network.name.to_string(),
            subtitle: rows
                .first()
                .map_or_else(String::new, |row| subtitle(row, label)),
            ..Graph::default()
        };
        let pair_of = |row: &Row| {
            let [from, to] = &row.ends;
            ((from.layer, node(from)), (to.layer, node(to)))
        };
        for (row, pair) in strongest(&rows, most, pair_of) {
            for end in &row.ends {
                let layer = graph.layers.entry(end.layer).or_default();
                self.add_end(layer, end, node(end), row, by_channel.contains(&end.layer));
            }
            graph.links.push(GraphLink {
                from: pair.0,
                to: pair.1,
                weight: row.weight,
            });
        }
        for (layer, n_links) in links_into_layers(&rows) {
            graph.layers.entry(layer).or_default().n_links = n_links;
        }
        graph
    }

    /// Adds what an end of a link says of its layer and its node.
    fn add_end(
        &self,
        layer: &mut GraphLayer,
        end: &End,
        node: usize,
        row: &Row,
        is_by_channel: bool,
    ) {
        layer.name.clone_from(&end.name);
        layer.unit = if is_by_channel { "channels" } else { "neurons" };
        // In a layer of channels, the links between neurons count its neurons.
        if end.neuron.is_none() == is_by_channel {
            layer.n_nodes = end.n;
        }
        let value = layer.nodes.entry(node).or_default();
        match (self.has_strengths, is_by_channel) {
            (false, _) => *value += row.weight,
            (true, true) => *value = end.of_channel.unwrap_or_default(),
            (true, false) => *value = end.of_neuron.unwrap_or_default(),
        }
    }
}

/// Two nodes, each by its layer and its index.
type Pair = ((usize, usize), (usize, usize));

/// The strongest links that lead to each layer: a layer with gates has several layers of them.
/// Links between the same nodes would cover each other, so the strongest of them is taken.
fn strongest<'r>(
    rows: &[&'r Row],
    most: usize,
    pair_of: impl Fn(&Row) -> Pair,
) -> Vec<(&'r Row, Pair)> {
    let mut by_layer: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_layer.entry(row.ends[1].layer).or_default().push(row);
    }
    let mut pairs = BTreeSet::new();
    let mut strongest = Vec::new();
    for mut links in by_layer.into_values() {
        links.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let links = links.into_iter().map(|row| (row, pair_of(row)));
        let links = links.filter(|(_, pair)| pairs.insert(*pair));
        strongest.extend(links.take(most));
    }
    strongest
}

/// How many links lead to each layer. Each row says it of its layer of links.
fn links_into_layers(rows: &[&Row]) -> BTreeMap<usize, u64> {
    let mut counted: BTreeSet<(usize, &str)> = BTreeSet::new();
    let mut n_links: BTreeMap<usize, u64> = BTreeMap::new();
    for row in rows {
        let layer = row.ends[1].layer;
        if counted.insert((layer, &row.name)) {
            *n_links.entry(layer).or_default() += row.n_links;
        }
    }
    n_links
}

/// Layers with links of channels: each channel is a node, also of links between neurons.
fn layers_by_channel(rows: &[&Row]) -> BTreeSet<usize> {
    let ends = rows.iter().flat_map(|row| &row.ends);
    let of_channels = ends.filter(|end| end.neuron.is_none());
    of_channels.map(|end| end.layer).collect()
}

/// `step 8, test_accuracy 0.95`. A twin has the labels of its network, and was never tested itself.
fn subtitle(row: &Row, label: Option<&str>) -> String {
    let step = &row.step;
    match label {
        Some(label) if !row.label.is_empty() && row.twin.is_empty() => {
            format!("step {step}, {label} {}", row.label)
        }
        Some(label) if !row.label.is_empty() => {
            format!("step {step}, twin of a network with {label} {}", row.label)
        }
        _ => format!("step {step}"),
    }
}

/// One end of every link; `None` where a column that must not be null is.
fn ends(frame: &DataFrame, side: &str, layer: &str) -> Result<Vec<Option<End>>, PolarsError> {
    let column = |name: &str| finite(frame, &format!("{side}_{name}"));
    let names = texts(frame, &format!("{side}_layer_name"))?;
    let (layers, n) = (finite(frame, layer)?, finite(frame, &format!("n_{side}"))?);
    let (neuron, channel) = (column("neuron")?, column("channel")?);
    let (of_neuron, of_channel) = (column("neuron_strength")?, column("channel_strength")?);
    let ends = (0..frame.height()).map(|row| {
        let layer = layers[row]? as usize;
        let name = match &*names[row] {
            "" => format!("layer {layer}"),
            name => name.to_owned(),
        };
        Some(End {
            layer,
            name,
            neuron: neuron[row].map(|neuron| neuron as usize),
            channel: channel[row]? as usize,
            n: n[row]? as u64,
            of_neuron: of_neuron[row],
            of_channel: of_channel[row],
        })
    });
    Ok(ends.collect())
}
