//! Lists of kernels and biases without names of layers, as `.npy` and `.npz` files have them: `0, 1, 2, ...`, `arr_0, arr_1, ...`.
//!
//! Every tensor of two dimensions or more is a kernel; one of a single dimension is the bias of the kernel before it, or, where the
//! first is one, of that behind it. Whether kernels have their outputs first, as PyTorch's, or last, as Keras', is told by the biases
//! and by which of them makes a chain.

use std::collections::BTreeMap;

use super::hints::Hints;
use super::names::{Module, plain};
use super::{Inferred, in_order};
use cntflow_formats::TensorEntry;

/// Tells the architecture of a list.
///
/// # Errors
/// It makes no chain either way.
pub(super) fn infer(tensors: &[(String, &TensorEntry)], hints: Hints) -> Result<Inferred, String> {
    let mut ordered: Vec<&(String, &TensorEntry)> = tensors.iter().collect();
    if ordered
        .iter()
        .all(|(name, _)| name.ends_with(|c: char| c.is_ascii_digit()))
    {
        ordered.sort_by(|a, b| alphanumeric_sort::compare_str(&a.0, &b.0));
    }
    let listed: Vec<&TensorEntry> = ordered.iter().map(|(_, tensor)| *tensor).collect();
    let [keras, torch] = [true, false].map(|inputs_first| {
        let modules = paired(&listed, inputs_first)?;
        in_order(&modules.iter().collect::<Vec<_>>(), hints)
    });
    let both = keras.is_ok() && torch.is_ok();
    let mut inferred = keras.or_else(|reason| torch.map_err(|_| reason))?;
    inferred.assumptions.push(match both {
        true => "the tensors have no names of layers: they are taken for a chain in their order, kernels with their inputs first, as \
                 Keras has them, but the other way fits as well"
            .to_owned(),
        false => "the tensors have no names of layers: they are taken for a chain in their order".to_owned(),
    });
    Ok(inferred)
}

fn paired<'t>(listed: &[&'t TensorEntry], inputs_first: bool) -> Result<Vec<Module<'t>>, String> {
    let biases_first = listed.first().is_some_and(|tensor| tensor.shape.len() == 1);
    let mut modules: Vec<Module<'t>> = Vec::new();
    let mut waiting = None;
    for (place, tensor) in listed.iter().enumerate() {
        if tensor.shape.len() > 1 {
            let mut parameters = BTreeMap::from([("weight".to_owned(), *tensor)]);
            parameters.extend(waiting.take().map(|bias| ("bias".to_owned(), bias)));
            modules.push(Module {
                path: plain(&tensor.name),
                place,
                parameters,
                inputs_first,
            });
        } else if biases_first && waiting.is_none() {
            waiting = Some(*tensor);
        } else {
            let module = modules
                .last_mut()
                .filter(|module| !biases_first && !module.has("bias"));
            let module = module.ok_or_else(|| unpaired(tensor))?;
            module.parameters.insert("bias".to_owned(), tensor);
        }
    }
    match waiting {
        Some(bias) => Err(unpaired(bias)),
        None => Ok(modules),
    }
}

fn unpaired(tensor: &TensorEntry) -> String {
    format!(
        "{} {:?} is the bias of no kernel",
        tensor.name, tensor.shape
    )
}
