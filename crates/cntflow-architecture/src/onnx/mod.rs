//! The architecture of a graph: its nodes followed from the input to the output, each becoming a layer, part of one, or nothing.
//!
//! A value of the graph is known as one of few things ([`Known`]): the data on its way, with what each of its axes is; a weight;
//! numbers that shapes and scales are made of; zeros; what lies within an attention or a recurrence that is written as many nodes.
//! Those are not told by the shape of the graph but by what each node does to its values: an attention is taken for one if its
//! queries, keys and values are all units of one sequence, in heads one after the other, its scores have the one scale, and nothing
//! else happens to them. A node that cannot be expressed is named with its operator.

mod activations;
mod ahead;
mod attention;
mod axes;
mod data;
mod layers;
mod norms;
mod number;
mod numbers;
mod recurrent;
mod seen;
mod sequence;
mod shapes;
mod steps;
mod unrolled;
mod weight;
mod windows;

use std::collections::{BTreeMap, HashMap, HashSet};

use cntflow_network::{Architecture, Layer};

use crate::{EmbeddedArchitecture, TensorRecipe};
use attention::{Attended, Projection, Scores};
use axes::Axis;
use cntflow_formats::onnx::node::Node;
use cntflow_formats::onnx::proto::Model;
use number::Number;
use seen::Seen;
use unrolled::{Before, State};
use weight::Weight;

/// Why a graph cannot be expressed, or what a node gives.
type Told<T> = Result<T, String>;

