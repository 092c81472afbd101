//! Node strengths: sums of the weights that lead to and from every neuron. `layer_sides` adds up
//! what the layers of links bring to each layer of neurons.

mod kernel_columns;
mod layer_sides;
mod pools;
mod tap_classes;

pub(crate) use layer_sides::LayerSides;
pub(crate) use pools::{AdaptivePool, AveragePool, n_max_pool_links};

use cntflow_network::{LinkLayer, LinkWeights, Links, Network, Shape, Weights};
use serde::{Deserialize, Serialize};

use crate::kernel::{KernelShape, KernelSums, Totals, sum_over_taps};
use crate::{Bias, ConvGraph, MeasureOptions, Residual};
use kernel_columns::KernelColumns;
use tap_classes::TapClasses;

/// Signed and absolute sums of weights, one of each per neuron.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) sum: Vec<f64>,
    pub(crate) abs: Vec<f64>,
}

/// Sums over one layer of links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinkSums {
    /// Over the links that lead to every neuron.
    pub(crate) into: Side,
    /// Over the links that lead from every neuron.
    pub(crate) from: Side,
}

impl Side {
    pub(crate) fn constant(value: f64, n: usize) -> Self {
        Self {
            sum: vec![value; n],
            abs: vec![value.abs(); n],
        }
    }

    /// Sums of one weight each.
    pub(crate) fn each(values: Vec<f64>) -> Self {
        let abs = values.iter().map(|x| x.abs()).collect();
        Self { sum: values, abs }
    }

    fn of(totals: Totals) -> Self {
        Self {
            sum: totals.sum,
            abs: totals.abs,
        }
    }

    fn map(self, change: impl Fn(Vec<f64>) -> Vec<f64>) -> Self {
        Self {
            sum: change(self.sum),
            abs: change(self.abs),
        }
    }

    /// Adds sums of the neurons from `first` on.
    fn add(&mut self, other: &Self, first: usize) {
        let add = |sums: &mut [f64], more: &[f64]| {
            let run = sums[first..].iter_mut();
            run.zip(more).for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.sum, &other.sum);
        add(&mut self.abs, &other.abs);
    }

    /// Adds the bias of every unit or filter to all its positions.
    fn add_bias(&mut self, bias: &[f64]) {
        let n = self.sum.len();
        if bias.len() > n {
            // A layer norm has a shift for each position. In the channel graph a node gets the sum
            // of those of its channel.
            let shifts = Self::each(bias.to_vec());
            return self.add(&shifts.map(|shifts| sum_runs(&shifts, n)), 0);
        }
        let positions = n / bias.len().max(1);
        for (channel, &b) in bias.iter().enumerate() {
            let run = channel * positions..(channel + 1) * positions;
            self.sum[run.clone()].iter_mut().for_each(|sum| *sum += b);
            self.abs[run].iter_mut().for_each(|sum| *sum += b.abs());
        }
    }
}

/// Shapes of the layers' nodes in the graph.
///
/// In the channel graph, a layer of channels has one node per channel, unless all its links are
/// dense: those have a weight for every neuron. A sequence has one node per unit.
pub(crate) fn node_shapes(network: &Network<'_>, graph: ConvGraph) -> Vec<Shape> {
    let mut has_channels = vec![false; network.neurons().len()];
    for links in network.links() {
        if !matches!(links.links, Links::Dense { .. } | Links::Embedding { .. }) {
            has_channels[links.to] = true;
            has_channels[links.from] = true;
        }
    }
    let layers = network.neurons().iter().zip(has_channels);
    let shapes = layers.map(|(layer, has_channels)| match (graph, layer.shape) {
        (ConvGraph::Channel, Shape::Spatial { channels, .. }) if has_channels => {
            Shape::Units(channels)
        }
        (_, shape @ Shape::Spatial { .. }) => shape,
        (_, shape) => Shape::Units(shape.n_neurons()),
    });
    shapes.collect()
}

/// Shapes of the two layers that links join.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkEnds {
    /// Neurons that the links come from.
    pub(crate) neurons_before: Shape,
    /// Nodes of the graph that the links come from.
    pub(crate) nodes_before: Shape,
    /// Nodes of the graph that the links lead to.
    pub(crate) nodes_after: Shape,
}

/// Sums over the links of one layer. `kernel` has the sums over its kernel; `None` for links
/// without a kernel of rows and columns.
pub(crate) fn link_sums(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    kernel: Option<KernelSums>,
    ends: &LinkEnds,
    options: &MeasureOptions,
) -> LinkSums {
    let columns = KernelColumns::new(layer.view, ends.neurons_before, ends.nodes_before);
    let mut sums = match (layer.links, kernel) {
        (Links::Dense { .. }, Some(kernel)) => LinkSums {
            into: Side::of(kernel.rows),
            from: Side::of(kernel.columns).map(|sums| columns.to_nodes(sums)),
        },
        (Links::Embedding { .. }, Some(kernel)) => LinkSums {
            into: Side::of(kernel.columns),
            from: Side::of(kernel.rows),
        },
        (Links::Conv2d { window, .. }, Some(kernel)) => {
            let [outputs, inputs] = [
                TapClasses::of_outputs(&window, options.padding),
                TapClasses::of_inputs(&window),
            ];
            let [into, from] = sliding(layer, weights, kernel, [&outputs, &inputs], options);
            LinkSums { into, from }
        }
        (Links::ConvTranspose2d { window, .. }, Some(kernel)) => {
            // The window belongs to the convolution that this one transposes. So its outputs, and
            // the kernel's rows, are this layer's inputs.
            let [outputs, inputs] = [
                TapClasses::of_outputs(&window, options.padding),
                TapClasses::of_inputs(&window),
            ];
            let [from, into] = sliding(layer, weights, kernel, [&outputs, &inputs], options);
            LinkSums { into, from }
        }
        (Links::Diagonal { positions, .. }, _) => diagonal(weights, positions, &columns, ends),
        (Links::Identity { .. }, _) => identity(&columns, ends, options.residual),
        (Links::Beside { channels, .. }, _) => beside(channels, &columns, ends),
        (Links::Constants { n, units }, _) => constants(weights, [n, units], ends, options),
        _ => pools::pool_sums(&layer.links, options),
    };
    // The weights of constants are their bias, and summed already.
    let is_constant = matches!(layer.links, Links::Constants { .. });
    if let (Some(bias), Bias::Link, false) = (&weights.bias, options.bias, is_constant) {
        sums.into.add_bias(&bias.to_f64());
    }
    sums
}

