//! All graphs of a model as one: which node makes which value, and which nodes take it.
//!
//! Names are unique within a graph. A graph that a node holds sees the values of the graphs around
//! it, so a value has a number of its own.

use std::collections::{HashMap, HashSet};

use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::{Graph, Model};

/// Number of a value.
pub(super) type ValueId = usize;

/// A node with its values in place of their names; `None` is one that is left out, or that nothing
/// before the node makes.
pub(super) struct Step<'m> {
    pub(super) node: &'m Node<'m>,
    pub(super) inputs: Vec<Option<ValueId>>,
    pub(super) outputs: Vec<Option<ValueId>>,
}

impl Step<'_> {
    pub(super) fn operator(&self) -> &str {
        self.node.operator
    }

    pub(super) fn input(&self, input: usize) -> Option<ValueId> {
        self.inputs.get(input).copied().flatten()
    }

    pub(super) fn output(&self, output: usize) -> Option<ValueId> {
        self.outputs.get(output).copied().flatten()
    }
}

/// What is known of a value without looking at what it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueUse {
    /// The tensor that it is, by its index in the model's list.
    pub(super) tensor: Option<usize>,
    /// The step that makes it.
    pub(super) maker: Option<usize>,
    /// The steps that take it, each with the number of the input.
    pub(super) takers: Vec<(usize, usize)>,
    /// Whether it is an input of the model.
    pub(super) is_input: bool,
    /// Whether it is an output of the model.
    pub(super) is_output: bool,
    /// Whether it is an output of a graph that a node holds.
    pub(super) leaves_graph: bool,
}

/// The steps of all graphs, those of a graph in the file's order, which ONNX requires to be
/// topological, and a graph behind the one that holds it.
#[derive(Default)]
pub(super) struct Wiring<'m> {
    pub(super) steps: Vec<Step<'m>>,
    pub(super) values: Vec<ValueUse>,
    /// Values of each graph by their names.
    names: Vec<HashMap<&'m str, ValueId>>,
}

impl<'m> Wiring<'m> {
    pub(super) fn of(model: &'m Model<'m>) -> Self {
        let mut wiring = Self {
            names: model.graphs.iter().map(|_| HashMap::new()).collect(),
            ..Self::default()
        };
        for (index, listed) in model.tensors.iter().enumerate() {
            if let Some(graph) = listed.graph {
                let value = wiring.define(graph, listed.tensor.name);
                wiring.values[value].tensor = Some(index);
            }
        }
        // Where the steps of each graph begin.
        let mut first_steps = Vec::new();
        for (index, graph) in model.graphs.iter().enumerate() {
            first_steps.push(wiring.steps.len());
            wiring.add_inputs(model, index, &first_steps);
            for node in &graph.nodes {
                wiring.add_node(model, index, node);
            }
            wiring.add_outputs(model, index);
        }
        wiring
    }

    /// The value that an input of a node is.
    pub(super) fn value(&self, value: ValueId) -> &ValueUse {
        &self.values[value]
    }

    /// Defines a value of a graph; one that is defined already stays as it is.
    fn define(&mut self, graph: usize, name: &'m str) -> ValueId {
        let next = self.values.len();
        let value = *self.names[graph].entry(name).or_insert(next);
        if value == next {
            self.values.push(ValueUse::default());
        }
        value
    }

    /// The value that a step makes. One that is made twice is another one from then on, so that no
    /// value is made of itself.
    fn make(&mut self, graph: usize, name: &'m str, step: usize, node: &Node<'_>) -> ValueId {
        let mut value = self.define(graph, name);
        let found = &self.values[value];
        let is_constant = found.tensor.is_some() && node.operator == "Constant";
        let is_new = found.tensor.is_none() && found.takers.is_empty() && !found.is_input;
        if found.maker.is_some() || !(is_constant || is_new) {
            value = self.values.len();
            self.values.push(ValueUse::default());
            self.names[graph].insert(name, value);
        }
        self.values[value].maker = Some(step);
        value
    }