/// What is known of a value of the graph.
#[derive(Clone, Debug)]
enum Known<'a> {
    Flow(Flow),
    Weight(Weight<'a>),
    Numbers(Vec<Number>),
    /// A number of the scale of an attention.
    Real(f64),
    /// Zeros of these sizes.
    Zeros(Vec<Number>),
    /// Data whose axes are split or merged, or that is part of an attention or a recurrence.
    Seen(Seen),
    /// Products of queries and keys.
    Scores(Scores),
    /// The softmax of scores.
    Shares(Scores),
    /// A learned vector for every input.
    Token(Weight<'a>),
    /// What a recurrence has of the step before.
    Before(Before<'a>),
    /// The same and the step's own, before the activation.
    Sum(State<'a>),
    /// A recurrence after a step.
    State(State<'a>),
    /// A step within an operation that is written as several nodes.
    Within,
}

/// Data on its way from the input to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flow {
    /// How many layers there were when the last made it; 0 for the input.
    place: usize,
    axes: Vec<Axis>,
}

/// The graph as far as it has been followed.
struct Path<'m, 'a> {
    file: &'a [u8],
    model: &'m Model<'a>,
    known: HashMap<&'a str, Known<'a>>,
    /// Nodes that take a value, of those that the output is made by.
    takers: HashMap<&'a str, Vec<usize>>,
    /// Number of inputs at a time, where the graph fixes it.
    batch: Option<i64>,
    layers: Vec<Layer>,
    names: HashSet<String>,
    recipes: BTreeMap<String, TensorRecipe>,
    assumptions: Vec<String>,
    /// Outputs of the products that belong to an attention or a recurrence.
    parts: HashSet<&'a str>,
    projections: Vec<Projection<'a>>,
    attended: Vec<Attended>,
}

/// Follows the graph of a model.
pub(crate) fn follow(model: &Model<'_>, file: &[u8]) -> EmbeddedArchitecture {
    let mut path = Path {
        file,
        model,
        known: HashMap::new(),
        takers: HashMap::new(),
        batch: None,
        layers: Vec::new(),
        names: HashSet::new(),
        recipes: BTreeMap::new(),
        assumptions: Vec::new(),
        parts: HashSet::new(),
        projections: Vec::new(),
        attended: Vec::new(),
    };
    let architecture = path.architecture();
    EmbeddedArchitecture {
        recipes: match architecture {
            Ok(_) => path.recipes,
            Err(_) => BTreeMap::new(),
        },
        assumptions: path.assumptions,
        architecture,
    }
}

impl<'m, 'a> Path<'m, 'a> {
    fn architecture(&mut self) -> Told<Architecture> {
        let output = self.output()?;
        let order = self.needed(output)?;
        self.weights();
        let input = self.input()?;
        self.look_ahead(&order);
        for &node in &order {
            let node = &self.model.graph.nodes[node];
            let absorbed = node
                .outputs
                .iter()
                .all(|name| self.known.contains_key(name));
            if !absorbed {
                self.node(node)
                    .map_err(|reason| format!("node {}: {reason}", node.shown()))?;
            }
        }
        match self.known.get(output) {
            Some(Known::Flow(flow)) if flow.place == self.layers.len() => {}
            _ => return Err(format!("the output {output} is not made of the input")),
        }
        self.settle();
        let architecture = Architecture {
            input,
            layers: std::mem::take(&mut self.layers),
        };
        architecture.plan().map_err(|error| error.to_string())?;
        Ok(architecture)
    }

    fn output(&mut self) -> Told<&'a str> {
        let outputs = &self.model.graph.outputs;
        let (first, others) = outputs.split_first().ok_or("the graph has no output")?;
        if !others.is_empty() {
            let others = others.join(", ");
            self.assumptions
                .push(format!("only the output {first} is followed, not {others}"));
        }
        Ok(first)
    }

    /// The nodes that the output is made by, in the file's order; recipes who takes what.
    fn needed(&mut self, output: &'a str) -> Told<Vec<usize>> {
        let nodes = &self.model.graph.nodes;
        let mut makers = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            for &name in node.outputs.iter().filter(|name| !name.is_empty()) {
                if makers.insert(name, place).is_some() {
                    return Err(format!("the value {name} is made twice"));
                }
            }
        }
        let mut needed = vec![false; nodes.len()];
        let mut wanted = vec![output];
        while let Some(name) = wanted.pop() {
            if let Some(&place) = makers.get(name)
                && !needed[place]
            {
                needed[place] = true;
                wanted.extend(nodes[place].inputs.iter().filter(|name| !name.is_empty()));
            }
        }
        let order: Vec<usize> = (0..nodes.len()).filter(|&place| needed[place]).collect();
        for &place in &order {
            for &name in &nodes[place].inputs {
                let takers = self.takers.entry(name).or_default();
                if takers.last() != Some(&place) {
                    takers.push(place);
                }
            }
        }
        Ok(order)
    }

    fn weights(&mut self) {
        for (place, listed) in self.model.tensors.iter().enumerate() {
            let tensor = &listed.tensor;
            if listed.name == tensor.name {
                let weight = Weight::new(place, tensor.name, &tensor.shape);
                self.known.insert(tensor.name, Known::Weight(weight));
            }
        }
    }

    /// The data at the graph's one input; gives the architecture's input.
    fn input(&mut self) -> Told<Vec<usize>> {
        let inputs = self.model.graph.inputs.iter();
        let own: Vec<_> = inputs
            .filter(|input| !self.known.contains_key(input.name))
            .collect();
        let [input] = own[..] else {
            let names: Vec<_> = own.iter().map(|input| input.name).collect();
            return Err(format!("the graph has the inputs {names:?}, not one"));
        };
        let takers = self.takers.get(input.name).into_iter().flatten();
        let takers: Vec<_> = takers
            .map(|&place| &self.model.graph.nodes[place])
            .collect();
        let (batch, axes) = axes::of_input(input, &takers)?;
        self.batch = batch;
        let sizes = axes.iter().filter_map(|axis| axis.size()).collect();
        self.known
            .insert(input.name, Known::Flow(Flow { place: 0, axes }));
        Ok(sizes)
    }

    fn node(&mut self, node: &'m Node<'a>) -> Told<()> {
        if !["", "ai.onnx"].contains(&node.domain) {
            return Err(format!("operators of {} are not known", node.domain));
        }
        if self.numbers(node)? {
            return Ok(());
        }
        self.refuse_on_scores(node)?;
        match node.operator {
            "Identity" | "Dropout" | "Cast" | "CastLike" => self.same(node),
            "Constant" => Err("its value is not a tensor".to_owned()),
            "ConstantOfShape" => self.zeros(node),
            "Expand" => self.expand(node),
            "Transpose" => self.transpose(node),
            "Reshape" => self.reshape(node),
            "Flatten" => self.flatten(node),
            "Squeeze" => self.squeeze(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Gather" => self.gather(node),
            "Slice" => self.slice(node),
            "Split" => self.split(node),
            "Concat" => self.concat(node),
            "ReduceMean" => self.mean(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "Add" => self.add(node),
            "Mul" | "Div" if self.is_part(node) => self.scale(node),
            "Tanh" | "Relu" if self.is_sum(node) => self.next_state(node),
            "Softmax" if self.is_part(node) => self.shares(node),
            "BatchNormalization" => self.batch_norm(node),
            "LayerNormalization" => self.layer_norm(node),
            "Conv" => self.convolution(node, false),
            "ConvTranspose" => self.convolution(node, true),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" => self.global_pool(node, "global_average_pool"),
            "GlobalMaxPool" => self.global_pool(node, "global_max_pool"),
            "RNN" | "LSTM" | "GRU" => self.recurrent(node),
            _ => self.activation(node),
        }
    }

    /// What is known of a node's input.
    fn known(&self, node: &Node<'a>, place: usize) -> Told<&Known<'a>> {
        let name = node.inputs.get(place).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("it has no input {place}"))?;
        self.known
            .get(name)
            .ok_or_else(|| format!("nothing before it gives its input {name}"))
    }

    fn has(&self, node: &Node<'a>, place: usize) -> bool {
        node.inputs.get(place).is_some_and(|name| !name.is_empty())
    }

    fn flow(&self, node: &Node<'a>, place: usize) -> Told<Flow> {
        match self.known(node, place)? {
            Known::Flow(flow) => Ok(flow.clone()),
            Known::Seen(_) => Err(format!(
                "its input {place} is data whose axes are split or merged, or part of an attention or a recurrence"
            )),
            _ => Err(format!(
                "its input {place} is not made of the graph's input"
            )),
        }
    }

    fn weight(&self, node: &Node<'a>, place: usize) -> Told<Weight<'a>> {
        match self.known(node, place)? {
            Known::Weight(weight) => Ok(weight.clone()),
            _ => Err(format!("its input {place} is no weight")),
        }
    }

    fn give(&mut self, node: &Node<'a>, place: usize, known: Known<'a>) {
        if let Some(name) = node.outputs.get(place).filter(|name| !name.is_empty()) {
            self.known.insert(name, known);
        }
    }

    /// What comes of a node: data with these axes, after the last layer.
    fn give_flow(&mut self, node: &Node<'a>, axes: Vec<Axis>) {
        let place = self.layers.len();
        self.give(node, 0, Known::Flow(Flow { place, axes }));
    }

    /// The one node that takes a value, where there is just one.
    fn only_taker(&self, value: &str) -> Option<&'m Node<'a>> {
        match self.takers.get(value).map(Vec::as_slice) {
            Some([place]) => Some(&self.model.graph.nodes[*place]),
            _ => None,
        }
    }
}
