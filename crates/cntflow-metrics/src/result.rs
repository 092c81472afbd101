//! The result of a measurement: rows of the tables `layers`, `neurons` and `links`, and counts of
//! `networks`.

use cntflow_network::{LayerKind, OpenSides, Role, Shape, Stop};
use serde::{Deserialize, Serialize};

use crate::{Metric, Summary};

/// How much of a network is known as a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnownGraph {
    /// All of it, from its inputs to its outputs.
    Whole,
    /// Parts of it: some layers have an open side, or some weights have no place.
    Parts,
    /// Nothing: only the weights are known.
    None,
}

impl KnownGraph {
    /// The name in tables: `whole`, `parts` or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Parts => "parts",
            Self::None => "none",
        }
    }
}

/// Everything measured of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkMetrics {
    /// Number of layers of neurons, L + 1, inputs included. This and the numbers of neurons and
    /// links are 0 where only weights are known.
    pub n_layers: u64,
    /// Number of nodes of the graph over all layers, inputs included. A channel counts once in the
    /// channel graph.
    pub n_neurons: u64,
    /// Number of links of the graph, with those of poolings and, for `bias = "link"`, one per
    /// neuron with a bias.
    pub n_links: u64,
    /// How much of the network is known as a graph.
    pub graph: KnownGraph,
    /// Number of parameters: kernels' entries and biases, each once.
    pub n_parameters: u64,
    /// Those that have a place in the graph. 0 where only weights are known.
    pub placed_parameters: u64,
    /// Parameters that are NaN.
    pub n_nan: u64,
    /// Parameters that are infinite.
    pub n_infinite: u64,
    /// One row per layer and metric, by layer and then in the order of [`Metric::ALL`]. A layer
    /// with gates, or to which several layers of links lead, has a row for each of them.
    pub layers: Vec<LayerRow>,
    /// The neurons, layer by layer.
    pub neurons: Vec<NeuronColumns>,
    /// The strongest links of each layer of links, as many as
    /// [`MeasureOptions::strongest_links`](crate::MeasureOptions::strongest_links) asks for.
    pub links: Vec<StrongestLinks>,
    /// Number of inputs of the data-dependent metrics; 0 without inputs.
    pub n_inputs: u64,
    /// Where the forward pass ended early, and why. The data-dependent metrics end there too.
    pub stopped: Option<Stop>,
}

impl NetworkMetrics {
    /// Appends the metrics of another part of the same network, which is linked to none of these.
    /// [`Metric::AllWeights`] cannot be told from those of two parts: its rows are dropped.
    ///
    /// The metrics are those that [`measure`](crate::measure) gives of both parts at once, but for
    /// these rows.
    pub fn append_part(&mut self, part: Self) {
        let first = self.neurons.len();
        let moved = |mut row: LayerRow| {
            row.layer += first;
            row
        };
        self.layers.extend(part.layers.into_iter().map(moved));
        self.layers.retain(|row| row.metric != Metric::AllWeights);
        self.neurons
            .extend(part.neurons.into_iter().map(|mut columns| {
                columns.layer += first;
                columns
            }));
        self.links.extend(part.links.into_iter().map(|mut links| {
            links.layer += first;
            links.from_layer += first;
            links
        }));
        self.n_layers += part.n_layers;
        self.n_neurons += part.n_neurons;
        self.n_links += part.n_links;
        self.n_parameters += part.n_parameters;
        self.placed_parameters += part.placed_parameters;
        self.n_nan += part.n_nan;
        self.n_infinite += part.n_infinite;
    }
}

/// One metric of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// `l`, 0 for the inputs; metrics of links carry that of the layer they lead to.
    pub layer: usize,
    /// Name of the layer, of a gate (`<layer>.<gate>`), or of links to a gate: `<layer>.ih.<gate>`
    /// from the inputs, `<layer>.hh.<gate>` from the hidden units.
    pub name: String,
    /// Kind of the layer.
    pub kind: LayerKind,
    /// Position of the layer in the network.
    pub role: Role,
    /// On which sides it is not known what the layer is linked to.
    pub open: OpenSides,
    /// The metric.
    pub metric: Metric,
    /// Its distribution, or its value in `mean`.
    pub summary: Summary,
}

