//! Layers of links that are joined, as the layers of an architecture.
//!
//! Sizes of images are not known: every layer of channels has one place, and every sequence one
//! step. Convolutions and poolings are padded so that they keep that.

use std::collections::HashMap;

use cntflow_formats::onnx::node::Node;
use cntflow_network::{
    Activation, AdaptivePool2d, Architecture, BatchNorm, Branch, Conv1d, Conv2d, ConvTranspose1d,
    ConvTranspose2d, Dense, Embedding, GlobalPool, GroupNorm, Input, Layer, LayerNorm, Output,
    Pool1d, Pool2d, Recurrent, Steps, StepsOf,
};

use super::joints::Joint;
use super::links::{Convolution, Form, Kind, Link, Pool};
use crate::error::Translated;
use crate::onnx::layer_names::{module_of_node, module_of_tensor};
use crate::onnx::recurrent::Cell;
use crate::onnx::translator::Translator;
use crate::recipe::TensorRecipe;

/// The most characters of a name that are kept: each layer that takes another one has its name.
const MAX_NAME: usize = 200;

/// Makes layers of layers of links.
pub(super) struct Trees<'t, 'm> {
    pub(super) translator: &'t mut Translator<'m, 'm>,
    pub(super) links: &'t [Link<'m>],
    pub(super) nodes: &'t [&'m Node<'m>],
    /// How each layer is joined if it is a part of its own.
    pub(super) apart: Vec<Joint>,
    /// Names that layers have got.
    pub(super) names: HashMap<usize, [String; 2]>,
}

