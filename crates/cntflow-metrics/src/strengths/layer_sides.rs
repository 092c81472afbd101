//! Strengths of layers of neurons while the layers of links are added one after the other.

use cntflow_network::{LinkLayer, NeuronLayer, Role, Shape};

use super::{LinkSums, Side};
use crate::{Boundary, NeuronColumns};

/// Sums over the links that lead to a layer of neurons, and over those that lead from it.
#[derive(Clone, Debug)]
pub(crate) struct LayerSides {
    into: RunningSide,
    from: RunningSide,
}

/// One side of a layer while links are added to it.
#[derive(Clone, Debug)]
struct RunningSide {
    n_neurons: usize,
    /// The sum of every neuron without links: that of the boundary for inputs and outputs.
    boundary: f64,
    /// `None` before the first links.
    sums: Option<Side>,
}

impl RunningSide {
    fn add(&mut self, side: Side, first: usize) {
        // Usually the first links reach every neuron, and no boundary is added: their sums are
        // moved, not added.
        let replaces_all = side.sum.len() == self.n_neurons && self.boundary == 0.0;
        if replaces_all && self.sums.is_none() {
            self.sums = Some(side);
            return;
        }
        let empty = || Side::constant(self.boundary, self.n_neurons);
        self.sums.get_or_insert_with(empty).add(&side, first);
    }

    fn finish(self) -> Side {
        let empty = || Side::constant(self.boundary, self.n_neurons);
        self.sums.unwrap_or_else(empty)
    }
}

impl LayerSides {
    /// The sides of all layers before any links. `shapes` has the nodes of each layer.
    ///
    /// Inputs and outputs of the network have the boundary's unit on their outer side. An open side
    /// has nothing: it is not known what is there.
    pub(crate) fn without_links(
        layers: &[NeuronLayer],
        shapes: &[Shape],
        boundary: Boundary,
    ) -> Vec<Self> {
        let unit = match boundary {
            Boundary::Unit => 1.0,
            Boundary::Zero => 0.0,
        };
        let sides = layers.iter().zip(shapes).map(|(layer, shape)| {
            let side = |is_outer: bool| RunningSide {
                n_neurons: shape.n_neurons(),
                boundary: if is_outer { unit } else { 0.0 },
                sums: None,
            };
            Self {
                into: side(layer.role == Role::Input),
                from: side(layer.role == Role::Output),
            }
        });
        sides.collect()
    }

    /// Adds the sums of a layer of links to the two layers that it joins.
    pub(crate) fn add(sides: &mut [Self], shapes: &[Shape], layer: &LinkLayer, sums: LinkSums) {
        let [to, from] = layer.first_neurons;
        let [first_to, first_from] = [
            to * shapes[layer.to].positions(),
            from * shapes[layer.from].positions(),
        ];
        sides[layer.to].into.add(sums.into, first_to);
        sides[layer.from].from.add(sums.from, first_from);
    }

    /// The strengths of a layer's neurons as columns, and for every neuron the absolute sums over
    /// the links that lead to it and from it. The sum on an open side is unknown: NaN.
    pub(crate) fn columns(
        self,
        layer: &NeuronLayer,
        shape: Shape,
    ) -> (NeuronColumns, [Vec<f64>; 2]) {
        let add = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
        let (mut into, mut from) = (self.into.finish(), self.from.finish());
        let strength = add(&into.sum, &from.sum);
        for (side, is_open) in [(&mut into, layer.open.into), (&mut from, layer.open.from)] {
            if is_open {
                side.sum.fill(f64::NAN);
            }
        }
        let columns = NeuronColumns {
            layer: layer.index,
            name: layer.name.clone(),
            kind: layer.kind,
            role: layer.role,
            shape,
            open: layer.open,
            strength,
            s_abs: add(&into.abs, &from.abs),
            s_in: into.sum,
            s_out: from.sum,
            data: None,
        };
        (columns, [into.abs, from.abs])
    }
}
