//! Architectures told from the names and shapes of tensors, as PyTorch's state dicts have them: chains of dense, convolutional and
//! recurrent layers with their norms, residual networks, and transformers of known families.
//!
//! What no weight shows (activations, strides, paddings, poolings, heads) is taken from the checkpoint's texts where they tell it, is
//! left unknown, or is assumed; every assumption is a sentence among the assumptions. Where names and shapes contradict each other nothing
//! is inferred, and the reason names the tensor and both numbers.

mod block;
mod build;
mod convolution;
mod family;
mod front;
mod hints;
mod image;
mod in_turn;
mod listed;
mod names;
mod order;
mod recurrent;
mod residual;
mod suffix;
mod transformer;

use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::Architecture;

pub(crate) use in_turn::fills_in_turn;
pub(crate) use names::{is_counter, is_weight};
pub(crate) use suffix::fills_by_suffix;

use crate::{TensorRecipe, TensorSlice};
use build::Builder;
use cntflow_formats::TensorEntry;
use hints::Hints;
use image::Told;
use names::Module;

/// An architecture told from names and shapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inferred {
    pub(crate) architecture: Architecture,
    pub(crate) recipes: BTreeMap<String, TensorRecipe>,
    pub(crate) assumptions: Vec<String>,
    /// Whether the size of images is one that fits, not one that is told.
    pub(crate) sizes_assumed: bool,
}

/// Tells an architecture from tensors and the texts beside them.
///
/// # Errors
/// Why none can be told.
pub(crate) fn infer(
    tensors: &[TensorEntry],
    metadata: &BTreeMap<String, String>,
) -> Result<Inferred, String> {
    let hints = Hints::new(metadata);
    let (modules, others) = names::modules(tensors);
    let empty = tensors
        .iter()
        .find(|tensor| names::is_weight(tensor) && tensor.n_values() == 0);
    if let Some(tensor) = empty {
        return Err(format!(
            "{} {:?} holds no values",
            tensor.name, tensor.shape
        ));
    }
    let inferred = match (transformer::infer(&modules, &others, hints), others.first()) {
        (Some(inferred), _) => inferred,
        (None, Some(_)) if modules.is_empty() => listed::infer(&others, hints),
        (None, Some((_, tensor))) => Err(format!(
            "{} {:?} belongs to no layer that is known",
            tensor.name, tensor.shape
        )),
        (None, None) if modules.is_empty() => Err("there is no tensor <name>.weight".to_owned()),
        (None, None) => match residual::infer(&modules, hints) {
            Some(Err(reason)) => chain(&modules, hints).map_err(|_| reason),
            Some(inferred) => inferred,
            None => chain(&modules, hints),
        },
    };
    checked(inferred?, tensors)
}

/// Compares what the architecture wants with what recipes it.
fn checked(mut inferred: Inferred, tensors: &[TensorEntry]) -> Result<Inferred, String> {
    let known: BTreeMap<&str, &TensorEntry> = tensors
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let wanted = inferred.architecture.tensors();
    let wanted = wanted.map_err(|error| error.to_string())?;
    for spec in &wanted {
        let own = match inferred.recipes.get(&spec.name) {
            Some(TensorRecipe::Tensor(excerpt)) => known.get(&*excerpt.tensor),
            Some(_) => continue,
            None => None,
        };
        let own = own.ok_or_else(|| format!("there is no {} {:?}", spec.name, spec.shape))?;
        if own.n_values() != spec.n_values() {
            return Err(format!(
                "{} has shape {:?}, the others give {:?}",
                own.name, own.shape, spec.shape
            ));
        }
    }
    let wanted: BTreeSet<&str> = wanted.iter().map(|spec| spec.name.as_str()).collect();
    inferred.recipes.retain(|name, fill| {
        let own = |excerpt: &TensorSlice| *excerpt == TensorSlice::whole(&**name);
        wanted.contains(&**name) && !matches!(fill, TensorRecipe::Tensor(excerpt) if own(excerpt))
    });
    Ok(inferred)
}

/// A chain of layers: in the order of their names, or, where that makes none, in the file's.
fn chain(modules: &[Module<'_>], hints: Hints) -> Result<Inferred, String> {
    let mut ordered: Vec<&Module<'_>> = modules.iter().collect();
    ordered.sort_by(|a, b| order::by_path(&a.path, &b.path));
    let by_name = in_order(&ordered, hints);
    by_name.or_else(|reason| {
        ordered.sort_by_key(|module| module.place);
        let mut inferred = in_order(&ordered, hints).map_err(|_| reason)?;
        let doubt = "the names of the layers tell no order in which they make a chain: they stand in the file's";
        inferred.assumptions.push(doubt.to_owned());
        Ok(inferred)
    })
}

fn in_order(ordered: &[&Module<'_>], hints: Hints) -> Result<Inferred, String> {
    let (norms, kernels): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        ordered.iter().partition(|module| module.is_norm());
    let mut builder = Builder::new(hints);
    for module in order::with_norms(&kernels, &norms)? {
        builder.push(module)?;
    }
    builder.without_last_activation();
    finish(builder)
}

/// The architecture with its sizes, checked by making its graph; every tensor among the recipes.
fn finish(mut builder: Builder) -> Result<Inferred, String> {
    let told = builder
        .sizes
        .settle(&mut builder.input, &mut builder.layers);
    match told {
        Told::NoImage => {}
        Told::Likely { same, side } => {
            let padding = if same { "padding that keeps sizes" } else { "no padding" };
            builder.doubt(format!(
                "strides, paddings and poolings are not in the weights: stride 1, {padding} and no pooling give images of {side} x {side}"
            ));
        }
        Told::Assumed => builder.doubt(
            "the size of images, strides, paddings and poolings are not in the weights: stride 1 and a size that fits are assumed, and \
             the graph is that of channels",
        ),
    }
    let architecture = Architecture {
        input: builder.input,
        layers: builder.layers,
    };
    architecture.plan().map_err(|error| error.to_string())?;
    Ok(Inferred {
        architecture,
        recipes: builder.recipes,
        assumptions: builder.assumptions,
        sizes_assumed: told == Told::Assumed,
    })
}

#[cfg(test)]
mod tests;