/// Sums over the rows and over the columns of a kernel with taps: at every position, or in the
/// channel graph over all taps.
fn sliding(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    kernel: KernelSums,
    [rows, columns]: [&TapClasses; 2],
    options: &MeasureOptions,
) -> [Side; 2] {
    let Some(shape) = KernelShape::of_links(&layer.links) else {
        return [Side::default(), Side::default()];
    };
    match (options.conv_graph, &weights.kernel) {
        (ConvGraph::Channel, Some(weights)) => {
            // A link of the channel graph is a sum over taps. The absolute value is taken of that
            // sum, so the sums over single weights in `kernel` cannot be used.
            let summed = match weights {
                Weights::Single(kernel) => sum_over_taps(kernel, shape.taps),
                Weights::Double(kernel) => sum_over_taps(kernel, shape.taps),
            };
            let sums = KernelSums::of(&summed, KernelShape { taps: 1, ..shape });
            [Side::of(sums.rows), Side::of(sums.columns)]
        }
        _ => [
            Side::of(kernel.rows).map(|totals| rows.sum_at_positions(&totals, shape.taps)),
            Side::of(kernel.columns).map(|totals| columns.sum_at_positions(&totals, shape.taps)),
        ],
    }
}

/// Sums of the links of a norm: the scale of every channel, at each of its positions.
fn diagonal(
    weights: &LinkWeights<'_>,
    positions: usize,
    columns: &KernelColumns,
    ends: &LinkEnds,
) -> LinkSums {
    let scale = weights
        .kernel
        .as_ref()
        .map(Weights::to_f64)
        .unwrap_or_default();
    let n_after = ends.nodes_after.n_neurons();
    let is_by_channel = n_after == scale.len();
    let repeat = |n: usize| -> Vec<f64> {
        let values = scale.iter().flat_map(|&w| std::iter::repeat_n(w, n));
        values.collect()
    };
    let values = Side::each(repeat(if is_by_channel { 1 } else { positions }));
    let into = values.map(|sums| sum_runs(&sums, n_after));
    let from = if is_by_channel && ends.nodes_before.n_neurons() == n_after {
        into.clone()
    } else {
        Side::each(repeat(positions)).map(|sums| columns.to_nodes(sums))
    };
    LinkSums { into, from }
}

/// Sums of the links of a residual addition, all of weight 1.
fn identity(columns: &KernelColumns, ends: &LinkEnds, residual: Residual) -> LinkSums {
    let shapes = [ends.nodes_before, ends.nodes_after];
    let [n_before, n_after] = shapes.map(|shape| shape.n_neurons());
    let into = Side::constant(1.0, n_after);
    match residual {
        Residual::Ignore => LinkSums {
            into: Side::constant(0.0, n_after),
            from: Side::constant(0.0, n_before),
        },
        Residual::Links if n_before == n_after => LinkSums {
            from: into.clone(),
            into,
        },
        Residual::Links => LinkSums {
            from: into.clone().map(|ones| columns.to_nodes(ones)),
            into,
        },
    }
}

/// Sums of the links to a layer that has several side by side, all of weight 1.
fn beside(channels: usize, columns: &KernelColumns, ends: &LinkEnds) -> LinkSums {
    let into = Side::constant(1.0, channels * ends.nodes_after.positions());
    let from = if ends.nodes_before.n_neurons() == into.sum.len() {
        into.clone()
    } else {
        into.clone().map(|ones| columns.to_nodes(ones))
    };
    LinkSums { into, from }
}

/// Sums of the links from constant neurons, which are not nodes of the graph (like the neuron of a
/// bias). So nothing is added to any outgoing strength.
fn constants(
    weights: &LinkWeights<'_>,
    [n, units]: [usize; 2],
    ends: &LinkEnds,
    options: &MeasureOptions,
) -> LinkSums {
    let mut into = Side::constant(0.0, units);
    if let (Some(bias), Bias::Link) = (&weights.bias, options.bias) {
        let bias = bias.to_f64();
        debug_assert_eq!(bias.len(), n * units);
        for row in bias.chunks_exact(units) {
            into.add(&Side::each(row.to_vec()), 0);
        }
    }
    LinkSums {
        into,
        from: Side::constant(0.0, ends.nodes_before.n_neurons()),
    }
}

/// Sums over each of `n` runs of equal length.
fn sum_runs(values: &[f64], n: usize) -> Vec<f64> {
    let runs = values.chunks(values.len() / n.max(1));
    runs.map(|run| run.iter().sum()).collect()
}
