//! Node strengths: sums of the weights that lead to and from every neuron.

use cntflow_network::{LinkLayer, LinkWeights, Links, Network, NeuronLayer, Shape, Window};

use crate::positions::Positions;
use crate::sums::{KernelShape, KernelSums, Totals, summed_over_taps};
use crate::{Bias, Boundary, ConvGraph, MeasureOptions, NeuronColumns};

/// Signed and absolute sums, one each per neuron.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) sum: Vec<f64>,
    pub(crate) abs: Vec<f64>,
}

/// Sums of one link layer's weights.
#[derive(Clone, Debug)]
pub(crate) struct LinkSums {
    /// Over the links that lead to every neuron.
    pub(crate) into: Side,
    /// Over the links that lead from every neuron of the layer before.
    pub(crate) from: Side,
    /// Sums over the kernel; poolings have none.
    pub(crate) kernel: Option<(KernelShape, KernelSums)>,
}

impl Side {
    fn constant(value: f64, n: usize) -> Self {
        Self {
            sum: vec![value; n],
            abs: vec![value.abs(); n],
        }
    }

    fn of(totals: &Totals) -> Self {
        Self {
            sum: totals.sum.clone(),
            abs: totals.abs.clone(),
        }
    }

    fn map(&self, change: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        Self {
            sum: change(&self.sum),
            abs: change(&self.abs),
        }
    }

    /// The sum over each run of `n` neurons.
    fn over(&self, n: usize) -> Self {
        self.map(|values| values.chunks(n).map(|run| run.iter().sum()).collect())
    }

    fn add_bias(&mut self, bias: &[f32], places: usize) {
        for (place, &b) in bias.iter().enumerate() {
            let b = f64::from(b);
            let run = place * places..(place + 1) * places;
            self.sum[run.clone()].iter_mut().for_each(|sum| *sum += b);
            self.abs[run].iter_mut().for_each(|sum| *sum += b.abs());
        }
    }
}

/// Shape of a layer's neurons in the graph in force: in the channel graph one per channel, where a sliding layer leads to or
/// from it.
pub(crate) fn nodes(network: &Network<'_>, layer: &NeuronLayer, graph: ConvGraph) -> Shape {
    let links = &network.graph().links;
    let beside = [layer.index.checked_sub(1), Some(layer.index)];
    let mut beside = beside.into_iter().flatten().filter_map(|i| links.get(i));
    match graph {
        ConvGraph::Channel if beside.any(|l| !matches!(l.links, Links::Dense { .. })) => {
            Shape::Units(layer.shape.channels())
        }
        _ => layer.shape,
    }
}

/// Sums over the links of one layer, which lead from neurons of shape `before`.
pub(crate) fn link_sums(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    before: Shape,
    options: &MeasureOptions,
) -> LinkSums {
    let spatial = options.conv_graph == ConvGraph::Spatial;
    let mut sums = match layer.links {
        Links::Dense { n_in, n_out } => dense(weights, n_in, n_out, before),
        Links::Conv2d { window, .. } => conv2d(layer.links, weights, &window, options),
        Links::MaxPool2d { channels, window } => pool(channels, &window, 1.0, options),
        Links::AveragePool2d { channels, window } => {
            pool(channels, &window, 1.0 / window.taps() as f64, options)
        }
    };
    if let (Some(bias), Bias::Link) = (weights.bias(), options.bias) {
        let places = match layer.links {
            Links::Conv2d { window, .. } if spatial => window.outputs(),
            _ => 1,
        };
        sums.into.add_bias(bias, places);
    }
    sums
}

fn dense(weights: &LinkWeights<'_>, n_in: usize, n_out: usize, before: Shape) -> LinkSums {
    let shape = KernelShape::dense(n_out, n_in);
    let kernel = KernelSums::of_dense(weights.kernel(), n_out, n_in);
    let from = Side::of(&kernel.columns);
    LinkSums {
        into: Side::of(&kernel.rows),
        from: from.over(n_in / before.n_neurons()),
        kernel: Some((shape, kernel)),
    }
}

