//! Which products with a kernel are no dense layers but parts of an attention or of a recurrence:
//! decided by what becomes of them.

use std::collections::HashSet;

use cntflow_formats::onnx::node::Node;

use super::translator::Translator;
use super::value::Value;

/// Operators that data passes as such: they change its layout, take a part of it, or add or
/// multiply a weight or a number.
const LAYOUT_OPERATORS: [&str; 14] = [
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

/// The most inputs of such an operator: those of `Slice`.
const MAX_INPUTS: usize = 5;

impl<'m, 'a> Translator<'m, 'a> {
    /// Finds the products of data and kernels whose results are multiplied with other data, as
    /// queries are with keys, or whose steps are taken one by one, as an unrolled recurrence does.
    pub(super) fn find_partial_products(&mut self, needed: &[usize]) {
        let nodes = &self.model.graph().nodes;
        let data = self.names_of_data(needed);
        let multiplied = self.multiplied_with_data(needed, &data);
        for &index in needed {
            let node = &nodes[index];
            let is_data = |input: usize| Some(data.contains(node.inputs.get(input)?));
            let has_kernel = ["MatMul", "Gemm"].contains(&node.operator)
                && is_data(0) == Some(true)
                && is_data(1) == Some(false);
            if has_kernel && (multiplied[index] || self.is_unrolled(node, &data)) {
                self.partial_products.extend(node.outputs.first());
            }
        }
    }

    /// For every node, whether its result reaches a product with other data through layout
    /// operators alone.
    fn multiplied_with_data(&self, needed: &[usize], data: &HashSet<&str>) -> Vec<bool> {
        let nodes = &self.model.graph().nodes;
        let mut multiplied = vec![false; nodes.len()];
        // From the end, so that what becomes of a result is known before the node that makes it is
        // looked at.
        for &index in needed.iter().rev() {
            let leads_to_product = |&consumer: &usize| {
                let node = &nodes[consumer];
                let is_product = node.operator == "MatMul"
                    && node.inputs.len() == 2
                    && node.inputs.iter().all(|name| data.contains(name));
                let is_layout =
                    LAYOUT_OPERATORS.contains(&node.operator) && has_one_data_input(node, data);
                is_product || (is_layout && multiplied[consumer])
            };
            let outputs = nodes[index].outputs.iter();
            let mut consumers = outputs
                .filter_map(|name| self.consumers.get(name))
                .flatten();
            multiplied[index] = consumers.any(leads_to_product);
        }
        multiplied
    }

    /// Names of the values that are made of the graph's input, not of its shape alone.
    fn names_of_data(&self, needed: &[usize]) -> HashSet<&'a str> {
        let inputs = self.values.iter();
        let inputs = inputs.filter(|(_, value)| matches!(value, Value::Flow(_)));
        let mut data: HashSet<&'a str> = inputs.map(|(name, _)| *name).collect();
        for &index in needed {
            let node = &self.model.graph().nodes[index];
            let takes_data = node.inputs.iter().any(|name| data.contains(name));
            if takes_data && node.operator != "Shape" {
                data.extend(&node.outputs);
            }
        }
        data
    }

    /// Whether the only use of a product is that single steps are cut out of it, more than one, and
    /// each is added to something and activated.
    fn is_unrolled(&self, node: &Node<'a>, data: &HashSet<&'a str>) -> bool {
        let Some(&product) = node.outputs.first() else {
            return false;
        };
        let bias_addition = self
            .next(node, "Add")
            .filter(|next| has_one_data_input(next, data));
        let biased = bias_addition.and_then(|next| next.outputs.first());
        let consumers = self.consumers.get(biased.unwrap_or(&product));
        let mut n_steps = 0;
        for &consumer in consumers.into_iter().flatten() {
            let consumer = &self.model.graph().nodes[consumer];
            if consumer.operator == "Shape" {
                continue;
            }
            let picks_steps = ["Slice", "Gather", "Split"].contains(&consumer.operator);
            let mut steps = consumer.outputs.iter();
            if !picks_steps || !steps.all(|step| self.is_added_and_activated(step)) {
                return false;
            }
            n_steps += consumer.outputs.len();
        }
        n_steps > 1
    }

    fn is_added_and_activated(&self, step: &str) -> bool {
        let Some(consumer) = self.only_consumer(step) else {
            return false;
        };
        let addition = if consumer.operator == "Squeeze" {
            self.next(consumer, "Add")
        } else {
            Some(consumer).filter(|consumer| consumer.operator == "Add")
        };
        addition.is_some_and(|addition| {
            self.next(addition, "Tanh").is_some() || self.next(addition, "Relu").is_some()
        })
    }
}

/// Whether exactly one input of a node is data. Nodes with more inputs than any layout operator has
/// are not searched.
fn has_one_data_input(node: &Node<'_>, data: &HashSet<&str>) -> bool {
    let of_data = node.inputs.iter().filter(|name| data.contains(*name));
    // A hostile node may have millions of inputs.
    node.inputs.len() <= MAX_INPUTS && of_data.count() == 1
}
