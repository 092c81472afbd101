//! Modules told from tensors' names: `fc1.weight` and `fc1.bias` are those of the module `fc1`. Prefixes of wrappers are no part of a
//! name, and the names that Keras has for parameters become PyTorch's.

use std::collections::BTreeMap;

use crate::{TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;

/// First parts of names that tell of a wrapper (data parallelism, compilation, training dictionaries), where all weights have them.
const WRAPPERS: [&str; 9] = [
    "module",
    "_orig_mod",
    "model",
    "net",
    "network",
    "state_dict",
    "model_state_dict",
    "params",
    "_module",
];

/// Parameters that modules have, as a name ends in, with PyTorch's names for them.
const PARAMETERS: [(&str, &str); 11] = [
    ("weight", "weight"),
    ("bias", "bias"),
    ("running_mean", "running_mean"),
    ("running_var", "running_var"),
    ("in_proj_weight", "in_proj_weight"),
    ("in_proj_bias", "in_proj_bias"),
    ("kernel", "weight"),
    ("gamma", "weight"),
    ("beta", "bias"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
];

/// What batch norms count their batches in; no weight.
pub(crate) fn is_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

/// Whether a tensor may be a weight of the network.
pub(crate) fn is_weight(tensor: &TensorEntry) -> bool {
    tensor.excluded_because.is_none() && tensor.element.is_real() && !is_counter(&tensor.name)
}

/// A module with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Module<'t> {
    /// Its name, without wrappers.
    pub(super) path: String,
    /// Where the file lists the first of its parameters.
    pub(super) place: usize,
    /// Parameters by PyTorch's names for them.
    pub(super) parameters: BTreeMap<String, &'t TensorEntry>,
    /// Whether kernels lie as Keras has them: inputs before outputs.
    pub(super) inputs_first: bool,
}

impl<'t> Module<'t> {
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.parameters.contains_key(parameter)
    }

    /// Shape of a parameter, a kernel's as PyTorch has it; empty where there is none.
    pub(super) fn shape(&self, parameter: &str) -> Vec<usize> {
        let shape = self
            .parameters
            .get(parameter)
            .map(|tensor| &tensor.shape[..]);
        let shape = shape.unwrap_or_default();
        match self.order(shape.len()) {
            Some(order) if parameter == "weight" => order.iter().map(|&at| shape[at]).collect(),
            _ => shape.to_vec(),
        }
    }

    /// Order of a kernel's dimensions, where it is not PyTorch's.
    fn order(&self, rank: usize) -> Option<&'static [usize]> {
        match rank {
            _ if !self.inputs_first => None,
            2 => Some(&[1, 0]),
            3 => Some(&[2, 1, 0]),
            4 => Some(&[3, 2, 0, 1]),
            _ => None,
        }
    }

    /// The file's tensor as PyTorch has the parameter.
    pub(super) fn excerpt(&self, parameter: &str) -> Option<TensorSlice> {
        let tensor = self.parameters.get(parameter)?;
        Some(match self.order(tensor.shape.len()) {
            Some(order) if parameter == "weight" => TensorSlice::reordered(&*tensor.name, order),
            _ => TensorSlice::whole(&*tensor.name),
        })
    }

    /// What recipes every parameter of the module, by its name in an architecture where the module is called `name`.
    pub(super) fn recipes(&self, name: &str) -> impl Iterator<Item = (String, TensorRecipe)> {
        self.parameters.keys().filter_map(move |parameter| {
            let fill = TensorRecipe::Tensor(self.excerpt(parameter)?);
            Some((format!("{name}.{parameter}"), fill))
        })
    }

    /// Number of dimensions of its kernel, 0 where it has none.
    pub(super) fn rank(&self) -> usize {
        self.parameters
            .get("weight")
            .map_or(0, |tensor| tensor.shape.len())
    }

    /// Whether it is a recurrent layer or cell.
    pub(super) fn is_recurrent(&self) -> bool {
        self.has("weight_ih_l0") || self.has("weight_ih")
    }

    /// Whether it normalises: parameters of one dimension only.
    pub(super) fn is_norm(&self) -> bool {
        self.rank() <= 1 && (self.has("running_mean") || self.has("weight"))
    }

    /// As messages show it.
    pub(super) fn shown(&self) -> String {
        let first = ["weight", "weight_ih_l0", "running_mean"].into_iter();
        let tensor = first
            .filter_map(|parameter| self.parameters.get(parameter))
            .next();
        let tensor = tensor.or_else(|| self.parameters.values().next());
        tensor.map_or_else(
            || self.path.clone(),
            |tensor| format!("{} {:?}", tensor.name, tensor.shape),
        )
    }
}

