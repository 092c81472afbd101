//! What a measurement gives: rows for the tables `layers` and `neurons`, and the counts of `networks`.

use cntflow_network::{LayerKind, Role, Shape, Stop};

use crate::{Metric, Summary};

/// Everything measured of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkMetrics {
    /// Number of layers of neurons, L + 1, inputs included; 0, as are those of neurons and links, where only weights are known.
    pub n_layers: u64,
    /// Number of neurons over all layers, inputs included, of the graph in force (a channel counts once in the channel graph).
    pub n_neurons: u64,
    /// Number of links of the graph in force: those of poolings too, and with `bias = "link"` one per neuron with a bias.
    pub n_links: u64,
    /// Number of parameters: kernels' entries and biases, each once.
    pub n_parameters: u64,
    /// Parameters that are NaN.
    pub n_nan: u64,
    /// Parameters that are infinite.
    pub n_infinite: u64,
    /// One row per layer and metric, by layer and then in the order of [`Metric::ALL`]; where several layers of links lead to one of
    /// neurons, or it has gates, a row for each of them.
    pub layers: Vec<LayerRow>,
    /// The neurons, layer by layer.
    pub neurons: Vec<NeuronColumns>,
    /// Number of inputs the data-dependent metrics were taken over; 0 without inputs.
    pub n_inputs: u64,
    /// Where the forward pass ended early, and why; the data-dependent metrics end there too.
    pub stopped: Option<Stop>,
}

/// One metric of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRow {
    /// `l`, 0 for the inputs; metrics of links carry that of the layer they lead to.
    pub layer: usize,
    /// Name of the layer, of the gate `<layer>.<gate>`, or of the links: `<layer>.ih.<gate>` of a gate's from the inputs,
    /// `<layer>.hh.<gate>` from the hidden units.
    pub name: String,
    /// Kind of the layer.
    pub kind: LayerKind,
    /// Where the layer stands.
    pub role: Role,
    /// The metric.
    pub metric: Metric,
    /// Its distribution, or its value in `mean`.
    pub summary: Summary,
}

/// The neurons of one layer, a column per quantity, all of one length. NaN where a quantity is not known or not defined.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronColumns {
    /// `l`, 0 for the inputs.
    pub layer: usize,
    /// Name of the layer.
    pub name: String,
    /// Kind of the layer.
    pub kind: LayerKind,
    /// Where the layer stands.
    pub role: Role,
    /// Shape of the neurons: neuron `i` is at [`Shape::position`]`(i)`. In the channel graph `Units(channels)`.
    pub shape: Shape,
    /// Sum of the weights that lead to the neuron.
    pub s_in: Vec<f64>,
    /// Sum of the weights that lead from it.
    pub s_out: Vec<f64>,
    /// `s_in + s_out`
    pub strength: Vec<f64>,
    /// Sum of the absolute weights that lead to it and from it.
    pub s_abs: Vec<f64>,
    /// What was seen of it over the inputs; `None` without inputs, and for layer 0.
    pub data: Option<NeuronData>,
}

impl NeuronColumns {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.s_in.len()
    }

    /// Whether there are none; never so in what [`measure`](crate::measure) gives.
    pub fn is_empty(&self) -> bool {
        self.s_in.is_empty()
    }

    /// Channel of every neuron.
    pub fn channels(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.position(neuron).0)
    }

    /// Row of every neuron; 0 where there are none.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.position(neuron).1)
    }

    /// Column of every neuron; 0 where there are none.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|neuron| self.shape.position(neuron).2)
    }
}

/// What was seen of the neurons of one layer over the inputs: of a sequence over inputs and steps, in the channel graph over inputs
/// and places. No inputs give NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronData {
    /// The pre-activation S; `None` of gated layers.
    pub pre: Option<Seen>,
    /// The post-activation A, of gated layers the hidden state; `None` where the activation is not known.
    pub post: Option<Seen>,
    /// The pre-activations of the gates of an LSTM (i, f, g, o) or a GRU (r, z, n), by their names.
    pub gates: Vec<(&'static str, Seen)>,
}

/// One quantity of the neurons of one layer over the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Mean of each neuron.
    pub mean: Vec<f64>,
    /// Population standard deviation of each neuron.
    pub std: Vec<f64>,
    /// Least value of each neuron.
    pub min: Vec<f64>,
    /// Largest value of each neuron.
    pub max: Vec<f64>,
    /// Share of inputs for which it is exactly 0.
    pub zero_share: Vec<f64>,
}

impl Seen {
    /// That of `n` neurons from the first on.
    pub(crate) fn run(&self, first: usize, n: usize) -> Self {
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
