//! An architecture built module by module, each fitted to what the one before gives.

use std::collections::BTreeMap;

use cntflow_network::{
    BatchNorm, Dense, Embedding, GroupNorm, Layer, LayerNorm, TakeStep, TakenStep,
};

use super::hints::Hints;
use super::image::Sizes;
use super::names::Module;
use super::recurrent;
use crate::{TensorRecipe, TensorSlice};

/// What the next module takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The inputs, of which nothing is known yet.
    Start,
    /// So many units.
    Units(usize),
    /// So many channels of places in so many dimensions.
    Places(usize, usize),
    /// Steps of so many units.
    Steps(usize),
}

/// An architecture in the making.
#[derive(Clone, Debug)]
pub(super) struct Builder {
    pub(super) hints: Hints,
    pub(super) input: Vec<usize>,
    pub(super) layers: Vec<Layer>,
    pub(super) recipes: BTreeMap<String, TensorRecipe>,
    pub(super) assumptions: Vec<String>,
    pub(super) at: At,
    /// Of the convolutions so far.
    pub(super) sizes: Sizes,
    /// Name of the module before.
    pub(super) before: String,
}

impl Builder {
    pub(super) fn new(hints: Hints) -> Self {
        Self {
            hints,
            input: Vec::new(),
            layers: Vec::new(),
            recipes: BTreeMap::new(),
            assumptions: Vec::new(),
            at: At::Start,
            sizes: Sizes::default(),
            before: "the input".to_owned(),
        }
    }

    /// Says something uncertain once.
    pub(super) fn doubt(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.assumptions.contains(&text) {
            self.assumptions.push(text);
        }
    }

    /// Adds a layer that the module recipes.
    pub(super) fn add(&mut self, module: &Module<'_>, layer: Layer) {
        self.recipes.extend(module.recipes(&module.path));
        self.before.clone_from(&module.path);
        self.layers.push(layer);
    }

    /// Adds a module.
    ///
    /// # Errors
    /// It does not take what the one before gives, or is none that is known; both numbers are said.
    pub(super) fn push(&mut self, module: &Module<'_>) -> Result<(), String> {
        if module.is_recurrent() {
            return recurrent::push(self, module);
        }
        if module.is_norm() {
            return self.norm(module);
        }
        match module.rank() {
            2 if self.at == At::Start && is_embedding(module) => self.embedding(module),
            2 => self.dense(module),
            3 | 4 => self.convolution(module),
            _ => Err(format!(
                "{} is no kernel of a layer that is known",
                module.shown()
            )),
        }
    }

    pub(super) fn does_not_fit(&self, module: &Module<'_>, n_in: usize, given: usize) -> String {
        format!(
            "the layers make no chain in the order of their names: {} takes {n_in} inputs, {} gives {given}",
            module.shown(),
            self.before
        )
    }

    /// Whether a module of so many units has a bias.
    ///
    /// # Errors
    /// It has one of another length.
    pub(super) fn bias(&self, module: &Module<'_>, units: usize) -> Result<bool, String> {
        match module.shape("bias")[..] {
            [n] if n == units => Ok(true),
            _ if !module.has("bias") => Ok(false),
            ref shape => Err(format!(
                "{}.bias has shape {shape:?}, {} gives {units} units",
                module.path,
                module.shown()
            )),
        }
    }

    fn embedding(&mut self, module: &Module<'_>) -> Result<(), String> {
        let shape = module.shape("weight");
        self.input = vec![1];
        self.doubt("the number of steps is not in the weights: 1 is assumed, no weight metric depends on it");
        self.at = At::Steps(shape[1]);
        let layer = Embedding {
            name: module.path.clone(),
            tokens: shape[0],
            units: shape[1],
        };
        self.add(module, Layer::Embedding(layer));
        Ok(())
    }

    fn dense(&mut self, module: &Module<'_>) -> Result<(), String> {
        let shape = module.shape("weight");
        let [units, n_in] = [shape[0], shape[1]];
        let bias = self.bias(module, units)?;
        let mut columns = None;
        match self.at {
            At::Start => self.input = vec![n_in],
            At::Units(given) if given == n_in => {}
            At::Places(channels, _) if n_in > 0 && n_in.is_multiple_of(channels) => {
                columns = self.flatten(module, channels, n_in / channels);
            }
            At::Steps(given) if given == n_in => self.take_step(),
            At::Steps(given) if self.input.len() == 2 && n_in.is_multiple_of(given) => {
                self.input[0] = n_in / given;
                self.layers.push(Layer::Flatten);
            }
            At::Units(given) | At::Places(given, _) | At::Steps(given) => {
                return Err(self.does_not_fit(module, n_in, given));
            }
        }
        self.at = At::Units(units);
        let layer = Dense {
            name: module.path.clone(),
            units,
            bias,
            activation: self.hints.activation,
        };
        self.add(module, Layer::Dense(layer));
        if let Some(excerpt) = columns {
            let name = format!("{}.weight", module.path);
            self.recipes.insert(name, TensorRecipe::Tensor(excerpt));
        }
        Ok(())
    }