fn conv2d(
    links: Links,
    weights: &LinkWeights<'_>,
    window: &Window,
    options: &MeasureOptions,
) -> LinkSums {
    let shape = conv_shape(links);
    let kernel = KernelSums::of(weights.kernel(), shape);
    let (into, from) = match options.conv_graph {
        ConvGraph::Spatial => {
            let outputs = Positions::of_outputs(window, options.padding);
            let inputs = Positions::of_inputs(window);
            (
                Side::of(&kernel.rows).map(|totals| outputs.spread(totals, shape.taps)),
                Side::of(&kernel.columns).map(|totals| inputs.spread(totals, shape.taps)),
            )
        }
        ConvGraph::Channel => {
            let summed = summed_over_taps(weights.kernel(), shape.taps);
            let sums = KernelSums::of(&summed, KernelShape { taps: 1, ..shape });
            (Side::of(&sums.rows), Side::of(&sums.columns))
        }
    };
    LinkSums {
        into,
        from,
        kernel: Some((shape, kernel)),
    }
}

/// Sizes of the kernel of a dense layer or a convolution; of a pooling nothing.
fn conv_shape(links: Links) -> KernelShape {
    match links {
        Links::Conv2d {
            channels,
            filters,
            groups,
            window,
        } => KernelShape {
            n_out: filters,
            fan_in: channels / groups,
            taps: window.taps(),
            groups,
        },
        Links::Dense { n_in, n_out } => KernelShape::dense(n_out, n_in),
        Links::MaxPool2d { .. } | Links::AveragePool2d { .. } => KernelShape::dense(0, 0),
    }
}

fn pool(channels: usize, window: &Window, weight: f64, options: &MeasureOptions) -> LinkSums {
    let (into, from) = match options.conv_graph {
        ConvGraph::Spatial => {
            let side = |positions: Positions| {
                let one: Vec<f64> = positions.counts().iter().map(|n| n * weight).collect();
                let sum = one.repeat(channels);
                let abs = sum.clone();
                Side { sum, abs }
            };
            (
                side(Positions::of_outputs(window, options.padding)),
                side(Positions::of_inputs(window)),
            )
        }
        ConvGraph::Channel => {
            let side = Side::constant(weight * window.taps() as f64, channels);
            (side.clone(), side)
        }
    };
    LinkSums {
        into,
        from,
        kernel: None,
    }
}

/// What lies on the two sides of a layer of neurons.
pub(crate) struct Sides {
    pub(crate) into: Side,
    pub(crate) from: Side,
}

/// The sides of every layer of neurons, `shapes` theirs in the graph in force.
pub(crate) fn sides(shapes: &[Shape], links: &mut [LinkSums], boundary: Boundary) -> Vec<Sides> {
    let outside = match boundary {
        Boundary::Unit => 1.0,
        Boundary::Zero => 0.0,
    };
    let edge = |shape: Shape| Side::constant(outside, shape.n_neurons());
    let layers = shapes.iter().enumerate().map(|(layer, &shape)| Sides {
        into: match layer.checked_sub(1) {
            Some(before) => std::mem::take(&mut links[before].into),
            None => edge(shape),
        },
        from: match links.get_mut(layer) {
            Some(after) => std::mem::take(&mut after.from),
            None => edge(shape),
        },
    });
    layers.collect()
}

impl Sides {
    /// The strengths of a layer's neurons as columns.
    pub(crate) fn columns(&self, layer: &NeuronLayer, shape: Shape) -> NeuronColumns {
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
        NeuronColumns {
            layer: layer.index,
            name: layer.name.clone(),
            kind: layer.kind,
            role: layer.role,
            shape,
            s_in: self.into.sum.clone(),
            s_out: self.from.sum.clone(),
            strength: add(&self.into.sum, &self.from.sum),
            s_abs: add(&self.into.abs, &self.from.abs),
            data: None,
        }
    }
}
