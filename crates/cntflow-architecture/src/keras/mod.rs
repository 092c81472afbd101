//! The architecture that a configuration tells, and what recipes it: layers of Keras in the schema of `cntflow-network`, kernels in
//! the layout of PyTorch.
//!
//! Keras has channels last, architectures have them first: shapes are followed through the model as Keras has them, and what comes
//! after a flattening is put in the other order.

mod attention;
mod config;
mod dense;
mod places;
mod reshape;
mod sequence;
mod settings;
mod shape;
mod weights_only;
mod window;
mod zeros;

use std::collections::{BTreeMap, HashMap};

use cntflow_network::Architecture;
use serde_json::{Map, Value, json};

use crate::{EmbeddedArchitecture, TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;
use cntflow_formats::keras::{Layers, Model};
use config::Node;
use shape::Shape;
use zeros::Pads;

/// Layers that change nothing at inference.
const PASSING: [&str; 9] = [
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
    "InputLayer",
];

/// The architecture that a model's configuration describes, or its kernels where there is no configuration.
pub(crate) fn embedded(model: &Model<'_>, tensors: &[TensorEntry]) -> Option<EmbeddedArchitecture> {
    match model.config {
        Some(config) => Some(configured(config, tensors, model.layers, model.backend)),
        None => weights_only::embedded(model.layers, tensors),
    }
}

/// The architecture of a model and its recipes, or why it cannot be expressed.
fn configured(
    config: &str,
    tensors: &[TensorEntry],
    layers: &Layers,
    backend: Option<&str>,
) -> EmbeddedArchitecture {
    let mut chain = Chain {
        shapes: tensors
            .iter()
            .map(|tensor| (&*tensor.name, &*tensor.shape))
            .collect(),
        weights: layers,
        torch: backend == Some("torch"),
        layers: Vec::new(),
        recipes: BTreeMap::new(),
        assumptions: Vec::new(),
        made: HashMap::new(),
        at: Output::default(),
    };
    let architecture = chain
        .run(config)
        .map_err(|reason| format!("the configuration that Keras wrote: {reason}"));
    EmbeddedArchitecture {
        architecture,
        recipes: chain.recipes,
        assumptions: chain.assumptions,
    }
}

/// What a layer of Keras gives.
#[derive(Clone, Debug, Default)]
struct Output {
    shape: Shape,
    /// What the architecture calls it; some layers there have no name.
    name: Option<String>,
    /// Number of the architecture's layers behind it.
    place: usize,
    /// Zeros around its places, for the layer behind it.
    zeros: Pads,
}

/// The architecture so far.
struct Chain<'a> {
    /// Shapes of the file's tensors.
    shapes: HashMap<&'a str, &'a [usize]>,
    weights: &'a Layers,
    /// Whether PyTorch ran the model: its transposed convolutions are padded in another way.
    torch: bool,
    layers: Vec<Map<String, Value>>,
    recipes: BTreeMap<String, TensorRecipe>,
    assumptions: Vec<String>,
    /// Outputs of the layers so far, by their names.
    made: HashMap<String, Output>,
    /// Output of the last layer.
    at: Output,
}