impl<'m> Trees<'_, 'm> {
    /// Adds the layer `root` and all behind it, as one part of the network; each as a part of its
    /// own where that makes no network.
    pub(super) fn add(&mut self, root: usize, joints: &[Joint]) {
        if let Some(layers) = self.part(root, joints) {
            self.extend(layers);
            return;
        }
        let apart = std::mem::take(&mut self.apart);
        for link in below(root, joints) {
            if let Some(layers) = self.part(link, &apart) {
                self.extend(layers);
            }
        }
        self.apart = apart;
    }

    fn extend(&mut self, layers: Vec<Layer>) {
        for layer in layers {
            self.translator.builder.add_layer(layer);
        }
    }

    /// The layers of a part; `None` if they make no network.
    fn part(&mut self, root: usize, joints: &[Joint]) -> Option<Vec<Layer>> {
        let mut layers = Vec::new();
        // The layers of links that are still to come, each with the name of what it takes.
        let mut pending = vec![(root, None::<(usize, String)>)];
        let mut last = None;
        while let Some((index, taken)) = pending.pop() {
            let [name, input] = self.names(index);
            match taken {
                None => layers.push(self.input(root, input, joints)),
                Some((parent, from)) if last != Some(parent) => {
                    layers.push(Layer::Branch(Branch { from }));
                }
                Some(_) => {}
            }
            self.push(&mut layers, index, &name, joints).ok()?;
            let joint = &joints[index];
            let is_end = joint.children.is_empty() && !joint.is_output;
            if joint.is_open || is_end || joint.is_output {
                let open = joint.is_open || is_end;
                layers.push(Layer::Output(Output { open }));
            }
            last = Some(index);
            let children = joint.children.iter().rev();
            pending.extend(children.map(|&child| (child, Some((index, name.clone())))));
        }
        let architecture = Architecture {
            input: Vec::new(),
            layers,
        };
        architecture.plan().ok()?;
        Some(architecture.layers)
    }

    /// A name for a layer, and one for the neurons that it takes.
    fn names(&mut self, index: usize) -> [String; 2] {
        if let Some(names) = self.names.get(&index) {
            return names.clone();
        }
        let name = self.name(index);
        let input = self.translator.builder.unique_name(&format!("{name}.in"));
        let names = [name, input];
        self.names.insert(index, names.clone());
        names
    }

    /// A name for a layer: that of the module of its tensors, else of its node, else of its weight.
    fn name(&mut self, index: usize) -> String {
        let link = &self.links[index];
        let builder = &mut self.translator.builder;
        let module = link.names.iter().find_map(|name| module_of_tensor(name));
        let module = module.filter(|module| !builder.has_name(module));
        let name = module
            .map(str::to_owned)
            .or_else(|| module_of_node(self.nodes[link.step].name))
            .or_else(|| link.names.first().map(|&name| name.to_owned()))
            .unwrap_or_else(|| self.nodes[link.step].operator.to_owned());
        let name: String = name.chars().take(MAX_NAME).collect();
        // Layers without a name have such names, by their index.
        let number = name.strip_prefix("layer");
        let is_numbered = number.is_some_and(|number| number.parse::<usize>().is_ok());
        let name = if is_numbered {
            format!("{name}_")
        } else {
            name
        };
        builder.unique_name(&name)
    }

    /// The layer of what a part takes.
    fn input(&self, root: usize, name: String, joints: &[Joint]) -> Layer {
        let link = &self.links[root];
        let n = link.takes.n;
        let is_recurrent = |&link: &usize| matches!(self.links[link].kind, Kind::Recurrent { .. });
        let shape = match &link.kind {
            Kind::Convolution(convolution) if convolution.kernel.len() == 2 => vec![n, 1, 1],
            Kind::Convolution(_) | Kind::BatchNorm { .. } | Kind::GroupNorm { .. } => vec![n, 1],
            Kind::Embedding { .. } => vec![1],
            _ if below(root, joints).iter().any(is_recurrent) => vec![1, n],
            _ => vec![n],
        };
        Layer::Input(Input {
            name,
            shape,
            open: !joints[root].takes_input,
        })
    }

    /// Adds what one layer of links is.
    fn push(
        &mut self,
        layers: &mut Vec<Layer>,
        index: usize,
        name: &str,
        joints: &[Joint],
    ) -> Translated<()> {
        let link = &self.links[index];
        let joint = &joints[index];
        let takes = joint.parent.and_then(|parent| joints[parent].form);
        let is_recurrent = matches!(link.kind, Kind::Recurrent { .. });
        let is_dense = matches!(link.kind, Kind::Dense { .. }) && !joint.is_alone;
        if takes == Some(Form::Channels) && (is_recurrent || is_dense) {
            let of = StepsOf::Places;
            layers.push(Layer::Steps(Steps { of }));
        }
        let layer = match &link.kind {
            Kind::Pool(pool) => {
                let children = joint.children.iter().map(|&child| &self.links[child].kind);
                let is_taken_as_channels = |kind: &Kind<'_>| kind.form() == Some(Form::Channels);
                pool_layer(pool, name, children.into_iter().any(is_taken_as_channels))
            }
            Kind::Recurrent { .. } => self.recurrent(index, name)?,
            kind => {
                let activation = joint.activation;
                let is_of_channels = joint.form == Some(Form::Channels);
                let activation =
                    activation.filter(|&own| !is_of_channels || own != Activation::Softmax);
                self.set_recipes(name, kind);
                layer(kind, name, activation)
            }
        };
        layers.push(layer);
        Ok(())
    }

    fn set_recipes(&mut self, name: &str, kind: &Kind<'m>) {
        let tensors: Vec<(&str, Option<&TensorRecipe>)> = match kind {
            Kind::Dense { weight, bias, .. } => {
                vec![("weight", Some(weight)), ("bias", bias.as_ref())]
            }
            Kind::Convolution(layer) => {
                vec![
                    ("weight", Some(&layer.weight)),
                    ("bias", layer.bias.as_ref()),
                ]
            }
            Kind::Embedding { weight, .. } => vec![("weight", Some(weight))],
            Kind::BatchNorm { tensors, .. } => {
                let names = ["weight", "bias", "running_mean", "running_var"];
                names.into_iter().zip(tensors.iter().map(Some)).collect()
            }
            Kind::LayerNorm { scale, shift, .. } => {
                vec![("weight", Some(scale)), ("bias", shift.as_ref())]
            }
            Kind::GroupNorm { scale, shift, .. } => {
                vec![("weight", Some(scale)), ("bias", Some(shift))]
            }
            Kind::Recurrent { .. } | Kind::Pool(_) => Vec::new(),
        };
        for (tensor, recipe) in tensors {
            if let Some(recipe) = recipe {
                let tensor = format!("{name}.{tensor}");
                self.translator.builder.set_recipe(tensor, recipe.clone());
            }
        }
    }

    fn recurrent(&mut self, index: usize, name: &str) -> Translated<Layer> {
        let link = &self.links[index];
        let Kind::Recurrent {
            weights,
            bidirectional,
            activation,
        } = &link.kind
        else {
            return Err(crate::error::unsupported("it is not recurrent"));
        };
        let cell = Cell::of(self.nodes[link.step]);
        for direction in 0..=usize::from(*bidirectional) {
            self.translator
                .set_direction(name, &cell, weights, direction)?;
        }
        Ok((cell.layer)(Recurrent {
            name: name.to_owned(),
            units: weights.state.shape.last().copied().unwrap_or(0),
            layers: 1,
            bidirectional: *bidirectional,
            bias: weights.bias.is_some(),
            activation: *activation,
        }))
    }
}

/// A layer of links and all behind it, each before those that take its neurons.
pub(super) fn below(root: usize, joints: &[Joint]) -> Vec<usize> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&link) = found.get(next) {
        found.extend(&joints[link].children);
        next += 1;
    }
    found
}

