//! Modules by their tensors' names: `fc1.weight` and `fc1.bias` are parameters of the module `fc1`.
//! Prefixes of wrappers are no part of a name, and Keras' names of parameters become PyTorch's.

use std::collections::BTreeMap;

use cntflow_formats::TensorEntry;

use super::flax_names;
use super::keras_modules;
use super::module::{Layout, Module};

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
const PARAMETERS: [(&str, &str); 22] = [
    ("weight", "weight"),
    ("bias", "bias"),
    ("running_mean", "running_mean"),
    ("running_var", "running_var"),
    ("in_proj_weight", "in_proj_weight"),
    ("in_proj_bias", "in_proj_bias"),
    ("kernel", "weight"),
    ("recurrent_kernel", "recurrent_kernel"),
    ("depthwise_kernel", "weight"),
    ("pointwise_kernel", "weight"),
    ("filters", "weight"),
    ("weights", "weight"),
    ("biases", "bias"),
    ("depthwise_filter", "weight"),
    ("pointwise_filter", "weight"),
    ("embeddings", "weight"),
    ("embedding", "weight"),
    ("gamma", "weight"),
    ("scale", "weight"),
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
        let is_named_as_tensorflow_does = tensor.name.contains('/') || !is_of_tensorflow(&name);
        let found = parameter(&name).filter(|_| is_named_as_tensorflow_does);
        let Some((path, parameter, layout)) = found else {
            others.push((name, tensor));
            continue;
        };
        let module = *by_path.entry(path.clone()).or_insert_with(|| {
            modules.push(Module {
                path,
                index,
                parameters: BTreeMap::new(),
                layout: Layout::default(),
            });
            modules.len() - 1
        });
        // Two names may stand for one parameter, `embedding` and `scale` say: the first has it.
        if modules[module].has(&parameter) {
            others.push((name, tensor));
            continue;
        }
        if layout != Layout::OutputsFirst {
            modules[module].layout = layout;
        }
        modules[module].parameters.insert(parameter, tensor);
    }
    (keras_modules::joined(modules), others)
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

/// Whether the last part of a name is one that TensorFlow gives, with slashes before it. With dots
/// before it, such a name tells nothing.
fn is_of_tensorflow(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    ["filters", "weights", "biases"].contains(&last)
}

/// Module and parameter of a name, and how a kernel of that name is laid out.
fn parameter(name: &str) -> Option<(String, String, Layout)> {
    let (path, last) = name.rsplit_once('.').filter(|(path, _)| !path.is_empty())?;
    let listed = PARAMETERS.iter().find(|(name, _)| *name == last);
    let recurrent = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    let parameter = match listed {
        Some((_, parameter)) => *parameter,
        None if recurrent.iter().any(|stem| last.starts_with(stem)) => last,
        None => return None,
    };
    let layout = match last {
        "kernel" | "pointwise_kernel" | "filters" | "weights" | "pointwise_filter" => {
            Layout::InputsFirst
        }
        "depthwise_kernel" | "depthwise_filter" => Layout::Depthwise,
        "embeddings" | "embedding" => Layout::Table,
        _ => Layout::OutputsFirst,
    };
    // A separable convolution is two modules.
    let path = match last {
        "depthwise_kernel" | "depthwise_filter" => format!("{path}.{}", keras_modules::DEPTHWISE),
        _ => path.to_owned(),
    };
    Some((path, parameter.to_owned(), layout))
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
