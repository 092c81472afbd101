//! Lists of kernels and biases without names of layers, as `.npy` and `.npz` files have them: `0,
//! 1, 2, ...`, `arr_0, arr_1, ...`.
//!
//! Every tensor of two dimensions or more is a kernel. A tensor of one dimension is the bias of the
//! kernel before it or, where the list begins with one, of the kernel behind it. Four vectors
//! behind a kernel or its bias are a batch norm. Whether kernels have their outputs first, as
//! PyTorch has them, or last, as Keras has them, is decided by the lengths of the biases and by
//! which of the two makes a chain.

use cntflow_formats::TensorEntry;

use super::chain::infer_chain;
use super::hints::Hints;
use super::module::{Layout, Module};
use super::modules::dotted;
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
    let chain_of = |layout: Layout| {
        let modules = pair(&list, layout)?;
        infer_chain(&modules.iter().collect::<Vec<_>>(), hints)
    };
    let (keras, torch) = (
        chain_of(Layout::InputsFirst),
        chain_of(Layout::OutputsFirst),
    );
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

/// Modules of the kernels, each with its bias and the norm behind it.
///
/// # Errors
/// A vector belongs to no kernel.
pub(super) fn pair<'t>(list: &[&'t TensorEntry], layout: Layout) -> Translated<Vec<Module<'t>>> {
    if list.first().is_some_and(|tensor| tensor.shape.len() == 1) {
        return pair_biases_first(list, layout);
    }
    let mut modules: Vec<Module<'t>> = Vec::new();
    let mut at = 0;
    while let Some(kernel) = list.get(at) {
        if let Some(recurrent) =
            recurrent(&list[at..], at).filter(|_| layout == Layout::InputsFirst)
        {
            at += recurrent.parameters.len();
            modules.push(recurrent);
            continue;
        }
        let behind = &list[at + 1..];
        let n_vectors = behind
            .iter()
            .take_while(|tensor| tensor.shape.len() == 1)
            .count();
        let vectors = &behind[..n_vectors];
        let has_bias = matches!(n_vectors, 1 | 5);
        let (bias, norm) = vectors.split_at(usize::from(has_bias));
        let mut parameters = vec![("weight", *kernel)];
        parameters.extend(bias.iter().map(|bias| ("bias", *bias)));
        modules.push(module(at, layout, parameters));
        let names: &[&str] = match norm.len() {
            0 => &[],
            4 => &["weight", "bias", "running_mean", "running_var"],
            _ => return Err(unpaired(vectors[vectors.len() - 1], "precedes")),
        };
        if !names.is_empty() {
            let parameters = names.iter().copied().zip(norm.iter().copied()).collect();
            modules.push(module(
                at + 1 + bias.len(),
                Layout::OutputsFirst,
                parameters,
            ));
        }
        at += 1 + n_vectors;
    }
    Ok(modules)
}

/// A module that is named after its first tensor.
fn module<'t>(
    index: usize,
    layout: Layout,
    parameters: Vec<(&str, &'t TensorEntry)>,
) -> Module<'t> {
    let path = parameters.first().map(|(_, tensor)| dotted(&tensor.name));
    let named = parameters.into_iter();
    Module {
        path: path.unwrap_or_default(),
        index,
        parameters: named
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .collect(),
        layout,
    }
}

/// The recurrent layer of Keras that a list begins with: `[n_in, gates * units]`,
/// `[units, gates * units]` and a bias of one or, for a GRU, two rows of `gates * units`.
fn recurrent<'t>(list: &[&'t TensorEntry], index: usize) -> Option<Module<'t>> {
    let [kernel, state, behind @ ..] = list else {
        return None;
    };
    let (&[_, columns], &[units, state_columns]) = (&kernel.shape[..], &state.shape[..]) else {
        return None;
    };
    // One gate would make any square kernel behind another one a recurrent one.
    let is_gated = [3, 4]
        .iter()
        .any(|n| units.checked_mul(*n) == Some(columns));
    if columns != state_columns || !is_gated {
        return None;
    }
    let mut parameters = vec![("weight", *kernel), ("recurrent_kernel", *state)];
    let bias = behind.first().filter(|bias| {
        bias.shape == [columns] || (bias.shape == [2, columns] && units * 3 == columns)
    });
    // Without a bias, two dense kernels may have these shapes as well.
    parameters.push(("bias", *bias?));
    Some(module(index, Layout::InputsFirst, parameters))
}

/// Modules of a list in which each bias stands before its kernel.
fn pair_biases_first<'t>(list: &[&'t TensorEntry], layout: Layout) -> Translated<Vec<Module<'t>>> {
    let mut modules: Vec<Module<'t>> = Vec::new();
    // A bias whose kernel comes next.
    let mut pending = None;
    for (index, tensor) in list.iter().enumerate() {
        match (tensor.shape.len(), pending.take()) {
            (1, None) => pending = Some(*tensor),
            (1, Some(_)) => return Err(unpaired(tensor, "follows")),
            (_, bias) => {
                let mut parameters = vec![("weight", *tensor)];
                parameters.extend(bias.map(|bias| ("bias", bias)));
                modules.push(module(index, layout, parameters));
            }
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
