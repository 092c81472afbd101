//! Node strengths: sums of the weights that lead to and from every neuron.

use cntflow_network::{LinkLayer, LinkWeights, Links, Network, NeuronLayer, Shape, Weights};

use crate::columns::Columns;
use crate::pools;
use crate::positions::Positions;
use crate::sums::{KernelShape, KernelSums, Totals, summed_over_taps};
use crate::{Bias, Boundary, ConvGraph, MeasureOptions, NeuronColumns, Residual};

/// Signed and absolute sums, one each per neuron.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Side {
    pub(crate) sum: Vec<f64>,
    pub(crate) abs: Vec<f64>,
}

/// Sums of one layer of links.
#[derive(Clone, Debug)]
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

    /// Of values that each stand alone.
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

    /// Adds the sums of a run of the neurons.
    fn add(&mut self, other: &Self, first: usize) {
        let add = |sums: &mut [f64], more: &[f64]| {
            let run = sums[first..].iter_mut();
            run.zip(more).for_each(|(sum, more)| *sum += more);
        };
        add(&mut self.sum, &other.sum);
        add(&mut self.abs, &other.abs);
    }

    /// Adds the bias of every unit or filter to all its places.
    fn add_bias(&mut self, bias: &[f64]) {
        let n = self.sum.len();
        if bias.len() > n {
            // A layer norm over places, in the channel graph.
            return self.add(
                &Self::each(bias.to_vec()).map(|bias| over_runs(&bias, n)),
                0,
            );
        }
        let places = n / bias.len().max(1);
        for (place, &b) in bias.iter().enumerate() {
            let run = place * places..(place + 1) * places;
            self.sum[run.clone()].iter_mut().for_each(|sum| *sum += b);
            self.abs[run].iter_mut().for_each(|sum| *sum += b.abs());
        }
    }
}

/// Shape of a layer's neurons in the graph in force: in the channel graph one per channel, where a layer leads to or from it that
/// has weights for channels rather than for neurons; of a sequence its units.
pub(crate) fn nodes(network: &Network<'_>, layer: &NeuronLayer, graph: ConvGraph) -> Shape {
    let over_channels = |part: &LinkLayer| {
        let beside = part.index == layer.index || part.from == layer.index;
        beside && !matches!(part.links, Links::Dense { .. } | Links::Embedding { .. })
    };
    match (graph, layer.shape) {
        (ConvGraph::Channel, Shape::Places { channels, .. })
            if network.links().iter().any(over_channels) =>
        {
            Shape::Units(channels)
        }
        (_, shape @ Shape::Places { .. }) => shape,
        (_, shape) => Shape::Units(shape.n_neurons()),
    }
}

/// Where links lead from and to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// Shape of the neurons they come from, and of those in the graph in force.
    pub(crate) before: [Shape; 2],
    /// Shape, in the graph in force, of the neurons they lead to.
    pub(crate) after: Shape,
}

/// Sums over the links of one layer. `kernel` are the sums over its kernel, where it has one that is no norm's.
pub(crate) fn link_sums(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    kernel: Option<KernelSums>,
    ends: &Ends,
    options: &MeasureOptions,
) -> LinkSums {
    let columns = Columns::new(layer.view, ends.before);
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
            let [into, from] = [
                Positions::of_outputs(&window, options.padding),
                Positions::of_inputs(&window),
            ];
            let sides = sliding(layer, weights, kernel, [&into, &from], options);
            let [into, from] = sides;
            LinkSums { into, from }
        }
        (Links::ConvTranspose2d { window, .. }, Some(kernel)) => {
            let [into, from] = [
                Positions::of_inputs(&window),
                Positions::of_outputs(&window, options.padding),
            ];
            let sides = sliding(layer, weights, kernel, [&from, &into], options);
            let [from, into] = sides;
            LinkSums { into, from }
        }
        (Links::Diagonal { places, .. }, _) => diagonal(weights, places, &columns, ends),
        (Links::Identity { .. }, _) => identity(&columns, ends, options.residual),
        (Links::Constants { n, units }, _) => constants(weights, [n, units], ends, options),
        _ => pools::sums(&layer.links, options),
    };
    let is_constant = matches!(layer.links, Links::Constants { .. });
    if let (Some(bias), Bias::Link, false) = (&weights.bias, options.bias, is_constant) {
        sums.into.add_bias(&bias.to_f64());
    }
    sums
}

