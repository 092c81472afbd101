//! Modules by their tensors' names: `fc1.weight` and `fc1.bias` are parameters of the module `fc1`.
//! Prefixes of wrappers are no part of a name, and Keras' names of parameters become PyTorch's.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use super::flax_names;
use crate::recipe::{TensorRecipe, TensorSlice};

/// First parts of names that wrappers add to all weights: data parallelism, compilation, training
/// dictionaries.
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

/// Last parts of names that are parameters of modules, with PyTorch's names for them.
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

/// Whether a tensor is the counter of batches that batch norms keep beside their weights.
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
    /// Index in the file's list of its first parameter.
    pub(super) index: usize,
    /// Parameters by PyTorch's names for them.
    pub(super) parameters: BTreeMap<String, &'t TensorEntry>,
    /// Whether its kernel has the inputs before the outputs, as Keras has it.
    pub(super) inputs_first: bool,
}

impl<'t> Module<'t> {
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.parameters.contains_key(parameter)
    }

    /// Shape of a parameter; empty if the module has no such parameter. A kernel's shape has the
    /// outputs first, however the file has them.
    pub(super) fn shape(&self, parameter: &str) -> Vec<usize> {
        let shape = self
            .parameters
            .get(parameter)
            .map(|tensor| &tensor.shape[..]);
        let shape = shape.unwrap_or_default();
        match self.outputs_first(shape.len()) {
            Some(permutation) if parameter == "weight" => {
                permutation.iter().map(|&dim| shape[dim]).collect()
            }
            _ => shape.to_vec(),
        }
    }

    /// The permutation that puts a kernel's outputs first; `None` where they are first already.
    fn outputs_first(&self, rank: usize) -> Option<&'static [usize]> {
        match rank {
            _ if !self.inputs_first => None,
            2 => Some(&[1, 0]),
            3 => Some(&[2, 1, 0]),
            4 => Some(&[3, 2, 0, 1]),
            _ => None,
        }
    }

    /// The parameter as PyTorch has it, as a slice of the file's tensor.
    pub(super) fn slice(&self, parameter: &str) -> Option<TensorSlice> {
        let tensor = self.parameters.get(parameter)?;
        Some(match self.outputs_first(tensor.shape.len()) {
            Some(permutation) if parameter == "weight" => {
                TensorSlice::permuted(&*tensor.name, permutation)
            }
            _ => TensorSlice::whole(&*tensor.name),
        })
    }

    /// Recipes of all its parameters, by the names that they have in an architecture whose layer
    /// has the module's name.
    pub(super) fn recipes(&self) -> impl Iterator<Item = (String, TensorRecipe)> {
        self.parameters.keys().filter_map(|parameter| {
            let recipe = TensorRecipe::Slice(self.slice(parameter)?);
            Some((format!("{}.{parameter}", self.path), recipe))
        })
    }

    /// Number of dimensions of its kernel, 0 if it has none.
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

    /// Whether its kernel of two dimensions holds a vector for every token.
    pub(super) fn is_embedding(&self) -> bool {
        let path = self.path.to_ascii_lowercase();
        let is_named = path.contains("emb") || path.ends_with("wte") || path.ends_with("tokens");
        is_named && !self.has("bias") && !path.contains("patch")
    }

    /// As messages show it: its kernel, or another tensor, with the shape.
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

/// The modules of all weights, in the order they are listed, and the weights that are no parameter
/// of any, with their names.
pub(super) fn modules(tensors: &[TensorEntry]) -> (Vec<Module<'_>>, Vec<(String, &TensorEntry)>) {
    let weights: Vec<(usize, &TensorEntry)> = tensors
        .iter()
        .enumerate()
        .filter(|(_, tensor)| is_weight(tensor))
        .collect();
    let names: Vec<&str> = weights.iter().map(|(_, tensor)| &*tensor.name).collect();
    let prefix_length = wrapper_prefix_length(&names);
    let has_trees = flax_names::has_two_trees(&names);
    let mut modules: Vec<Module<'_>> = Vec::new();
    let mut by_path: BTreeMap<String, usize> = BTreeMap::new();
    let mut others = Vec::new();
    for (index, tensor) in weights {
        let name = torch_name(&tensor.name, prefix_length, has_trees);
        let Some((path, parameter, inputs_first)) = parameter(&name) else {
            others.push((name, tensor));
            continue;
        };
        let module = *by_path.entry(path.clone()).or_insert_with(|| {
            modules.push(Module {
                path,
                index,
                parameters: BTreeMap::new(),
                inputs_first: false,
            });
            modules.len() - 1
        });
        modules[module].inputs_first |= inputs_first;
        modules[module].parameters.insert(parameter, tensor);
    }
    (modules, others)
}

/// A name without its wrappers, as PyTorch would have it.
fn torch_name(name: &str, prefix_length: usize, has_trees: bool) -> String {
    let inner = if has_trees {
        flax_names::without_tree(name)
    } else {
        &name[prefix_length..]
    };
    let dotted = dotted(inner);
    match (flax_names::last_part(inner), dotted.rsplit_once('.')) {
        (Some(last), Some((path, _))) => format!("{path}.{last}"),
        _ => dotted,
    }
}

/// A name with dots between its parts, without the `:0` of TensorFlow.
pub(super) fn dotted(name: &str) -> String {
    name.strip_suffix(":0").unwrap_or(name).replace('/', ".")
}

/// Module and parameter of a name, and whether it is a kernel by Keras' name.
fn parameter(name: &str) -> Option<(String, String, bool)> {
    let (path, last) = name.rsplit_once('.').filter(|(path, _)| !path.is_empty())?;
    let listed = PARAMETERS.iter().find(|(name, _)| *name == last);
    let recurrent = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    let parameter = match listed {
        Some((_, parameter)) => *parameter,
        None if recurrent.iter().any(|stem| last.starts_with(stem)) => last,
        None => return None,
    };
    Some((path.to_owned(), parameter.to_owned(), last == "kernel"))
}

/// Length in bytes of the wrappers' prefix that all names have. What is left of every name still
/// holds a module and a parameter.
pub(crate) fn wrapper_prefix_length(names: &[&str]) -> usize {
    let Some(first) = names.first() else { return 0 };
    let mut length = 0;
    while let Some((part, rest)) = first[length..].split_once('.') {
        let next = length + part.len() + 1;
        let is_common = names
            .iter()
            .all(|name| name.get(..next) == first.get(..next) && name[next..].contains('.'));
        if !WRAPPERS.contains(&part) || !is_common || rest.is_empty() {
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
    fn wrappers_are_stripped_where_all_names_have_them() {
        let check =
            |names: &[&str], expected: usize| assert_eq!(wrapper_prefix_length(names), expected);
        check(&["module.fc.weight", "module.fc.bias"], 7);
        check(&["_orig_mod.module.fc.weight"], 17);
        check(&["module.fc.weight", "fc.bias"], 0);
        check(&["net.weight", "net.bias"], 0);
        check(&["encoder.0.weight", "encoder.0.bias"], 0);
        check(&[], 0);
    }
}