    fn add_inputs(&mut self, model: &'m Model<'m>, index: usize, first_steps: &[usize]) {
        let graph = &model.graphs[index];
        let copies = copies_of(graph);
        for (number, input) in graph.inputs.iter().enumerate() {
            // Old files list weights among the inputs.
            if self.names[index].contains_key(input.name) {
                continue;
            }
            if let Some(value) = self.unchanged_input(graph, &copies, number, first_steps) {
                self.names[index].insert(input.name, value);
                continue;
            }
            let value = self.define(index, input.name);
            self.values[value].is_input = index == 0;
        }
    }

    /// The value outside of a loop that an input of its body always is: one that every turn hands
    /// on as it is.
    fn unchanged_input(
        &self,
        body: &Graph<'m>,
        copies: &HashSet<[&str; 2]>,
        number: usize,
        first_steps: &[usize],
    ) -> Option<ValueId> {
        let holder = body.holder?;
        let step = self
            .steps
            .get(first_steps.get(holder.graph)? + holder.node)?;
        // The first two inputs are the number of the turn and the condition. The body gives the
        // condition and then the values of the next turn.
        if step.operator() != "Loop" || number < 2 {
            return None;
        }
        let input = body.inputs.get(number)?.name;
        let output = *body.outputs.get(number - 1)?;
        let is_unchanged = output == input || copies.contains(&[input, output]);
        is_unchanged.then(|| step.input(number))?
    }

    fn add_node(&mut self, model: &Model<'m>, graph: usize, node: &'m Node<'m>) {
        let step = self.steps.len();
        let find = |name: &&'m str| self.find(model, graph, name);
        let inputs: Vec<Option<ValueId>> = node.inputs.iter().map(find).collect();
        for (number, value) in inputs.iter().enumerate() {
            if let Some(value) = *value {
                self.values[value].takers.push((step, number));
            }
        }
        let outputs = node.outputs.iter().map(|name| {
            if name.is_empty() {
                return None;
            }
            Some(self.make(graph, name, step, node))
        });
        let outputs = outputs.collect();
        self.steps.push(Step {
            node,
            inputs,
            outputs,
        });
    }

    fn add_outputs(&mut self, model: &Model<'m>, index: usize) {
        for name in &model.graphs[index].outputs {
            if let Some(value) = self.find(model, index, name) {
                let value = &mut self.values[value];
                value.is_output |= index == 0;
                value.leaves_graph |= index > 0;
            }
        }
    }

    /// The value of this name that a graph sees. There are as many graphs around it as the limit on
    /// depth allows.
    fn find(&self, model: &Model<'m>, graph: usize, name: &str) -> Option<ValueId> {
        if name.is_empty() {
            return None;
        }
        let mut graph = Some(graph);
        while let Some(index) = graph {
            if let Some(value) = self.names[index].get(name) {
                return Some(*value);
            }
            graph = model.graphs[index].holder.map(|holder| holder.graph);
        }
        None
    }

    /// The steps that take a value for what it holds: those that ask for its shape are left out.
    pub(super) fn takers(&self, value: ValueId) -> impl Iterator<Item = (usize, usize)> + '_ {
        let takers = self.values[value].takers.iter().copied();
        takers.filter(|(step, _)| !["Shape", "Size"].contains(&self.steps[*step].operator()))
    }

    /// The one step that takes a value, if nothing else becomes of it.
    pub(super) fn only_taker(&self, value: ValueId) -> Option<usize> {
        let found = &self.values[value];
        if found.is_output || found.leaves_graph {
            return None;
        }
        let mut takers = self.takers(value);
        match (takers.next(), takers.next()) {
            (Some((step, _)), None) => Some(step),
            _ => None,
        }
    }
}

/// Input and output of each node of a graph that hands a value on as it is.
fn copies_of<'a>(graph: &Graph<'a>) -> HashSet<[&'a str; 2]> {
    let is_held = graph.holder.is_some();
    let copies = graph
        .nodes
        .iter()
        .filter(|node| is_held && node.operator == "Identity");
    copies
        .filter_map(|node| Some([*node.inputs.first()?, *node.outputs.first()?]))
        .collect()
}