/// The modules of all weights, in the order they are listed, and the tensors that are no parameter of any.
pub(super) fn modules(tensors: &[TensorEntry]) -> (Vec<Module<'_>>, Vec<(String, &TensorEntry)>) {
    let weights: Vec<(usize, &TensorEntry)> = tensors
        .iter()
        .enumerate()
        .filter(|(_, tensor)| is_weight(tensor))
        .collect();
    let names = weights.iter().map(|(_, tensor)| tensor.name.as_str());
    let wrapped = wrapper(names.collect());
    let mut modules: Vec<Module<'_>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut others = Vec::new();
    for (place, tensor) in weights {
        let name = plain(&tensor.name[wrapped..]);
        let Some((path, parameter, inputs_first)) = parameter(&name) else {
            others.push((name, tensor));
            continue;
        };
        let at = *known.entry(path.clone()).or_insert_with(|| {
            modules.push(Module {
                path,
                place,
                parameters: BTreeMap::new(),
                inputs_first: false,
            });
            modules.len() - 1
        });
        modules[at].inputs_first |= inputs_first;
        modules[at].parameters.insert(parameter, tensor);
    }
    (modules, others)
}

/// A name with dots between its parts, without the `:0` of TensorFlow.
pub(super) fn plain(name: &str) -> String {
    name.strip_suffix(":0").unwrap_or(name).replace('/', ".")
}

/// Module and parameter of a name, and whether it is a kernel by Keras' name.
fn parameter(name: &str) -> Option<(String, String, bool)> {
    let (path, last) = name.rsplit_once('.').filter(|(path, _)| !path.is_empty())?;
    let known = PARAMETERS.iter().find(|(own, _)| *own == last);
    let recurrent = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    let parameter = match known {
        Some((_, parameter)) => *parameter,
        None if recurrent.iter().any(|stem| last.starts_with(stem)) => last,
        None => return None,
    };
    Some((path.to_owned(), parameter.to_owned(), last == "kernel"))
}

/// Bytes of the wrappers' prefixes that all names have.
pub(super) fn wrapper(names: Vec<&str>) -> usize {
    let Some(first) = names.first() else { return 0 };
    let mut length = 0;
    while let Some((part, rest)) = first[length..].split_once('.') {
        let next = length + part.len() + 1;
        let leaves_a_module = |name: &str| name[next..].contains('.');
        let common = names
            .iter()
            .all(|name| name.get(..next) == first.get(..next) && leaves_a_module(name));
        if !WRAPPERS.contains(&part) || !common || rest.is_empty() {
            break;
        }
        length = next;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_go_where_all_have_them() {
        let check = |names: &[&str], expected: usize| assert_eq!(wrapper(names.to_vec()), expected);
        check(&["module.fc.weight", "module.fc.bias"], 7);
        check(&["_orig_mod.module.fc.weight"], 17);
        check(&["module.fc.weight", "fc.bias"], 0);
        check(&["net.weight", "net.bias"], 0);
        check(&["encoder.0.weight", "encoder.0.bias"], 0);
        check(&[], 0);
    }
}
