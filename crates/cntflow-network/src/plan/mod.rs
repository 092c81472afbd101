//! Resolves an architecture into a graph. Every size is checked here, so no later code has to.

mod concat;
mod ends;
mod join;
mod limits;
mod names;
mod norms;
mod recurrent;
mod sequence;
mod sliding;

use std::collections::HashMap;

pub use limits::{MAX_KERNEL, MAX_LINKS, MAX_NEURONS, MAX_PARAMETERS, MAX_STACKED};

use crate::program::{Cell, Source, Stage};
use crate::{
    Activation, Architecture, Branch, Dense, Graph, Layer, LayerKind, LinkLayer, Links,
    NetworkError, NeuronLayer, Norms, OpenSides, Role, Shape, TensorSlice, TensorSpec, View,
};
use limits::Counts;
use names::Names;

/// Checks and resolves an architecture; see [`Graph::new`].
pub(crate) fn resolve(architecture: &Architecture, norms: Norms) -> Result<Graph, NetworkError> {
    let layers = &architecture.layers;
    let names = Names::of(layers)?;
    let mut plan = Plan::new(norms);
    let begins_with_input = matches!(layers.first(), Some(Layer::Input(_)));
    if !architecture.input.is_empty() || !begins_with_input {
        let shape = ends::input_shape(&architecture.input, layers.first())?;
        plan.push_input("input", shape, false)?;
        plan.note_output("input", &names);
    }
    for (index, (layer, name)) in layers.iter().zip(names.of_layers()).enumerate() {
        match layer {
            Layer::Input(input) => plan.input(input, layers.get(index + 1), name)?,
            _ => plan.add_layer(layer, name)?,
        }
        plan.note_output(name, &names);
    }
    plan.finish()
}

/// A graph while its layers are added one after the other.
struct Plan {
    graph: Graph,
    norms: Norms,
    /// The output that the next layer takes.
    current: Output,
    /// Outputs that later layers refer to, by name.
    outputs: HashMap<String, Output>,
    joinable: Joinable,
    counts: Counts,
}

/// The output of a layer of neurons, as the next layer sees it: `shape` is that of the view.
#[derive(Clone, Copy, Debug)]
struct Output {
    layer: usize,
    view: View,
    shape: Shape,
}

impl Output {
    fn source(&self) -> Source {
        Source {
            layer: self.layer,
            view: self.view,
        }
    }
}

/// What may still become part of the layer of the current output, instead of making a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joinable {
    /// Nothing: the layer has an activation, or another layer refers to it by name.
    Nothing,
    /// Only an activation.
    Activation,
    /// An activation, additions and constants.
    Sum,
    /// All of these, or a norm. It would be folded into the links at this index, which are the last
    /// thing that was computed.
    Norm(usize),
}

/// A layer of neurons to add.
#[derive(Clone, Copy)]
struct NewNeurons<'n> {
    name: &'n str,
    kind: LayerKind,
    shape: Shape,
    activation: Option<Activation>,
}

/// A layer of links to add, with its tensors.
struct NewLinks {
    name: String,
    links: Links,
    kernel: Option<TensorSlice>,
    bias: Option<TensorSlice>,
}

impl Plan {
    /// A graph without layers. The first layer must be one of inputs.
    fn new(norms: Norms) -> Self {
        Self {
            graph: Graph {
                neurons: Vec::new(),
                links: Vec::new(),
                tensors: Vec::new(),
                program: Vec::new(),
            },
            norms,
            current: Output {
                layer: 0,
                view: View::Same,
                shape: Shape::Units(0),
            },
            outputs: HashMap::new(),
            joinable: Joinable::Nothing,
            counts: Counts::default(),
        }
    }