/// The layer of what is neither recurrent nor a pooling.
fn layer(kind: &Kind<'_>, name: &str, activation: Option<Activation>) -> Layer {
    let name = name.to_owned();
    match kind {
        Kind::Convolution(convolution) => convolution_layer(convolution, name, activation),
        Kind::Embedding { tokens, units, .. } => Layer::Embedding(Embedding {
            name,
            tokens: *tokens,
            units: *units,
        }),
        Kind::BatchNorm { epsilon, .. } => Layer::BatchNorm(BatchNorm {
            name,
            epsilon: *epsilon,
            affine: true,
            activation,
        }),
        Kind::LayerNorm { shift, epsilon, .. } => Layer::LayerNorm(LayerNorm {
            name,
            epsilon: *epsilon,
            affine: true,
            bias: shift.is_some(),
            activation,
        }),
        Kind::GroupNorm {
            groups, epsilon, ..
        } => Layer::GroupNorm(GroupNorm {
            name,
            groups: *groups,
            epsilon: *epsilon,
            affine: true,
            activation,
        }),
        Kind::Dense { bias, units, .. } => Layer::Dense(Dense {
            name,
            units: *units,
            bias: bias.is_some(),
            activation,
        }),
        // Made elsewhere.
        Kind::Recurrent { .. } | Kind::Pool(_) => Layer::Flatten,
    }
}

fn convolution_layer(
    convolution: &Convolution,
    name: String,
    activation: Option<Activation>,
) -> Layer {
    let &Convolution {
        filters, groups, ..
    } = convolution;
    let bias = convolution.bias.is_some();
    match (&convolution.kernel[..], convolution.is_transposed) {
        (&[rows, columns], false) => Layer::Conv2d(Conv2d {
            name,
            filters,
            kernel: [rows, columns],
            stride: [1, 1],
            padding: [keeping(rows), keeping(columns)].into(),
            dilation: [1, 1],
            groups,
            bias,
            activation,
        }),
        (&[rows, columns], true) => Layer::ConvTranspose2d(ConvTranspose2d {
            name,
            filters,
            kernel: [rows, columns],
            stride: [1, 1],
            padding: [keeping(rows), keeping(columns)].into(),
            output_padding: [0, 0],
            dilation: [1, 1],
            groups,
            bias,
            activation,
        }),
        (kernel, false) => {
            let kernel = kernel.last().copied().unwrap_or(0);
            Layer::Conv1d(Conv1d {
                name,
                filters,
                kernel,
                stride: 1,
                padding: keeping(kernel).into(),
                dilation: 1,
                groups,
                bias,
                activation,
            })
        }
        (kernel, true) => {
            let kernel = kernel.last().copied().unwrap_or(0);
            Layer::ConvTranspose1d(ConvTranspose1d {
                name,
                filters,
                kernel,
                stride: 1,
                padding: keeping(kernel).into(),
                output_padding: 0,
                dilation: 1,
                groups,
                bias,
                activation,
            })
        }
    }
}

/// Padding before and after that keeps the size.
fn keeping(kernel: usize) -> [usize; 2] {
    let total = kernel.saturating_sub(1);
    [total / 2, total - total / 2]
}

fn pool_layer(pool: &Pool, name: &str, is_taken_as_channels: bool) -> Layer {
    let name = name.to_owned();
    match pool.window.as_deref() {
        None if is_taken_as_channels => {
            let layer = AdaptivePool2d {
                name,
                output: [1, 1],
            };
            if pool.is_max {
                Layer::AdaptiveMaxPool2d(layer)
            } else {
                Layer::AdaptiveAveragePool2d(layer)
            }
        }
        None if pool.is_max => Layer::GlobalMaxPool(GlobalPool { name }),
        None => Layer::GlobalAveragePool(GlobalPool { name }),
        Some(&[rows, columns]) => {
            let layer = Pool2d {
                name,
                window: [rows, columns],
                stride: Some([1, 1]),
                padding: [keeping(rows), keeping(columns)].into(),
                count_padding: true,
                ceil_mode: false,
            };
            if pool.is_max {
                Layer::MaxPool2d(layer)
            } else {
                Layer::AveragePool2d(layer)
            }
        }
        Some(window) => {
            let window = window.last().copied().unwrap_or(0);
            let layer = Pool1d {
                name,
                window,
                stride: Some(1),
                padding: keeping(window).into(),
                count_padding: true,
                ceil_mode: false,
            };
            if pool.is_max {
                Layer::MaxPool1d(layer)
            } else {
                Layer::AveragePool1d(layer)
            }
        }
    }
}
