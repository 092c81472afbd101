//! Which neuron a column of a kernel belongs to.
//!
//! A dense layer may see the layer before flattened, row by row, or position by position (its
//! view). Then a column of its kernel belongs to several neurons, or several columns belong to one.

use cntflow_network::{Shape, View};

/// Maps the columns of a kernel to the nodes of the layer that its links come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelColumns {
    view: View,
    /// The layer's neurons.
    shape: Shape,
    /// The layer's nodes in the graph: one per channel in the channel graph.
    nodes: Shape,
}

impl KernelColumns {
    /// Columns that see neurons of `shape` by `view`; `nodes` is the shape in the graph.
    pub(crate) fn new(view: View, shape: Shape, nodes: Shape) -> Self {
        Self { view, shape, nodes }
    }

    /// Turns a sum per column into a sum per node: `[n_columns]` to `[n_nodes]`.
    pub(crate) fn to_nodes(self, columns: Vec<f64>) -> Vec<f64> {
        let n_nodes = self.nodes.n_neurons();
        let is_by_channel = n_nodes == self.shape.channels();
        match (self.view, self.shape) {
            // The steps of a sequence are no nodes: a unit has a column for each step.
            (View::Flat, Shape::Steps { units, .. }) => {
                let mut sums = vec![0.0; units];
                for step in columns.chunks_exact(units) {
                    sums.iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
                }
                sums
            }
            (View::Rows, Shape::Spatial { .. }) => {
                // A column stands for a channel and a column of the image, and sees all its rows.
                let width = self.shape.columns();
                if is_by_channel && self.shape.positions() > 1 {
                    let channels = columns.chunks_exact(width);
                    return channels.map(|channel| channel.iter().sum()).collect();
                }
                let channels = columns.chunks_exact(width);
                channels
                    .flat_map(|row| row.repeat(self.shape.rows()))
                    .collect()
            }
            (View::Positions, Shape::Spatial { .. }) => {
                // A column stands for a channel, and sees all its positions.
                let positions = n_nodes / columns.len().max(1);
                let nodes = columns
                    .iter()
                    .flat_map(|&x| std::iter::repeat_n(x, positions));
                nodes.collect()
            }
            // One column per node. One direction of a bidirectional layer has fewer: those of its
            // own neurons.
            _ if columns.len() <= n_nodes => columns,
            // A flattened convolution in the channel graph: a node is a run of columns.
            _ => super::sum_runs(&columns, n_nodes),
        }
    }
}
