//! Which neuron a column of a kernel belongs to.

use cntflow_network::{Shape, View};

/// How the columns of a kernel are told from the neurons of the layer it comes from: one by one, several neurons to a column, or
/// several columns to a neuron.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    view: View,
    shape: Shape,
    nodes: Shape,
}

impl Columns {
    /// Columns that see a layer of the first shape, whose neurons in the graph in force are of the second.
    pub(crate) fn new(view: View, [shape, nodes]: [Shape; 2]) -> Self {
        Self { view, shape, nodes }
    }

    /// Of every neuron the sum over its columns.
    pub(crate) fn to_nodes(self, columns: Vec<f64>) -> Vec<f64> {
        let n = self.nodes.n_neurons();
        let by_channel = n == self.shape.channels();
        match (self.view, self.shape) {
            (View::Flat, Shape::Steps { units, .. }) => {
                let mut sums = vec![0.0; units];
                for step in columns.chunks_exact(units) {
                    sums.iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
                }
                sums
            }
            (View::Rows, Shape::Places { .. }) => {
                let width = self.shape.columns();
                if by_channel && self.shape.places() > 1 {
                    return columns
                        .chunks_exact(width)
                        .map(|run| run.iter().sum())
                        .collect();
                }
                let channels = columns.chunks_exact(width);
                channels
                    .flat_map(|row| row.repeat(self.shape.rows()))
                    .collect()
            }
            (View::Places, Shape::Places { .. }) => {
                let places = n / columns.len().max(1);
                let nodes = columns.iter().flat_map(|&x| std::iter::repeat_n(x, places));
                nodes.collect()
            }
            // One direction of a bidirectional layer has a run of the neurons to itself.
            _ if columns.len() <= n => columns,
            _ => crate::strengths::over_runs(&columns, n),
        }
    }
}
