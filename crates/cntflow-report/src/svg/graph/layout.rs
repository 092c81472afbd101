//! Where the networks of a drawing stand, and their layers and nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Graph, GraphRoom};
use crate::svg::canvas::{Canvas, Column};

/// Width of a drawing in the page.
const WIDTH: f64 = 900.0;

/// Most layers that are drawn of a network: the texts below more would touch.
pub(crate) const MOST_LAYERS: usize = 12;

/// Most layers of networks that stand beside each other.
const FEW_LAYERS: usize = 6;

/// Space between networks in the page.
const GAP: f64 = 24.0;

/// Lines of text above the nodes, with the space below them.
const HEAD_LINES: f64 = 3.9;

/// Lines of text below the nodes, with the space around them.
const FOOT_LINES: f64 = 5.0;

/// Least height of the nodes of a network in the page.
const LEAST_HEIGHT: f64 = 140.0;

/// Width of a letter in the page, on average.
const LETTER: f64 = 6.6;

/// The places of all networks, layers and nodes.
#[derive(Debug)]
pub(crate) struct Layout {
    canvas: Canvas,
    n_graphs: usize,
    in_row: usize,
    /// Height of the nodes.
    height: f64,
    /// Index of each layer that is drawn, with the nodes that some network has: those with a place.
    nodes: BTreeMap<usize, Vec<usize>>,
}

impl Layout {
    pub(crate) fn new(canvas: Canvas, graphs: &[Graph], room: GraphRoom) -> Self {
        let layers = graphs.iter().flat_map(|graph| graph.layers.keys());
        let layers: BTreeSet<usize> = layers.copied().collect();
        let drawn = layers.into_iter().take(MOST_LAYERS);
        let nodes: BTreeMap<usize, Vec<usize>> = drawn
            .map(|layer| (layer, linked_nodes(graphs, layer, room.most_nodes)))
            .collect();
        let most = nodes.values().map(Vec::len).max().unwrap_or_default();
        let most_in_row = match canvas {
            Canvas::Page => room.in_row,
            Canvas::Paper(Column::One) => 1,
            Canvas::Paper(Column::Two) => 2,
        };
        let in_row = match nodes.len() {
            n if n <= FEW_LAYERS.min(12 / room.in_row) => room.in_row,
            n if n <= FEW_LAYERS => room.in_row.min(2),
            _ => 1,
        };
        Self {
            canvas,
            n_graphs: graphs.len(),
            in_row: in_row.min(most_in_row),
            height: canvas.length((most as f64 * room.node).max(LEAST_HEIGHT)),
            nodes,
        }
    }

    /// Width and height of the drawing.
    pub(crate) fn size(&self) -> (f64, f64) {
        let n_rows = self.n_graphs.div_ceil(self.in_row);
        (self.width(), n_rows as f64 * self.cell_height())
    }

    fn width(&self) -> f64 {
        self.canvas.width(WIDTH)
    }

    fn gap(&self) -> f64 {
        self.canvas.length(GAP)
    }

    /// Space above the nodes.
    fn head(&self) -> f64 {
        HEAD_LINES * self.canvas.line()
    }

    fn cell_height(&self) -> f64 {
        self.head() + self.height + FOOT_LINES * self.canvas.line()
    }

    /// The place of a network.
    pub(crate) fn place(&self, index: usize) -> Place<'_> {
        Place {
            layout: self,
            index,
        }
    }
}

/// The nodes of a layer that get a place: those with the strongest links, by index.
fn linked_nodes(graphs: &[Graph], layer: usize, most: usize) -> Vec<usize> {
    let mut largest: BTreeMap<usize, f64> = BTreeMap::new();
    for link in graphs.iter().flat_map(|graph| &graph.links) {
        for (_, node) in [link.from, link.to].iter().filter(|end| end.0 == layer) {
            let entry = largest.entry(*node).or_default();
            *entry = entry.max(link.weight.abs());
        }
    }
    let mut nodes: Vec<(usize, f64)> = largest.into_iter().collect();
    nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
    nodes.truncate(most);
    let mut nodes: Vec<usize> = nodes.into_iter().map(|(node, _)| node).collect();
    nodes.sort_unstable();
    nodes
}

/// The place of one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'l> {
    layout: &'l Layout,
    index: usize,
}

impl Place<'_> {
    pub(crate) fn width(&self) -> f64 {
        let in_row = self.layout.in_row as f64;
        (self.layout.width() - self.layout.gap() * (in_row - 1.0)) / in_row
    }

    pub(crate) fn left(&self) -> f64 {
        (self.index % self.layout.in_row) as f64 * (self.width() + self.layout.gap())
    }

    pub(crate) fn top(&self) -> f64 {
        (self.index / self.layout.in_row) as f64 * self.layout.cell_height()
    }

    /// The foot of a line of text above the nodes.
    pub(crate) fn head_line(&self, line: usize) -> f64 {
        self.top() + self.layout.canvas.line() * (line as f64 + 0.9)
    }

    /// The foot of a line of text below the nodes.
    pub(crate) fn foot_line(&self, line: f64) -> f64 {
        let nodes_end = self.top() + self.layout.head() + self.layout.height;
        nodes_end + self.layout.canvas.line() * (line + 1.25)
    }

    /// Whether a text is at most this wide.
    pub(crate) fn fits(&self, text: &str, width: f64) -> bool {
        match self.layout.canvas {
            Canvas::Page => text.chars().count() <= letters(width),
            canvas @ Canvas::Paper(_) => canvas.text_width(text) <= width,
        }
    }

    /// A text of at most this width: a longer one ends in dots.
    pub(crate) fn fitted(&self, text: &str, width: f64) -> String {
        match self.layout.canvas {
            Canvas::Page if self.fits(text, width) => text.to_owned(),
            Canvas::Page => {
                let start = text.chars().take(letters(width) - 1);
                start.chain(['…']).collect()
            }
            canvas @ Canvas::Paper(_) => canvas.shown(text, width),
        }
    }

    /// Indices of the layers that are drawn.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.layout.nodes.keys().copied()
    }

    /// Distance between two layers.
    pub(crate) fn step(&self) -> f64 {
        self.width() / self.layout.nodes.len().max(1) as f64
    }

    /// Where a layer stands.
    pub(crate) fn x(&self, layer: usize) -> f64 {
        let before = self.layout.nodes.range(..layer).count();
        self.left() + self.step() * (before as f64 + 0.5)
    }

    fn slot(&self, (layer, node): (usize, usize)) -> Option<(usize, usize)> {
        let nodes = self.layout.nodes.get(&layer)?;
        Some((nodes.binary_search(&node).ok()?, nodes.len()))
    }

    /// Whether a node of a layer has a place.
    pub(crate) fn has(&self, node: (usize, usize)) -> bool {
        self.slot(node).is_some()
    }

    /// Where a node of a layer stands.
    pub(crate) fn point(&self, node: (usize, usize)) -> (f64, f64) {
        let (slot, n) = self.slot(node).unwrap_or((0, 1));
        let share = (slot as f64 + 0.5) / n.max(1) as f64;
        let y = self.top() + self.layout.head() + self.layout.height * share;
        (self.x(node.0), y)
    }
}

/// Number of letters that have this width in the page, three at least.
fn letters(width: f64) -> usize {
    ((width / LETTER) as usize).max(3)
}
