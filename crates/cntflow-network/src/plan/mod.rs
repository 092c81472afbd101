//! Resolving an architecture into a graph: every size checked, so that nothing later has to.

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
    NetworkError, NeuronLayer, Norms, Role, Shape, TensorSlice, TensorSpec, View,
};
use limits::Counts;
use names::Names;

/// Checks and resolves an architecture; see [`Graph::new`].
pub(crate) fn resolve(architecture: &Architecture, norms: Norms) -> Result<Graph, NetworkError> {
    let names = Names::of(&architecture.layers)?;
    let mut plan = Plan::new(architecture, norms)?;
    plan.reach("input", &names);
    for (layer, name) in architecture.layers.iter().zip(names.of_layers()) {
        plan.push(layer, name)?;
        plan.reach(name, &names);
    }
    plan.finish()
}

/// The graph as far as it is resolved.
struct Plan {
    graph: Graph,
    norms: Norms,
    /// What the next layer takes.
    at: Place,
    /// Outputs of the layers so far, by their names.
    outputs: HashMap<String, Place>,
    /// What may still join the last layer of neurons.
    open: Open,
    counts: Counts,
}

/// The output of a layer of neurons, as it is seen.
#[derive(Clone, Copy, Debug)]
struct Place {
    layer: usize,
    view: View,
    shape: Shape,
}

impl Place {
    fn source(&self) -> Source {
        Source {
            layer: self.layer,
            view: self.view,
        }
    }
}

/// What may still join the last layer of neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// Nothing: it has an activation, or is referred to by its name.
    Shut,
    /// An activation.
    Activation,
    /// Additions and constants too.
    Sum,
    /// A norm too: the last that was done are these links.
    Links(usize),
}

/// A layer of neurons to be.
struct Made<'n> {
    name: &'n str,
    kind: LayerKind,
    shape: Shape,
    activation: Option<Activation>,
}

/// Links to be, from what the next layer takes, and their tensors.
struct Part {
    name: String,
    links: Links,
    kernel: Option<TensorSlice>,
    bias: Option<TensorSlice>,
}

impl Plan {
    fn new(architecture: &Architecture, norms: Norms) -> Result<Self, NetworkError> {
        let shape = sequence::input_shape(architecture)?;
        let mut plan = Self {
            graph: Graph {
                neurons: Vec::new(),
                links: Vec::new(),
                tensors: Vec::new(),
                program: Vec::new(),
            },
            norms,
            at: Place {
                layer: 0,
                view: View::Same,
                shape,
            },
            outputs: HashMap::new(),
            open: Open::Shut,
            counts: Counts::default(),
        };
        plan.counts.neurons("input", shape)?;
        plan.graph.neurons.push(NeuronLayer {
            index: 0,
            name: "input".to_owned(),
            kind: LayerKind::Input,
            role: Role::Input,
            shape,
            activation: Some(Activation::Linear),
        });
        Ok(plan)
    }

