//! The networks of a drawing.

use std::collections::BTreeMap;

/// A network.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Its name.
    pub(crate) title: String,
    /// What is said of it under its name.
    pub(crate) subtitle: String,
    /// The layers that links touch, by index.
    pub(crate) layers: BTreeMap<usize, GraphLayer>,
    pub(crate) links: Vec<GraphLink>,
}

/// A layer of neurons.
#[derive(Debug, Default)]
pub(crate) struct GraphLayer {
    pub(crate) name: String,
    /// Neurons or channels that it has in all.
    pub(crate) n_nodes: u64,
    /// What its nodes are: neurons or channels.
    pub(crate) unit: &'static str,
    /// The nodes that links touch, by index: strengths, or sums of the weights of the links.
    pub(crate) nodes: BTreeMap<usize, f64>,
    /// Links that lead to it in all.
    pub(crate) n_links: u64,
}

/// A link: layer and index of the node that it comes from, and that it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphLink {
    pub(crate) from: (usize, usize),
    pub(crate) to: (usize, usize),
    pub(crate) weight: f64,
}

/// How much room networks have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphRoom {
    /// Networks beside each other, if they have few layers.
    pub(crate) in_row: usize,
    /// Height of a node.
    pub(crate) node: f64,
    /// Most nodes of a layer: those with the strongest links stay.
    pub(crate) most_nodes: usize,
}
