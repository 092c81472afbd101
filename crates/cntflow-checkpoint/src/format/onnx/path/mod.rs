//! The architecture of a graph: its nodes followed from the input to the output, each becoming a layer, part of one, or nothing.
//!
//! A value of the graph is known as one of few things ([`Known`]): the data on its way, with what each of its axes is; a weight;
//! whole numbers that shapes are made of; zeros. A node that cannot be expressed is named with its operator.

mod activations;
mod axes;
mod data;
mod norms;
mod numbers;
mod recurrent;
mod shapes;
mod windows;

use std::collections::{BTreeMap, HashMap, HashSet};

use cntflow_network::{Activation, Architecture, Layer};
use serde_json::{Value as Json, json};

use super::proto::{Model, Node};
use crate::{Carried, Excerpt, Fill};
use axes::Axis;

/// Why a graph cannot be expressed, or what a node gives.
type Told<T> = Result<T, String>;

/// What is known of a value of the graph.
#[derive(Clone, Debug)]
enum Known<'a> {
    Flow(Flow),
    Weight(Weight<'a>),
    /// -1 stands for the number of inputs at a time.
    Numbers(Vec<i64>),
    Zeros,
    /// A step within an activation that is written as several nodes.
    Within,
}

/// Data on its way from the input to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flow {
    /// How many layers there were when the last made it; 0 for the input.
    place: usize,
    axes: Vec<Axis>,
}

/// A tensor of the file, perhaps transposed.
#[derive(Clone, Debug)]
struct Weight<'a> {
    tensor: usize,
    name: &'a str,
    /// As the graph sees it.
    shape: Vec<usize>,
    transposed: bool,
}

impl Weight<'_> {
    fn excerpt(&self) -> Excerpt {
        match self.transposed {
            true => Excerpt::reordered(self.name, &[1, 0]),
            false => Excerpt::whole(self.name),
        }
    }

    fn transpose(&self) -> Self {
        Self {
            shape: self.shape.iter().rev().copied().collect(),
            transposed: !self.transposed,
            ..self.clone()
        }
    }
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
    fills: BTreeMap<String, Fill>,
    doubts: Vec<String>,
}

/// Follows the graph of a model.
pub(super) fn follow(model: &Model<'_>, file: &[u8]) -> Carried {
    let mut path = Path {
        file,
        model,
        known: HashMap::new(),
        takers: HashMap::new(),
        batch: None,
        layers: Vec::new(),
        names: HashSet::new(),
        fills: BTreeMap::new(),
        doubts: Vec::new(),
    };
    let architecture = path.architecture();
    Carried {
        fills: match architecture {
            Ok(_) => path.fills,
            Err(_) => BTreeMap::new(),
        },
        doubts: path.doubts,
        architecture,
    }
}

impl<'m, 'a> Path<'m, 'a> {
    fn architecture(&mut self) -> Told<Architecture> {
        let output = self.output()?;
        let order = self.needed(output);
        self.weights();
        let input = self.input()?;
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
            self.doubts
                .push(format!("only the output {first} is followed, not {others}"));
        }
        Ok(first)
    }

    /// The nodes that the output is made by, in the file's order; fills who takes what.
    fn needed(&mut self, output: &'a str) -> Vec<usize> {
        let nodes = &self.model.graph.nodes;
        let mut makers = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            makers.extend(node.outputs.iter().map(|&name| (name, place)));
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
                self.takers.entry(name).or_default().push(place);
            }
        }
        order
    }

    fn weights(&mut self) {
        for (place, listed) in self.model.tensors.iter().enumerate() {
            let tensor = &listed.tensor;
            if listed.name == tensor.name {
                let weight = Weight {
                    tensor: place,
                    name: tensor.name,
                    shape: tensor.shape.clone(),
                    transposed: false,
                };
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
        match node.operator {
            "Identity" | "Dropout" | "Cast" => self.same(node),
            "Constant" => Err("its value is not a tensor".to_owned()),
            "Expand" | "ConstantOfShape" => self.zeros(node),
            "Transpose" => self.transpose(node),
            "Reshape" => self.reshape(node),
            "Flatten" => self.flatten(node),
            "Squeeze" => self.squeeze(node),
            "Unsqueeze" => self.unsqueeze(node),
            "Gather" => self.gather(node),
            "Slice" => self.slice(node),
            "ReduceMean" => self.mean(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "Add" => self.add(node),
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

    /// Makes data the one that the next layer takes.
    fn go_to(&mut self, flow: &Flow) -> Told<()> {
        if flow.place != self.layers.len() {
            let from = self.name_at(flow.place);
            self.push(json!({"kind": "branch", "from": from}))?;
        }
        Ok(())
    }

    fn name_at(&self, place: usize) -> String {
        match place.checked_sub(1) {
            None => "input".to_owned(),
            Some(layer) => match self.layers[layer].name() {
                "" => format!("layer{layer}"),
                own => own.to_owned(),
            },
        }
    }

    fn push(&mut self, layer: Json) -> Told<()> {
        let layer = serde_json::from_value(layer.clone())
            .map_err(|error| format!("no layer {layer} can be expressed: {error}"))?;
        self.layers.push(layer);
        Ok(())
    }

    /// A name for a layer: of its tensors where those are named after a module, else of its node, else by its place.
    fn name(&mut self, tensors: &[&str], node: &Node<'a>) -> String {
        let module = tensors.iter().find_map(|tensor| {
            let module = tensor.strip_suffix(".weight");
            module.or_else(|| tensor.strip_suffix(".bias"))
        });
        let name = match module {
            Some(module) if !self.names.contains(module) => module.to_owned(),
            _ => scope(node.name).unwrap_or_else(|| format!("layer{}", self.layers.len())),
        };
        let mut unique = name.clone();
        let mut number = 1;
        while !self.names.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }

    fn fill(&mut self, name: String, fill: Fill) {
        let as_it_is = matches!(&fill, Fill::Tensor(excerpt) if *excerpt == Excerpt::whole(&*name));
        if !as_it_is {
            self.fills.insert(name, fill);
        }
    }

    /// An ONNX layer that no activation follows has none.
    fn settle(&mut self) {
        for place in 0..self.layers.len() {
            if matches!(self.layers.get(place + 1), Some(Layer::Activation(_))) {
                continue;
            }
            let activation = match &mut self.layers[place] {
                Layer::Dense(layer) => &mut layer.activation,
                Layer::Conv1d(layer) => &mut layer.activation,
                Layer::Conv2d(layer) => &mut layer.activation,
                Layer::ConvTranspose1d(layer) => &mut layer.activation,
                Layer::ConvTranspose2d(layer) => &mut layer.activation,
                _ => continue,
            };
            *activation = Some(Activation::Linear);
        }
    }
}

/// The module that PyTorch's first exporter names a node after: `/encoder/fc/Gemm` is in `encoder.fc`; other names are as they are.
fn scope(node: &str) -> Option<String> {
    let own = node
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'));
    let name = own.map_or(node.to_owned(), |(module, _)| module.replace('/', "."));
    (!name.is_empty()).then_some(name)
}