/// The strongest links of one layer of links.
///
/// Links with a weight of their own are chosen from: those of kernels, embeddings, and norms that
/// are layers. The link of a bias comes from no neuron of the graph and is not among them; neither
/// are poolings and residual additions, whose weights follow from the architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrongestLinks {
    /// `l` of the layer of neurons that they lead to.
    pub layer: usize,
    /// Name of the layer of links, as in [`LayerRow::name`].
    pub name: String,
    /// `l` of the layer of neurons that they come from.
    pub from_layer: usize,
    /// Number of neurons that they may come from; of channels if they come from channels.
    pub n_from: u64,
    /// Number of neurons that they may lead to; of channels if they lead to channels.
    pub n_to: u64,
    /// Number of links with a finite weight, which these were chosen from.
    pub n_links: u64,
    /// The links: the absolute weight falls, and among equal ones the neurons rise, first those
    /// that the links come from.
    pub links: Vec<StrongLink>,
}

/// One of the strongest links.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrongLink {
    /// Where it comes from.
    pub from: LinkEnd,
    /// Where it leads to.
    pub to: LinkEnd,
    /// Row and column in the kernel of a convolution; `None` for all other links, and in the
    /// channel graph, where the weight is a sum over the kernel.
    pub tap: Option<(usize, usize)>,
    /// Its weight, which is finite.
    pub weight: f64,
}

/// A neuron, or the channel of all neurons that share a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEnd {
    /// Index of the neuron in its layer; `None` where one weight makes links at several neurons of
    /// the channel.
    pub neuron: Option<usize>,
    /// Its channel.
    pub channel: usize,
}

/// The neurons of one layer, a column per quantity, all of one length. Unknown and undefined values
/// are NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronColumns {
    /// `l`, 0 for the inputs.
    pub layer: usize,
    /// Name of the layer.
    pub name: String,
    /// Kind of the layer.
    pub kind: LayerKind,
    /// Position of the layer in the network.
    pub role: Role,
    /// On which sides it is not known what the layer is linked to.
    pub open: OpenSides,
    /// Shape of the neurons: neuron `i` is at [`Shape::coordinates`]`(i)`. In the channel graph
    /// `Units(channels)`.
    pub shape: Shape,
    /// Sum of the weights that lead to the neuron; NaN where these are unknown.
    pub s_in: Vec<f64>,
    /// Sum of the weights that lead from it; NaN where these are unknown.
    pub s_out: Vec<f64>,
    /// `s_in + s_out`; where one of the two is unknown, the other.
    pub strength: Vec<f64>,
    /// Sum of the absolute weights that lead to it and from it.
    pub s_abs: Vec<f64>,
    /// Statistics over the inputs; `None` without inputs, and for layer 0.
    pub data: Option<NeuronData>,
}

impl NeuronColumns {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.s_in.len()
    }

    /// Whether there are no neurons, which [`measure`](crate::measure) never gives.
    pub fn is_empty(&self) -> bool {
        self.s_in.is_empty()
    }

    /// Channel of every neuron.
    pub fn channels(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.coordinates(neuron).0)
    }

    /// Row of every neuron; 0 where the layer has no rows.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.coordinates(neuron).1)
    }

    /// Column of every neuron; 0 where the layer has no columns.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.coordinates(neuron).2)
    }
}

/// Statistics of the neurons of one layer over the inputs: for a sequence over inputs and steps, in
/// the channel graph over inputs and positions. NaN without inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronData {
    /// The pre-activation S; `None` for gated layers.
    pub pre: Option<NeuronStatistics>,
    /// The post-activation A, for gated layers the hidden state; `None` where the activation is
    /// unknown.
    pub post: Option<NeuronStatistics>,
    /// The pre-activations of the gates of an LSTM (i, f, g, o) or a GRU (r, z, n), by their names.
    pub gates: Vec<(&'static str, NeuronStatistics)>,
}

/// Statistics of one quantity of the neurons of one layer over the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronStatistics {
    /// Mean of each neuron.
    pub mean: Vec<f64>,
    /// Population standard deviation of each neuron.
    pub std: Vec<f64>,
    /// Smallest value of each neuron.
    pub min: Vec<f64>,
    /// Largest value of each neuron.
    pub max: Vec<f64>,
    /// Share of inputs for which the quantity is exactly 0.
    pub zero_share: Vec<f64>,
}

impl NeuronStatistics {
    /// Those of `n` neurons from `first` on.
    pub(crate) fn slice(&self, first: usize, n: usize) -> Self {
        let run = |values: &[f64]| values[first..][..n].to_vec();
        Self {
            mean: run(&self.mean),
            std: run(&self.std),
            min: run(&self.min),
            max: run(&self.max),
            zero_share: run(&self.zero_share),
        }
    }
}
