//! Which neurons the entry of a kernel joins.

use cntflow_network::{LinkLayer, Links, Shape, View, Window};

use crate::{ConvGraph, LinkEnd};

/// A layer of neurons: as the network has it, and its nodes in the graph, which are its channels in
/// the channel graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerNodes {
    pub(crate) neurons: Shape,
    pub(crate) nodes: Shape,
}

impl LayerNodes {
    fn neuron(self, index: usize) -> LinkEnd {
        let (channel, ..) = self.neurons.coordinates(index);
        let is_node = self.nodes.n_neurons() == self.neurons.n_neurons();
        LinkEnd {
            neuron: Some(if is_node { index } else { channel }),
            channel,
        }
    }

    fn channel(self, channel: usize) -> LinkEnd {
        let is_node = self.nodes.n_neurons() == self.neurons.channels();
        LinkEnd {
            neuron: is_node.then_some(channel),
            channel,
        }
    }

    /// Entry `index` of `n` weights that belong to neurons one by one, or else to channels.
    fn of_scale(self, index: usize, n: usize) -> LinkEnd {
        if n == self.neurons.n_neurons() {
            self.neuron(index)
        } else {
            self.channel(index % self.neurons.channels().max(1))
        }
    }

    /// The neuron, or the channel, that a column of a dense kernel belongs to.
    fn column(self, view: View, column: usize) -> LinkEnd {
        match (view, self.neurons) {
            // The steps of a sequence are no nodes: a unit has a column for each step.
            (View::Flat, Shape::Steps { units, .. }) => self.neuron(column % units.max(1)),
            // A column of the kernel sees all rows of a column of the image.
            (View::Rows, Shape::Spatial { rows, columns, .. }) if rows > 1 => {
                self.channel(column / columns.max(1))
            }
            (View::Positions, Shape::Spatial { .. }) => self.channel(column),
            _ => self.neuron(column),
        }
    }

    /// Number of neurons, or of channels, that a link may have at the end that is like `end`.
    pub(super) fn n_like(self, end: LinkEnd) -> u64 {
        let n = match end.neuron {
            Some(_) => self.nodes.n_neurons(),
            None => self.neurons.channels(),
        };
        n as u64
    }
}

/// The entries of a kernel as they are in memory, or summed over the taps.
#[derive(Clone, Copy, Debug)]
pub(super) struct KernelEntries<'l> {
    layer: &'l LinkLayer,
    /// The layers that the links come from and lead to.
    nodes: [LayerNodes; 2],
    /// Entries for each pair of channels.
    taps: usize,
}

impl<'l> KernelEntries<'l> {
    /// `window` is that of a convolution in the spatial graph.
    pub(super) fn new(
        layer: &'l LinkLayer,
        nodes: [LayerNodes; 2],
        window: Option<&Window>,
    ) -> Self {
        let taps = window.map_or(1, Window::taps);
        Self { layer, nodes, taps }
    }

    /// Where the link of an entry comes from, and where it leads to.
    pub(super) fn ends(&self, index: usize) -> [LinkEnd; 2] {
        let [before, after] = self.nodes;
        let [first_to, first_from] = self.layer.first_neurons;
        let pair = index / self.taps.max(1);
        match self.layer.links {
            Links::Dense { n_in, .. } => [
                before.column(self.layer.view, first_from + pair % n_in),
                after.neuron(first_to + pair / n_in),
            ],
            Links::Embedding { units, .. } => {
                [before.neuron(pair / units), after.neuron(pair % units)]
            }
            Links::Conv2d {
                channels,
                filters,
                groups,
                ..
            } => {
                let filter = pair / (channels / groups);
                let group = filter / (filters / groups);
                let channel = group * (channels / groups) + pair % (channels / groups);
                [before.channel(channel), after.channel(filter)]
            }
            Links::ConvTranspose2d {
                channels,
                filters,
                groups,
                ..
            } => {
                let channel = pair / (filters / groups);
                let group = channel / (channels / groups);
                let filter = group * (filters / groups) + pair % (filters / groups);
                [before.channel(channel), after.channel(filter)]
            }
            Links::Diagonal { channels, .. } => self.nodes.map(|end| end.of_scale(pair, channels)),
            // These have no kernel.
            Links::MaxPool2d { .. }
            | Links::AveragePool2d { .. }
            | Links::AdaptivePool { .. }
            | Links::Identity { .. }
            | Links::Beside { .. }
            | Links::Constants { .. } => [before.neuron(pair), after.neuron(pair)],
        }
    }

    /// What links with equal weights are ordered by.
    pub(super) fn order(&self, index: usize) -> [usize; 2] {
        let index_of = |end: LinkEnd| end.neuron.unwrap_or(end.channel);
        self.ends(index).map(index_of)
    }
}

/// The window of a convolution in the spatial graph, where each entry of its kernel makes many
/// links; `None` for all other links.
pub(super) fn spatial_window(layer: &LinkLayer, graph: ConvGraph) -> Option<Window> {
    match (layer.links, graph) {
        (
            Links::Conv2d { window, .. } | Links::ConvTranspose2d { window, .. },
            ConvGraph::Spatial,
        ) => Some(window),
        _ => None,
    }
}

/// Row and column of an entry in its kernel.
pub(super) fn tap_of(window: &Window, index: usize) -> (usize, usize) {
    let (tap, columns) = (index % window.taps(), window.columns.kernel);
    (tap / columns, tap % columns)
}
