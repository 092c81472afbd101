//! Which products with a kernel are no dense layers but parts of an attention or of a recurrence: told by what becomes of them.

use std::collections::HashSet;

use super::{Known, Path};
use cntflow_formats::onnx::node::Node;

/// Operators that see data in another way, or add and multiply what the file holds.
const VIEWS: [&str; 14] = [
    "Identity",
    "Cast",
    "CastLike",
    "Dropout",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Gather",
    "Slice",
    "Split",
    "Mul",
    "Div",
    "Add",
];

/// Most inputs of such an operator: those of `Slice`.
const MOST_INPUTS: usize = 5;

impl<'m, 'a> Path<'m, 'a> {
    /// Finds the products whose results are multiplied with each other, and those whose steps are taken one by one.
    pub(super) fn look_ahead(&mut self, order: &[usize]) {
        let nodes = &self.model.graph.nodes;
        let of_data = self.of_data(order);
        let mixes = |node: &Node<'a>| {
            let two = node.operator == "MatMul" && node.inputs.len() == 2;
            two && node.inputs.iter().all(|name| of_data.contains(name))
        };
        // Nodes whose result is multiplied with other data, whatever way it is seen.
        let mut multiplied = vec![false; nodes.len()];
        for &place in order.iter().rev() {
            let leads = |&taker: &usize| {
                let node = &nodes[taker];
                let views = VIEWS.contains(&node.operator) && has_one(node, &of_data);
                mixes(node) || (views && multiplied[taker])
            };
            let takers = nodes[place]
                .outputs
                .iter()
                .filter_map(|name| self.takers.get(name));
            multiplied[place] = takers.flatten().any(leads);
        }
        for &place in order {
            let node = &nodes[place];
            let data = node
                .inputs
                .first()
                .is_some_and(|name| of_data.contains(name));
            let kernel = node
                .inputs
                .get(1)
                .is_some_and(|name| !of_data.contains(name));
            let product = ["MatMul", "Gemm"].contains(&node.operator) && data && kernel;
            if product && (multiplied[place] || self.is_unrolled(node, &of_data)) {
                self.parts.extend(node.outputs.first());
            }
        }
    }

    /// Values that are made of the graph's input, not of its shape alone.
    fn of_data(&self, order: &[usize]) -> HashSet<&'a str> {
        let inputs = self.known.iter();
        let inputs = inputs.filter(|(_, known)| matches!(known, Known::Flow(_)));
        let mut of_data: HashSet<&'a str> = inputs.map(|(name, _)| *name).collect();
        for &place in order {
            let node = &self.model.graph.nodes[place];
            let made = node.inputs.iter().any(|name| of_data.contains(name));
            if made && node.operator != "Shape" {
                of_data.extend(&node.outputs);
            }
        }
        of_data
    }

    /// Whether single steps of a product are taken, several of them, each to be added to something else and activated.
    fn is_unrolled(&self, node: &Node<'a>, of_data: &HashSet<&'a str>) -> bool {
        let Some(&product) = node.outputs.first() else {
            return false;
        };
        let addition = self
            .only_taker(product)
            .filter(|next| next.operator == "Add" && has_one(next, of_data));
        let whole = addition.and_then(|next| next.outputs.first());
        let takers = self.takers.get(whole.unwrap_or(&product));
        let takers = takers.into_iter().flatten();
        let mut takers = takers
            .map(|&place| &self.model.graph.nodes[place])
            .filter(|taker| taker.operator != "Shape")
            .peekable();
        let mut n = 0;
        takers.peek().is_some()
            && takers.all(|taker| {
                n += taker.outputs.len();
                let picks = ["Slice", "Gather", "Split"].contains(&taker.operator);
                picks
                    && taker
                        .outputs
                        .iter()
                        .all(|step| self.is_added_and_activated(step))
            })
            && n > 1
    }

    fn is_added_and_activated(&self, step: &str) -> bool {
        let next = |node: &Node<'a>| self.only_taker(node.outputs.first()?);
        let Some(mut taker) = self.only_taker(step) else {
            return false;
        };
        if taker.operator == "Squeeze" {
            let Some(after) = next(taker) else {
                return false;
            };
            taker = after;
        }
        let activated = next(taker).is_some_and(|node| ["Tanh", "Relu"].contains(&node.operator));
        taker.operator == "Add" && activated
    }
}

/// Whether one input of a node is made of data, of the few that operators have which see it in another way.
fn has_one(node: &Node<'_>, of_data: &HashSet<&str>) -> bool {
    let data = || node.inputs.iter().filter(|name| of_data.contains(*name));
    node.inputs.len() <= MOST_INPUTS && data().count() == 1
}
