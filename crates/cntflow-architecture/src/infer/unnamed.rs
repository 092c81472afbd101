//! Lists of kernels and biases without names of layers, as `.npy` and `.npz` files have them: `0,
//! 1, 2, ...`, `arr_0, arr_1, ...`.
//!
//! Every tensor of two dimensions or more is a kernel. A tensor of one dimension is the bias of the
//! kernel before it or, where the list begins with one, of the kernel behind it. Whether kernels
//! have their outputs first, as PyTorch has them, or last, as Keras has them, is decided by the
//! lengths of the biases and by which of the two makes a chain.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use super::chain::infer_chain;
use super::hints::Hints;
use super::modules::{Module, dotted};
use crate::error::{Translated, TranslationError, unsupported};
use crate::resolved::ResolvedArchitecture;

/// Infers the architecture of a list.
///
/// # Errors
/// It makes no chain either way.
pub(super) fn infer(
    tensors: &[(String, &TensorEntry)],
    hints: Hints,
) -> Translated<ResolvedArchitecture> {
    let mut ordered: Vec<&(String, &TensorEntry)> = tensors.iter().collect();
    let is_numbered = ordered
        .iter()
        .all(|(name, _)| name.ends_with(|c: char| c.is_ascii_digit()));
    if is_numbered {
        ordered.sort_by(|a, b| alphanumeric_sort::compare_str(&a.0, &b.0));
    }
    let list: Vec<&TensorEntry> = ordered.iter().map(|(_, tensor)| *tensor).collect();
    let chain_of = |inputs_first: bool| {
        let modules = pair(&list, inputs_first)?;
        infer_chain(&modules.iter().collect::<Vec<_>>(), hints)
    };
    let (keras, torch) = (chain_of(true), chain_of(false));
    let both_fit = keras.is_ok() && torch.is_ok();
    let mut resolved = keras.or_else(|error| torch.map_err(|_| error))?;
    let assumption = if both_fit {
        "the tensors have no names of layers: they are taken for a chain in their order, kernels with their inputs first, as Keras has \
         them, but the other way fits as well"
    } else {
        "the tensors have no names of layers: they are taken for a chain in their order"
    };
    resolved.assumptions.push(assumption.to_owned());
    Ok(resolved)
}

/// Modules of the kernels, each with its bias.
fn pair<'t>(list: &[&'t TensorEntry], inputs_first: bool) -> Translated<Vec<Module<'t>>> {
    let biases_first = list.first().is_some_and(|tensor| tensor.shape.len() == 1);
    let mut modules: Vec<Module<'t>> = Vec::new();
    // A bias whose kernel comes next.
    let mut pending = None;
    for (index, tensor) in list.iter().enumerate() {
        if tensor.shape.len() > 1 {
            let mut parameters = BTreeMap::from([("weight".to_owned(), *tensor)]);
            parameters.extend(pending.take().map(|bias| ("bias".to_owned(), bias)));
            modules.push(Module {
                path: dotted(&tensor.name),
                index,
                parameters,
                inputs_first,
            });
        } else if biases_first && pending.is_none() {
            pending = Some(*tensor);
        } else {
            let module = modules
                .last_mut()
                .filter(|module| !biases_first && !module.has("bias"));
            let module = module.ok_or_else(|| unpaired(tensor, "precedes"))?;
            module.parameters.insert("bias".to_owned(), tensor);
        }
    }
    match pending {
        Some(bias) => Err(unpaired(bias, "follows")),
        None => Ok(modules),
    }
}

/// The error of a bias without a kernel.
fn unpaired(bias: &TensorEntry, position: &str) -> TranslationError {
    unsupported(format!(
        "no kernel with {} outputs {position} the bias {} {:?}",
        bias.n_values(),
        bias.name,
        bias.shape
    ))
}