/// The sums of rows and of columns of a kernel with taps: at every place, or in the channel graph over all taps.
fn sliding(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    kernel: KernelSums,
    [rows, columns]: [&Positions; 2],
    options: &MeasureOptions,
) -> [Side; 2] {
    let Some(shape) = KernelShape::of(&layer.links) else {
        return [Side::default(), Side::default()];
    };
    match (options.conv_graph, &weights.kernel) {
        (ConvGraph::Channel, Some(weights)) => {
            let summed = match weights {
                Weights::Single(kernel) => summed_over_taps(kernel, shape.taps),
                Weights::Double(kernel) => summed_over_taps(kernel, shape.taps),
            };
            let sums = KernelSums::of(&summed, KernelShape { taps: 1, ..shape });
            [Side::of(sums.rows), Side::of(sums.columns)]
        }
        _ => [
            Side::of(kernel.rows).map(|totals| rows.spread(&totals, shape.taps)),
            Side::of(kernel.columns).map(|totals| columns.spread(&totals, shape.taps)),
        ],
    }
}

/// The scale of every channel, at each of its places.
fn diagonal(weights: &LinkWeights<'_>, places: usize, columns: &Columns, ends: &Ends) -> LinkSums {
    let scale = weights
        .kernel
        .as_ref()
        .map(Weights::to_f64)
        .unwrap_or_default();
    let n_after = ends.after.n_neurons();
    let per_channel = n_after == scale.len();
    let repeat = |n: usize| -> Vec<f64> {
        let values = scale.iter().flat_map(|&w| std::iter::repeat_n(w, n));
        values.collect()
    };
    let values = Side::each(repeat(if per_channel { 1 } else { places }));
    let into = values.map(|sums| over_runs(&sums, n_after));
    let from = match per_channel {
        true if ends.before[1].n_neurons() == n_after => into.clone(),
        _ => Side::each(repeat(places)).map(|sums| columns.to_nodes(sums)),
    };
    LinkSums { into, from }
}

fn identity(columns: &Columns, ends: &Ends, residual: Residual) -> LinkSums {
    let [n_before, n_after] = [ends.before[1], ends.after].map(|shape| shape.n_neurons());
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

/// Constants lead to every unit as biases do, and from no neuron that is counted.
fn constants(
    weights: &LinkWeights<'_>,
    [n, units]: [usize; 2],
    ends: &Ends,
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
        from: Side::constant(0.0, ends.before[1].n_neurons()),
    }
}

/// The sum over each of `n` runs.
pub(crate) fn over_runs(values: &[f64], n: usize) -> Vec<f64> {
    let runs = values.chunks(values.len() / n.max(1));
    runs.map(|run| run.iter().sum()).collect()
}

/// What lies on the two sides of a layer of neurons.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    into: Gathered,
    from: Gathered,
}

/// One side of a layer's neurons while links are added to it.
#[derive(Clone, Debug)]
struct Gathered {
    n_neurons: usize,
    /// What every neuron has before any links.
    outside: f64,
    links: Option<Side>,
}

impl Gathered {
    fn add(&mut self, side: Side, first: usize) {
        let is_all = side.sum.len() == self.n_neurons && self.outside == 0.0;
        if is_all && self.links.is_none() {
            self.links = Some(side);
            return;
        }
        let nothing = || Side::constant(self.outside, self.n_neurons);
        self.links.get_or_insert_with(nothing).add(&side, first);
    }

    fn finish(self) -> Side {
        let nothing = || Side::constant(self.outside, self.n_neurons);
        self.links.unwrap_or_else(nothing)
    }
}

impl Sides {
    /// The sides of every layer of neurons, `shapes` theirs in the graph in force, before any links.
    pub(crate) fn outer(shapes: &[Shape], boundary: Boundary) -> Vec<Self> {
        let outside = match boundary {
            Boundary::Unit => 1.0,
            Boundary::Zero => 0.0,
        };
        let last = shapes.len() - 1;
        let layers = shapes.iter().enumerate().map(|(layer, shape)| {
            let side = |outer: bool| Gathered {
                n_neurons: shape.n_neurons(),
                outside: if outer { outside } else { 0.0 },
                links: None,
            };
            Self {
                into: side(layer == 0),
                from: side(layer == last),
            }
        });
        layers.collect()
    }

    /// Adds what a layer of links brings to both its ends.
    pub(crate) fn add(sides: &mut [Self], layer: &LinkLayer, sums: LinkSums) {
        let [into, from] = layer.first;
        sides[layer.index].into.add(sums.into, into);
        sides[layer.from].from.add(sums.from, from);
    }

    /// The strengths of a layer's neurons as columns, and the absolute sums of the links that lead to and from every neuron.
    pub(crate) fn columns(
        self,
        layer: &NeuronLayer,
        shape: Shape,
    ) -> (NeuronColumns, [Vec<f64>; 2]) {
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
        let (into, from) = (self.into.finish(), self.from.finish());
        let columns = NeuronColumns {
            layer: layer.index,
            name: layer.name.clone(),
            kind: layer.kind,
            role: layer.role,
            shape,
            strength: add(&into.sum, &from.sum),
            s_abs: add(&into.abs, &from.abs),
            s_in: into.sum,
            s_out: from.sum,
            data: None,
        };
        (columns, [into.abs, from.abs])
    }
}
