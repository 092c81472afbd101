//! A graph in translation: the values that are known so far, and the architecture made of them.

use std::collections::{HashMap, HashSet};

use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Model;
use cntflow_network::{Branch, Layer};

use super::attention_values::{MixedValues, Projection};
use super::axes::Axis;
use super::flow::Flow;
use super::symbolic::SymbolicInt;
use super::value::Value;
use super::weight::Weight;
use crate::builder::{ArchitectureBuilder, kernel_activation};
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;

/// The graph as far as it has been translated. `'a` is the file, `'m` the model read from it.
pub(super) struct Translator<'m, 'a> {
    pub(super) file: &'a [u8],
    pub(super) model: &'m Model<'a>,
    pub(super) builder: ArchitectureBuilder,
    /// Values by their names.
    pub(super) values: HashMap<&'a str, Value<'a>>,
    /// Indices of the nodes that take a value, among those that the output depends on.
    pub(super) consumers: HashMap<&'a str, Vec<usize>>,
    /// Size of the batch, if the graph fixes it.
    pub(super) batch: Option<i64>,
    /// Outputs of products that are no layers but parts of an attention or a recurrence.
    pub(super) partial_products: HashSet<&'a str>,
    /// Products of data and kernels within attentions and recurrences.
    pub(super) projections: Vec<Projection<'a>>,
    /// Attentions whose output projection is still to come.
    pub(super) mixed: Vec<MixedValues>,
}

impl<'m, 'a> Translator<'m, 'a> {
    pub(super) fn new(model: &'m Model<'a>, file: &'a [u8]) -> Self {
        Self {
            file,
            model,
            builder: ArchitectureBuilder::default(),
            values: HashMap::new(),
            consumers: HashMap::new(),
            batch: None,
            partial_products: HashSet::new(),
            projections: Vec::new(),
            mixed: Vec::new(),
        }
    }

    /// What is known of a node's input.
    pub(super) fn value(&self, node: &Node<'a>, input: usize) -> Translated<&Value<'a>> {
        let name = node.inputs.get(input).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| unsupported(format!("it has no input {input}")))?;
        let value = self.values.get(name);
        value.ok_or_else(|| unsupported(format!("nothing before it gives its input {name}")))
    }

    /// Whether a node has an input: trailing and middle ones may be left out.
    pub(super) fn has_input(&self, node: &Node<'a>, input: usize) -> bool {
        node.inputs.get(input).is_some_and(|name| !name.is_empty())
    }

    /// An input that is data with known axes.
    pub(super) fn flow(&self, node: &Node<'a>, input: usize) -> Translated<Flow> {
        match self.value(node, input)? {
            Value::Flow(flow) => Ok(flow.clone()),
            Value::View(_) => Err(unsupported(format!(
                "its input {input} is data whose axes are split or merged, or part of an attention or a recurrence"
            ))),
            _ => Err(unsupported(format!(
                "its input {input} is not made of the graph's input"
            ))),
        }
    }

    /// An input that is a weight.
    pub(super) fn weight(&self, node: &Node<'a>, input: usize) -> Translated<Weight<'a>> {
        match self.value(node, input)? {
            Value::Weight(weight) => Ok(weight.clone()),
            _ => Err(unsupported(format!("its input {input} is no weight"))),
        }
    }

    /// An input that is a weight, if the node has it.
    pub(super) fn optional_weight(
        &self,
        node: &Node<'a>,
        input: usize,
    ) -> Translated<Option<Weight<'a>>> {
        let has_input = self.has_input(node, input);
        has_input.then(|| self.weight(node, input)).transpose()
    }

    /// The first input that is a weight.
    pub(super) fn any_weight(&self, node: &Node<'a>) -> Option<Weight<'a>> {
        (0..node.inputs.len()).find_map(|input| self.weight(node, input).ok())
    }

    /// Says what is known of a node's output.
    pub(super) fn set_output(&mut self, node: &Node<'a>, output: usize, value: Value<'a>) {
        if let Some(name) = node.outputs.get(output).filter(|name| !name.is_empty()) {
            self.values.insert(name, value);
        }
    }

    /// Makes a node's first output that of the last layer.
    pub(super) fn set_layer_output(&mut self, node: &Node<'a>, axes: Vec<Axis>) {
        let n_layers = self.builder.n_layers();
        self.set_output(node, 0, Value::Flow(Flow { n_layers, axes }));
    }

    /// The one node that takes a value; `None` where there are several, or none.
    pub(super) fn only_consumer(&self, value: &str) -> Option<&'m Node<'a>> {
        match self.consumers.get(value)?[..] {
            [node] => Some(&self.model.graph().nodes[node]),
            _ => None,
        }
    }

    /// The one node that takes a node's first output, if it has this operator.
    pub(super) fn next(&self, node: &Node<'a>, operator: &str) -> Option<&'m Node<'a>> {
        let next = self.only_consumer(node.outputs.first()?)?;
        (next.operator == operator).then_some(next)
    }

    /// Size of the batch.
    pub(super) fn batch_size(&self) -> SymbolicInt {
        let open = SymbolicInt::BatchMultiple(1);
        self.batch.map_or(open, SymbolicInt::Fixed)
    }

    /// Makes this data the input of the next layer: adds a `Branch` if it is not the output of the
    /// last layer.
    pub(super) fn continue_from(&mut self, flow: &Flow) {
        if flow.n_layers != self.builder.n_layers() {
            let from = self.builder.output_name(flow.n_layers);
            self.builder.add_layer(Layer::Branch(Branch { from }));
        }
    }

    /// Sets the recipe of a tensor to a weight of the graph.
    pub(super) fn set_weight(&mut self, tensor: String, weight: &Weight<'a>) -> Translated<()> {
        let recipe: TensorRecipe = self.weight_recipe(weight)?;
        self.builder.set_recipe(tensor, recipe);
        Ok(())
    }

    /// Makes every layer linear that no activation follows: in ONNX an activation is a node of its
    /// own.
    pub(super) fn mark_linear_layers(&mut self) {
        let layers = self.builder.layers_mut();
        for index in 0..layers.len() {
            if matches!(layers.get(index + 1), Some(Layer::Activation(_))) {
                continue;
            }
            if let Some(activation) = kernel_activation(&mut layers[index]) {
                *activation = Some(cntflow_network::Activation::Linear);
            }
        }
    }
}
