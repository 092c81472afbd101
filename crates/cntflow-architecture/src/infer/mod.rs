//! Architectures inferred from the names and shapes of tensors, as PyTorch's state dicts have them:
//! chains of dense, convolutional and recurrent layers with their norms, residual networks, and
//! transformers of known families.
//!
//! What no weight shows (activations, strides, paddings, poolings, heads) is taken from the
//! checkpoint's metadata, left unknown, or assumed; every assumption is recorded. Where names and
//! shapes contradict each other nothing is inferred, and the error names the tensor and both
//! numbers.

mod chain;
mod convolution;
mod dense;
mod encoder_block;
mod family;
mod flax_names;
mod hints;
mod image_extent;
mod layer_order;
mod modules;
mod norm;
mod positional;
mod prefixed;
mod recurrent;
mod residual;
mod stem;
mod transformer;
mod unnamed;

use std::collections::{BTreeMap, BTreeSet};

use cntflow_formats::TensorEntry;

use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;
use crate::resolved::ResolvedArchitecture;
use chain::infer_chain;
use hints::Hints;
use modules::Module;

pub(crate) use chain::INFERRED;
pub(crate) use modules::{is_counter, is_weight, wrapper_prefix_length};
pub(crate) use positional::positional_recipes;
pub(crate) use prefixed::prefixed_recipes;

/// Infers an architecture from tensors and the metadata beside them.
///
/// # Errors
/// The tensors make no network that is known.
pub(crate) fn infer(
    tensors: &[TensorEntry],
    metadata: &BTreeMap<String, String>,
) -> Translated<ResolvedArchitecture> {
    let hints = Hints::new(metadata);
    let (modules, others) = modules::modules(tensors);
    let empty = tensors
        .iter()
        .find(|tensor| is_weight(tensor) && tensor.n_values() == 0);
    if let Some(tensor) = empty {
        return Err(unsupported(format!(
            "{} {:?} holds no values",
            tensor.name, tensor.shape
        )));
    }
    let resolved = match (transformer::infer(&modules, &others, hints), others.first()) {
        (Some(resolved), _) => resolved,
        (None, Some(_)) if modules.is_empty() => unnamed::infer(&others, hints),
        (None, Some((_, tensor))) => Err(unsupported(format!(
            "{} {:?} belongs to no known layer",
            tensor.name, tensor.shape
        ))),
        (None, None) if modules.is_empty() => Err(unsupported("there is no tensor <name>.weight")),
        (None, None) => match residual::infer(&modules, hints) {
            // Names like those of residual blocks are no proof: a plain chain may have them too.
            Some(Err(error)) => named_chain(&modules, hints).map_err(|_| error),
            Some(resolved) => resolved,
            None => named_chain(&modules, hints),
        },
    };
    let mut resolved = resolved?;
    check_and_prune_recipes(&mut resolved, tensors)?;
    Ok(resolved)
}

/// Checks that every tensor of the architecture that is made from one tensor of the file has as
/// many values as that. Drops recipes for tensors that the architecture does not have.
fn check_and_prune_recipes(
    resolved: &mut ResolvedArchitecture,
    tensors: &[TensorEntry],
) -> Translated<()> {
    let by_name: BTreeMap<&str, &TensorEntry> = tensors
        .iter()
        .filter(|tensor| is_weight(tensor))
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let expected = resolved.architecture.tensors()?;
    for spec in &expected {
        let source = match resolved.recipes.get(&spec.name) {
            Some(TensorRecipe::Slice(slice)) => by_name.get(&*slice.tensor),
            Some(_) => continue,
            None => by_name.get(&*spec.name),
        };
        let missing = || unsupported(format!("there is no {} {:?}", spec.name, spec.shape));
        let source = source.ok_or_else(missing)?;
        if source.n_values() != spec.n_values() {
            return Err(unsupported(format!(
                "{} has shape {:?}, but the other tensors ask for {:?}",
                source.name, source.shape, spec.shape
            )));
        }
    }
    let expected: BTreeSet<&str> = expected.iter().map(|spec| spec.name.as_str()).collect();
    resolved
        .recipes
        .retain(|name, _| expected.contains(&**name));
    Ok(())
}

/// A chain of layers in the order of their names or, if that makes no chain, in the order of the
/// file.
fn named_chain(modules: &[Module<'_>], hints: Hints) -> Translated<ResolvedArchitecture> {
    let mut ordered: Vec<&Module<'_>> = modules.iter().collect();
    ordered.sort_by(|a, b| layer_order::by_path(&a.path, &b.path));
    infer_chain(&ordered, hints).or_else(|error| {
        ordered.sort_by_key(|module| module.index);
        let mut resolved = infer_chain(&ordered, hints).map_err(|_| error)?;
        let assumption = "the layers make no chain in the order of their names: they are taken in the order of the file";
        resolved.assumptions.push(assumption.to_owned());
        Ok(resolved)
    })
}

#[cfg(test)]
mod tests;