    fn push(&mut self, layer: &Layer, name: &str) -> Result<(), NetworkError> {
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
                let from = self.output(&add.from, name)?;
                self.add(from, add.activation, name)
            }
            Layer::Branch(Branch { from }) => {
                self.at = self.output(from, name)?;
                self.open = Open::Shut;
                Ok(())
            }
            Layer::Activation(layer) => self.activate(layer.activation, name),
            Layer::Flatten => self.flatten(name),
        }
    }

    /// What is referred to by its name stays as it is.
    fn reach(&mut self, name: &str, names: &Names) {
        if names.are_referred_to(name) {
            self.outputs.insert(name.to_owned(), self.at);
            self.open = Open::Shut;
            self.settle();
        }
    }

    /// What the next layer takes, kept for later.
    fn keep(&mut self) -> Place {
        self.open = Open::Shut;
        self.settle();
        self.at
    }

    /// A layer that something is done to before any activation has none.
    fn settle(&mut self) {
        let layer = &mut self.graph.neurons[self.at.layer];
        layer.activation.get_or_insert(Activation::Linear);
    }

    fn output(&self, from: &str, layer: &str) -> Result<Place, NetworkError> {
        let known = self.outputs.get(from).copied();
        known.ok_or_else(|| NetworkError::UnknownLayer {
            layer: layer.to_owned(),
            from: from.to_owned(),
        })
    }

    fn dense(&mut self, dense: &Dense, name: &str) -> Result<(), NetworkError> {
        positive(name, "units", &[dense.units])?;
        let units = dense.units;
        let shape = match self.at.shape {
            Shape::Steps { steps, .. } => Shape::Steps { steps, units },
            Shape::Tokens { .. } => return Err(self.does_not_take(name, LayerKind::Dense)),
            _ => Shape::Units(units),
        };
        let n_in = self.at.shape.n_neurons();
        let made = Made {
            name,
            kind: LayerKind::Dense,
            shape,
            activation: dense.activation,
        };
        let kernel = self.tensor(name, "weight", "kernel", vec![units, n_in])?;
        let bias = self.bias(dense.bias, name, units)?;
        let links = Links::Dense { n_in, n_out: units };
        self.make(made, Part::of(name, links, Some(kernel), bias))
    }

    /// A layer of neurons with links that lead to it from what the next layer takes.
    fn make(&mut self, made: Made<'_>, part: Part) -> Result<(), NetworkError> {
        let source = self.at;
        let open = match made.activation {
            None | Some(Activation::Linear) => Open::Links(self.graph.links.len()),
            Some(_) => Open::Shut,
        };
        self.neurons(made)?;
        let place = self.link(part, source)?;
        self.stage(Stage::Links(place));
        self.open = open;
        Ok(())
    }

    /// A layer of neurons that nothing leads to yet, which the next layer then takes.
    fn neurons(&mut self, made: Made<'_>) -> Result<(), NetworkError> {
        self.counts.neurons(made.name, made.shape)?;
        let index = self.graph.neurons.len();
        self.graph.neurons.push(NeuronLayer {
            index,
            name: made.name.to_owned(),
            kind: made.kind,
            role: Role::Hidden,
            shape: made.shape,
            activation: made.activation,
        });
        self.graph.program.push(Vec::new());
        self.at = Place {
            layer: index,
            view: View::Same,
            shape: made.shape,
        };
        self.open = Open::Shut;
        Ok(())
    }

    /// Links that lead from a source to the last layer of neurons; gives their place.
    fn link(&mut self, part: Part, source: Place) -> Result<usize, NetworkError> {
        let into = &self.graph.neurons[self.at.layer];
        self.counts.links(&into.name, &part.links)?;
        let place = self.graph.links.len();
        self.graph.links.push(LinkLayer {
            index: into.index,
            from: source.layer,
            first: [0, 0],
            name: part.name,
            links: part.links,
            view: source.view,
            kernel: part.kernel,
            bias: part.bias,
            norm: None,
        });
        Ok(place)
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(stages) = self.graph.program.last_mut() {
            stages.push(stage);
        }
    }

    /// A tensor `<name>.<what>`; gives the whole of it as a slice.
    fn tensor(
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
                loose: false,
            },
        )
    }

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

    fn bias(
        &mut self,
        has: bool,
        name: &str,
        units: usize,
    ) -> Result<Option<TensorSlice>, NetworkError> {
        match has {
            true => self.tensor(name, "bias", "bias", vec![units]).map(Some),
            false => Ok(None),
        }
    }

    fn does_not_take(&self, name: &str, kind: LayerKind) -> NetworkError {
        NetworkError::Input {
            layer: name.to_owned(),
            kind: kind.as_str(),
            input: self.at.shape.to_string(),
        }
    }

    fn finish(mut self) -> Result<Graph, NetworkError> {
        match self.graph.neurons.last_mut() {
            Some(last) if last.index > 0 => last.role = Role::Output,
            _ => return Err(NetworkError::NoLayers),
        }
        Ok(self.graph)
    }
}

impl Part {
    fn of(
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

fn positive(layer: &str, what: &'static str, found: &[usize]) -> Result<(), NetworkError> {
    match found.contains(&0) {
        true => Err(NetworkError::NotPositive {
            layer: layer.to_owned(),
            what,
            found: found.to_vec(),
        }),
        false => Ok(()),
    }
}