    fn add_layer(&mut self, layer: &Layer, name: &str) -> Result<(), NetworkError> {
        match layer {
            Layer::Dense(dense) => self.dense(dense, name),
            Layer::Conv1d(layer) => self.conv(&layer.into(), LayerKind::Conv1d, name),
            Layer::Conv2d(layer) => self.conv(layer, LayerKind::Conv2d, name),
            Layer::ConvTranspose1d(layer) => {
                self.conv_transpose(&layer.into(), LayerKind::ConvTranspose1d, name)
            }
            Layer::ConvTranspose2d(layer) => {
                self.conv_transpose(layer, LayerKind::ConvTranspose2d, name)
            }
            Layer::MaxPool1d(pool) => self.pool(&pool.into(), LayerKind::MaxPool1d, name),
            Layer::MaxPool2d(pool) => self.pool(pool, LayerKind::MaxPool2d, name),
            Layer::AveragePool1d(pool) => self.pool(&pool.into(), LayerKind::AveragePool1d, name),
            Layer::AveragePool2d(pool) => self.pool(pool, LayerKind::AveragePool2d, name),
            Layer::AdaptiveMaxPool1d(pool) => {
                self.adaptive([1, pool.output], LayerKind::AdaptiveMaxPool1d, name)
            }
            Layer::AdaptiveMaxPool2d(pool) => {
                self.adaptive(pool.output, LayerKind::AdaptiveMaxPool2d, name)
            }
            Layer::AdaptiveAveragePool1d(pool) => {
                self.adaptive([1, pool.output], LayerKind::AdaptiveAveragePool1d, name)
            }
            Layer::AdaptiveAveragePool2d(pool) => {
                self.adaptive(pool.output, LayerKind::AdaptiveAveragePool2d, name)
            }
            Layer::GlobalMaxPool(_) => self.adaptive([1, 1], LayerKind::GlobalMaxPool, name),
            Layer::GlobalAveragePool(_) => {
                self.adaptive([1, 1], LayerKind::GlobalAveragePool, name)
            }
            Layer::BatchNorm(norm) => self.batch_norm(norm, name),
            Layer::LayerNorm(norm) => self.layer_norm(norm, name),
            Layer::GroupNorm(norm) => self.group_norm(norm, name),
            Layer::Elman(layer) => {
                let cell = Cell::Elman(layer.activation.unwrap_or(Activation::Tanh));
                self.recurrent(cell, layer, name)
            }
            Layer::Lstm(layer) => self.recurrent(Cell::Lstm, layer, name),
            Layer::Gru(layer) => self.recurrent(Cell::Gru, layer, name),
            Layer::Embedding(layer) => self.embedding(layer, name),
            Layer::Attention(layer) => self.attention(layer, name),
            Layer::TransformerEncoder(block) => self.transformer(block, name),
            Layer::ClassToken(_) => self.class_token(name),
            Layer::PositionEmbedding(_) => self.position_embedding(name),
            Layer::Steps(steps) => self.steps(steps.of, name),
            Layer::TakeStep(take) => self.take_step(take.which, name),
            Layer::Add(add) => {
                let earlier = self.output(&add.from, name)?;
                self.add(earlier, add.activation, name)
            }
            Layer::Concat(concat) => self.concat(&concat.from, name),
            Layer::Branch(Branch { from }) => {
                self.current = self.output(from, name)?;
                self.joinable = Joinable::Nothing;
                Ok(())
            }
            Layer::Activation(layer) => self.activate(layer.activation, name),
            Layer::Input(input) => self.input(input, None, name),
            Layer::Output(output) => {
                self.end(output.open);
                Ok(())
            }
            Layer::Flatten => self.flatten(name),
        }
    }

    /// Notes the current output if another layer refers to it by `name`. Then nothing may join it
    /// any more: the reference means the output as it is now.
    fn note_output(&mut self, name: &str, names: &Names) {
        if names.is_referred_to(name) {
            self.outputs.insert(name.to_owned(), self.current);
            self.joinable = Joinable::Nothing;
            self.default_to_linear();
        }
    }

    /// Closes the current output, so that nothing may join it any more, and returns it.
    fn close(&mut self) -> Output {
        self.joinable = Joinable::Nothing;
        self.default_to_linear();
        self.current
    }

    /// Makes the layer of the current output linear if it has no activation: the next layer takes
    /// its values as they are.
    fn default_to_linear(&mut self) {
        let layer = &mut self.graph.neurons[self.current.layer];
        layer.activation.get_or_insert(Activation::Linear);
    }

    /// The output of the earlier layer `from`, to which `layer` refers.
    fn output(&self, from: &str, layer: &str) -> Result<Output, NetworkError> {
        let earlier = self.outputs.get(from).copied();
        earlier.ok_or_else(|| NetworkError::UnknownLayer {
            layer: layer.to_owned(),
            from: from.to_owned(),
        })
    }

    fn dense(&mut self, dense: &Dense, name: &str) -> Result<(), NetworkError> {
        check_positive(name, "units", &[dense.units])?;
        let units = dense.units;
        let shape = match self.current.shape {
            Shape::Steps { steps, .. } => Shape::Steps { steps, units },
            Shape::Tokens { .. } => return Err(self.unsupported_input(name, LayerKind::Dense)),
            _ => Shape::Units(units),
        };
        let n_in = self.current.shape.n_neurons();
        let neurons = NewNeurons {
            name,
            kind: LayerKind::Dense,
            shape,
            activation: dense.activation,
        };
        let kernel = self.own_tensor(name, "weight", "kernel", vec![units, n_in])?;
        let bias = self.bias(dense.bias, name, units)?;
        let links = Links::Dense { n_in, n_out: units };
        self.push_layer(neurons, NewLinks::new(name, links, Some(kernel), bias))
    }