impl Chain<'_> {
    fn run(&mut self, config: &str) -> Result<Architecture, String> {
        let nodes = config::parse(config)?;
        let input = self.input(&nodes)?;
        for node in &nodes[1..] {
            self.follow(node)?;
            self.made.insert(node.name.clone(), self.at.clone());
        }
        let value = json!({"input": input, "layers": self.layers});
        let architecture: Architecture = serde_json::from_value(value)
            .map_err(|error| format!("it cannot be expressed: {error}"))?;
        let graph = architecture.plan();
        graph.map_err(|error| format!("it cannot be expressed: {error}"))?;
        Ok(architecture)
    }

    /// The shape of the input as the architecture has it.
    fn input(&mut self, nodes: &[Node]) -> Result<Vec<usize>, String> {
        let first = nodes.first().ok_or("it has no layers")?;
        if first.class != "InputLayer" {
            return Err(first.says("it takes no input of the model"));
        }
        let next = nodes[1..]
            .iter()
            .find(|node| !PASSING.contains(&&*node.class));
        let next = next.ok_or("it has no layers behind its input")?;
        let told = first.input_shape().or_else(|| self.units_of(next));
        let told = told.ok_or_else(|| first.says("the shape of the input is not told"))?;
        let (shape, doubt) =
            Shape::of_input(&told, &next.class).map_err(|text| first.says(text))?;
        self.assumptions.extend(doubt);
        self.at = Output {
            shape,
            name: Some("input".to_owned()),
            ..Output::default()
        };
        self.made.insert(first.name.clone(), self.at.clone());
        Ok(shape.channels_first())
    }

    /// Where no shape of the input is told, the first kernel tells its units.
    fn units_of(&self, node: &Node) -> Option<Vec<Option<usize>>> {
        let weights = self.weights_of(node);
        let kernel = self.shapes.get(weights.first()?.as_str())?;
        match (&*node.class, *kernel) {
            ("Dense", [units, _]) => Some(vec![Some(*units)]),
            _ => None,
        }
    }

    /// Appends what a layer is in the architecture.
    fn follow(&mut self, node: &Node) -> Result<(), String> {
        let mut takes = node.takes.clone();
        takes.dedup();
        match (&*node.class, takes.as_slice()) {
            ("Add", [main, side]) => self.add(node, main, side),
            (_, [before]) => {
                self.go_to(before)?;
                self.layer(node)
            }
            (_, takes) => {
                let n = takes.len();
                Err(node.says(format!("it takes the outputs of {n} layers")))
            }
        }
    }

    fn layer(&mut self, node: &Node) -> Result<(), String> {
        if node
            .config
            .get("data_format")
            .is_some_and(|format| format == "channels_first")
        {
            return Err(node.says("channels first are not read"));
        }
        if PASSING.contains(&&*node.class) {
            return Ok(());
        }
        self.refuse_zeros(node)?;
        match &*node.class {
            "Dense" => self.dense(node),
            "Embedding" => self.embedding(node),
            "BatchNormalization" | "BatchNormalizationV1" => self.batch_norm(node),
            "LayerNormalization" => self.layer_norm(node),
            "Activation" | "ReLU" | "LeakyReLU" | "ELU" | "Softmax" => self.activation(node),
            "Conv1D" | "Conv2D" => self.convolution(node),
            "DepthwiseConv1D" | "DepthwiseConv2D" => self.depthwise(node),
            "Conv1DTranspose" | "Conv2DTranspose" => self.transposed(node),
            "ZeroPadding1D" | "ZeroPadding2D" => self.zeros(node),
            "MaxPooling1D" | "MaxPooling2D" => self.pool(node, "max_pool"),
            "AveragePooling1D" | "AveragePooling2D" => self.pool(node, "average_pool"),
            "GlobalMaxPooling1D" | "GlobalMaxPooling2D" => {
                self.global_pool(node, "global_max_pool")
            }
            "GlobalAveragePooling1D" | "GlobalAveragePooling2D" => {
                self.global_pool(node, "global_average_pool")
            }
            "Flatten" => self.flatten(node),
            "Reshape" | "Permute" => self.reshape(node),
            "SimpleRNN" | "LSTM" | "GRU" => self.recurrent(node),
            "Bidirectional" => self.bidirectional(node),
            "MultiHeadAttention" => self.attention(node),
            _ => Err(node.says("layers of this class cannot be expressed")),
        }
    }

    /// What follows takes the output of a layer.
    fn go_to(&mut self, name: &str) -> Result<(), String> {
        let output = self.output(name)?.clone();
        if output.place == self.at.place {
            self.at = output;
            return Ok(());
        }
        let from = reference(&output, name)?;
        self.layers
            .push(object(json!({"kind": "branch", "from": from})));
        self.at = Output {
            place: self.layers.len(),
            ..output
        };
        Ok(())
    }

    /// A sum of the last layer's output and an earlier one's.
    fn add(&mut self, node: &Node, main: &str, side: &str) -> Result<(), String> {
        let (last, earlier) = match self.output(main)?.place == self.at.place {
            true => (main, side),
            false => (side, main),
        };
        self.go_to(last)?;
        self.refuse_zeros(node)?;
        let earlier_output = self.output(earlier)?;
        if earlier_output.zeros != self.at.zeros || earlier_output.shape != self.at.shape {
            return Err(node.says("its summands have different shapes"));
        }
        let from = reference(earlier_output, earlier)?;
        self.push(node, json!({"kind": "add", "from": from}), self.at.shape);
        Ok(())
    }

    fn output(&self, name: &str) -> Result<&Output, String> {
        let output = self.made.get(name);
        output.ok_or_else(|| format!("layer {name} is no part of the chain from the input"))
    }

    /// Appends a layer of the architecture under the name that it has in Keras.
    fn push(&mut self, node: &Node, layer: Value, shape: Shape) {
        let mut layer = object(layer);
        layer.insert("name".to_owned(), json!(node.name));
        self.layers.push(layer);
        self.at = Output {
            shape,
            name: Some(node.name.clone()),
            place: self.layers.len(),
            zeros: zeros::NONE,
        };
    }

    /// Appends a layer that has no name in the architecture.
    fn push_unnamed(&mut self, layer: Value, shape: Shape) {
        self.layers.push(object(layer));
        self.at = Output {
            shape,
            name: None,
            place: self.layers.len(),
            zeros: zeros::NONE,
        };
    }

    /// Names of a layer's tensors, in Keras' order.
    fn weights_of(&self, node: &Node) -> &[String] {
        let counted = || {
            let group = match node.count {
                0 => snake_case(&node.class),
                n => format!("{}_{n}", snake_case(&node.class)),
            };
            self.weights.counted.get(&group)
        };
        let weights = self.weights.named.get(&node.name).or_else(counted);
        weights.map_or(&[], Vec::as_slice)
    }

    /// The tensors of a layer, as many as it has by its settings.
    fn weights<const N: usize>(&self, node: &Node) -> Result<[String; N], String> {
        let weights = self.weights_of(node);
        weights.to_vec().try_into().map_err(|_| {
            node.says(format!(
                "by its settings it has {N} tensors, the file has {} of it",
                weights.len()
            ))
        })
    }

    fn fill(&mut self, node: &Node, tensor: &str, fill: TensorRecipe) {
        self.recipes.insert(format!("{}.{tensor}", node.name), fill);
    }

    fn fill_with(&mut self, node: &Node, tensor: &str, excerpt: TensorSlice) {
        self.fill(node, tensor, TensorRecipe::Tensor(excerpt));
    }
}

fn reference<'a>(output: &'a Output, name: &str) -> Result<&'a str, String> {
    let reference = output.name.as_deref();
    reference.ok_or_else(|| format!("the output of layer {name} cannot be referred to later"))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// How Keras names groups after classes: `LeakyReLU` is `leaky_re_lu`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut snake = String::with_capacity(class.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let next_is_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let parts = before.is_some_and(|before| before.is_ascii_lowercase() || next_is_small);
        if letter.is_ascii_uppercase() && parts {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
