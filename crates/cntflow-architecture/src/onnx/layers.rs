//! The layers that nodes become: their names, what recipes them, and what each takes.

use cntflow_network::{Activation, Layer};
use serde_json::{Value as Json, json};

use super::{Flow, Path, Told};
use crate::{TensorRecipe, TensorSlice};
use cntflow_formats::onnx::node::Node;

impl<'m, 'a> Path<'m, 'a> {
    /// Makes data the one that the next layer takes.
    pub(super) fn go_to(&mut self, flow: &Flow) -> Told<()> {
        if flow.place != self.layers.len() {
            let from = self.name_at(flow.place);
            self.push(json!({"kind": "branch", "from": from}))?;
        }
        Ok(())
    }

    pub(super) fn name_at(&self, place: usize) -> String {
        match place.checked_sub(1) {
            None => "input".to_owned(),
            Some(layer) => match self.layers[layer].name() {
                "" => format!("layer{layer}"),
                own => own.to_owned(),
            },
        }
    }

    pub(super) fn push(&mut self, layer: Json) -> Told<()> {
        let layer = serde_json::from_value(layer.clone())
            .map_err(|error| format!("no layer {layer} can be expressed: {error}"))?;
        self.layers.push(layer);
        Ok(())
    }

    /// A name for a layer: of its tensors where those are named after a module, else of its node, else by its place.
    pub(super) fn name(&mut self, tensors: &[&str], node: &Node<'a>) -> String {
        let module = tensors.iter().find_map(|tensor| module(tensor));
        let name = match module {
            Some(module) if !self.names.contains(module) => module.to_owned(),
            _ => scope(node.name).unwrap_or_else(|| format!("layer{}", self.layers.len())),
        };
        self.unique(name)
    }

    /// A name that no other layer has.
    pub(super) fn unique(&mut self, name: String) -> String {
        let mut unique = name.clone();
        let mut number = 1;
        while !self.names.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }

    pub(super) fn fill(&mut self, name: String, fill: TensorRecipe) {
        let as_it_is = matches!(&fill, TensorRecipe::Tensor(excerpt) if *excerpt == TensorSlice::whole(&*name));
        if !as_it_is {
            self.recipes.insert(name, fill);
        }
    }

    /// An ONNX layer that no activation follows has none.
    pub(super) fn settle(&mut self) {
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

/// The module that a tensor of a state dict is of.
fn module(tensor: &str) -> Option<&str> {
    let plain = tensor.strip_suffix(".weight");
    let plain = plain.or_else(|| tensor.strip_suffix(".bias"));
    plain.or_else(|| {
        let (module, own) = tensor.rsplit_once('.')?;
        let recurrent = ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"];
        let known = recurrent.iter().any(|start| own.starts_with(start));
        (known || own.starts_with("in_proj_")).then_some(module)
    })
}

/// The module that PyTorch's first exporter names a node after: `/encoder/fc/Gemm` is in `encoder.fc`; other names are as they are.
pub(super) fn scope(node: &str) -> Option<String> {
    let own = node
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'));
    let name = own.map_or(node.to_owned(), |(module, _)| module.replace('/', "."));
    (!name.is_empty()).then_some(name)
}