    /// Places become a vector; where they are the last dimension but one of a kernel of Keras, its columns have to be put in order.
    fn flatten(
        &mut self,
        module: &Module<'_>,
        channels: usize,
        places: usize,
    ) -> Option<TensorSlice> {
        let dimensions = match self.at {
            At::Places(_, dimensions) => dimensions,
            _ => 0,
        };
        let [rows, columns] = self.sizes.end(dimensions, places);
        self.layers.push(Layer::Flatten);
        if places > 1 && rows != columns && dimensions == 2 {
            self.doubt(format!(
                "{} takes {places} places of each channel, no square: {rows} x {columns} are assumed",
                module.path
            ));
        }
        let tensor = module.parameters.get("weight")?;
        let units = module.shape("weight")[0];
        let taken = TensorSlice::reordered(&*tensor.name, &[3, 2, 0, 1])
            .read_as(&[rows, columns, channels, units])
            .shaped(&[units, channels * places]);
        (module.inputs_first && places > 1).then_some(taken)
    }

    pub(super) fn take_step(&mut self) {
        let recurrent =
            |layer: &Layer| matches!(layer, Layer::Elman(_) | Layer::Lstm(_) | Layer::Gru(_));
        if self.layers.iter().any(recurrent) {
            self.doubt("a dense layer behind a recurrent one is taken to see the last step only; no weight metric depends on it");
        }
        let which = TakenStep::Final;
        self.layers.push(Layer::TakeStep(TakeStep { which }));
    }

    fn norm(&mut self, module: &Module<'_>) -> Result<(), String> {
        let n = match module.shape("running_mean")[..] {
            [n] => n,
            _ => module.shape("weight").iter().product(),
        };
        let (given, places) = match self.at {
            At::Units(given) | At::Steps(given) => (given, false),
            At::Places(given, _) => (given, true),
            At::Start => (n, false),
        };
        if given != n || self.at == At::Start {
            return Err(self.does_not_fit(module, n, given));
        }
        let activation = self.move_activation();
        let (name, affine, epsilon) = (module.path.clone(), module.has("weight"), 1e-5);
        let layer = match (module.has("running_mean"), places) {
            (true, _) => Layer::BatchNorm(BatchNorm {
                name,
                epsilon,
                affine,
                activation,
            }),
            (false, false) => Layer::LayerNorm(LayerNorm {
                name,
                epsilon,
                affine,
                bias: module.has("bias"),
                activation,
            }),
            (false, true) => {
                self.doubt(format!(
                    "{} is taken for a group norm of one group: groups are not in the weights, and no weight metric depends on them",
                    module.path
                ));
                Layer::GroupNorm(GroupNorm {
                    name,
                    groups: 1,
                    epsilon,
                    affine,
                    activation,
                })
            }
        };
        self.doubt("the epsilon of norms is not in the weights: 1e-5 is assumed");
        self.add(module, layer);
        Ok(())
    }

    /// Takes the last layer's activation away, for what stands behind it.
    pub(super) fn move_activation(&mut self) -> Option<cntflow_network::Activation> {
        match self.layers.last_mut() {
            Some(Layer::Dense(layer)) => layer.activation.take(),
            Some(Layer::Conv1d(layer)) => layer.activation.take(),
            Some(Layer::Conv2d(layer)) => layer.activation.take(),
            Some(Layer::ConvTranspose1d(layer)) => layer.activation.take(),
            Some(Layer::ConvTranspose2d(layer)) => layer.activation.take(),
            Some(Layer::BatchNorm(layer)) => layer.activation.take(),
            Some(Layer::LayerNorm(layer)) => layer.activation.take(),
            Some(Layer::GroupNorm(layer)) => layer.activation.take(),
            _ => None,
        }
    }

    /// The last layer's activation is another than that of the hidden ones.
    pub(super) fn without_last_activation(&mut self) {
        if self.hints.activation.is_some() {
            self.move_activation();
            self.doubt("the activation told beside the weights is taken for that of all layers but the last");
        }
    }
}

/// Whether a kernel of two dimensions holds a vector for every token.
fn is_embedding(module: &Module<'_>) -> bool {
    let path = module.path.to_ascii_lowercase();
    let named = path.contains("emb") || path.ends_with("wte") || path.ends_with("tokens");
    named && !module.has("bias") && !path.contains("patch")
}
