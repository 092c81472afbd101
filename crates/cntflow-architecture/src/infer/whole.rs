//! Whole networks of modules: transformers, residual networks, chains and lists, and whether the
//! tensors fit what was inferred.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_formats::TensorEntry;

use super::chain::infer_chain;
use super::hints::Hints;
use super::module::Module;
use super::modules::is_weight;
use super::{layer_order, residual, transformer, unnamed};
use crate::error::{Translated, unsupported};
use crate::recipe::TensorRecipe;
use crate::resolved::ResolvedArchitecture;

/// Infers an architecture from modules and tensors that are no parameters of any. Its recipes are
/// not checked yet.
pub(super) fn infer_modules(
    modules: &[Module<'_>],
    others: &[(String, &TensorEntry)],
    hints: Hints,
) -> Translated<ResolvedArchitecture> {
    match (transformer::infer(modules, others, hints), others.first()) {
        (Some(resolved), _) => resolved,
        (None, Some(_)) if modules.is_empty() => unnamed::infer(others, hints),
        (None, Some((_, tensor))) => Err(unsupported(format!(
            "{} {:?} belongs to no known layer",
            tensor.name, tensor.shape
        ))),
        (None, None) if modules.is_empty() => Err(unsupported("there is no tensor <name>.weight")),
        (None, None) => match residual::infer(modules, hints) {
            // Names like those of residual blocks are no proof: a plain chain may have them too.
            Some(Err(error)) => named_chain(modules, hints).map_err(|_| error),
            Some(resolved) => resolved,
            None => named_chain(modules, hints),
        },
    }
}

/// The tensors that may be weights, by their names.
pub(super) fn weights_by_name(tensors: &[TensorEntry]) -> BTreeMap<&str, &TensorEntry> {
    let weights = tensors.iter().filter(|tensor| is_weight(tensor));
    weights
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect()
}

/// Checks that every tensor of the architecture that is made from one tensor of the file has as
/// many values as that. Drops recipes for tensors that the architecture does not have.
pub(super) fn check_and_prune_recipes(
    resolved: &mut ResolvedArchitecture,
    by_name: &BTreeMap<&str, &TensorEntry>,
) -> Translated<()> {
    let expected = resolved.architecture.tensors()?;
    for spec in &expected {
        let source = match resolved.recipes.get(&spec.name) {
            // A part of a tensor is checked when it is taken.
            Some(TensorRecipe::Slice(slice)) if !slice.ranges.is_empty() => continue,
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