    /// Adds a layer of neurons, and links to it from the current output.
    fn push_layer(&mut self, neurons: NewNeurons<'_>, links: NewLinks) -> Result<(), NetworkError> {
        let source = self.current;
        let joinable = match neurons.activation {
            None | Some(Activation::Linear) => Joinable::Norm(self.graph.links.len()),
            Some(_) => Joinable::Nothing,
        };
        self.push_neurons(neurons)?;
        let index = self.push_links(links, source)?;
        self.push_stage(Stage::Links(index));
        self.joinable = joinable;
        Ok(())
    }

    /// Adds a layer of neurons without links. Its output becomes the current one.
    fn push_neurons(&mut self, neurons: NewNeurons<'_>) -> Result<(), NetworkError> {
        self.counts.neurons(neurons.name, neurons.shape)?;
        let index = self.graph.neurons.len();
        self.graph.neurons.push(NeuronLayer {
            index,
            name: neurons.name.to_owned(),
            kind: neurons.kind,
            role: Role::Hidden,
            shape: neurons.shape,
            activation: neurons.activation,
            open: OpenSides::default(),
        });
        self.graph.program.push(Vec::new());
        self.current = Output {
            layer: index,
            view: View::Same,
            shape: neurons.shape,
        };
        self.joinable = Joinable::Nothing;
        Ok(())
    }

    /// Adds links from a source to the layer of the current output. Returns their index.
    fn push_links(&mut self, links: NewLinks, source: Output) -> Result<usize, NetworkError> {
        let neurons = &self.graph.neurons[self.current.layer];
        self.counts.links(&neurons.name, &links.links)?;
        let index = self.graph.links.len();
        self.graph.links.push(LinkLayer {
            to: neurons.index,
            from: source.layer,
            first_neurons: [0, 0],
            name: links.name,
            links: links.links,
            view: source.view,
            kernel: links.kernel,
            bias: links.bias,
            norm: None,
        });
        Ok(index)
    }

    /// Adds a stage to the program of the last layer of neurons.
    fn push_stage(&mut self, stage: Stage) {
        if let Some(stages) = self.graph.program.last_mut() {
            stages.push(stage);
        }
    }

    /// Adds the tensor `<name>.<what>` of the layer `name`. Returns a slice of the whole tensor.
    fn own_tensor(
        &mut self,
        name: &str,
        what: &str,
        used_as: &str,
        shape: Vec<usize>,
    ) -> Result<TensorSlice, NetworkError> {
        self.add_tensor(
            name,
            TensorSpec {
                name: format!("{name}.{what}"),
                shape,
                used_as: format!("{used_as} of {name}"),
                buffer: false,
                ignore_dimensions_of_1: false,
            },
        )
    }

    /// Adds a tensor. Returns a slice of the whole tensor.
    fn add_tensor(&mut self, layer: &str, spec: TensorSpec) -> Result<TensorSlice, NetworkError> {
        self.counts.parameters(layer, &spec.shape)?;
        let slice = TensorSlice {
            tensor: self.graph.tensors.len(),
            first: 0,
            shape: spec.shape.clone(),
        };
        self.graph.tensors.push(spec);
        Ok(slice)
    }

    /// Adds the bias of a layer, if it has one.
    fn bias(
        &mut self,
        has_bias: bool,
        name: &str,
        units: usize,
    ) -> Result<Option<TensorSlice>, NetworkError> {
        if has_bias {
            self.own_tensor(name, "bias", "bias", vec![units]).map(Some)
        } else {
            Ok(None)
        }
    }

    fn unsupported_input(&self, name: &str, kind: LayerKind) -> NetworkError {
        NetworkError::Input {
            layer: name.to_owned(),
            kind: kind.as_str(),
            input: self.current.shape.to_string(),
        }
    }
}

impl NewLinks {
    fn new(
        name: &str,
        links: Links,
        kernel: Option<TensorSlice>,
        bias: Option<TensorSlice>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            links,
            kernel,
            bias,
        }
    }
}

/// Checks that no size is zero.
fn check_positive(layer: &str, what: &'static str, found: &[usize]) -> Result<(), NetworkError> {
    if found.contains(&0) {
        Err(NetworkError::NotPositive {
            layer: layer.to_owned(),
            what,
            found: found.to_vec(),
        })
    } else {
        Ok(())
    }
}
