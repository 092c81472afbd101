//! The layout of `.weights.h5`: the variables of an object are the datasets `vars/0`, `vars/1`, ...
//! of its group. A layer's group is named after its class, with `_1`, `_2`, ... for further layers
//! of the class. Since Keras 3.6 `vars` has the layer's own name as an attribute.

use std::collections::BTreeMap;

use super::Layers;
use super::listing::{Listing, OPTIMIZER};
use crate::hdf5::Hdf5;

/// Groups that contain layers, in Keras 3 and in earlier versions.
const CONTAINERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// Parts of layers in the order in which Keras lists their variables; those of the layer itself
/// come before them.
const PART_ORDER: [&str; 7] = [
    "forward_layer",
    "backward_layer",
    "query_dense",
    "key_dense",
    "value_dense",
    "output_dense",
    "cell",
];

/// Lists the variables; `None` if the file is not of this layout.
pub(super) fn read(hdf5: &Hdf5) -> Option<Listing> {
    let is_variable = |path: &str| {
        let mut steps = path.rsplit('/');
        let number = steps.next().is_some_and(|last| last.parse::<u32>().is_ok());
        number && steps.next() == Some("vars")
    };
    let mut listing = Listing::default();
    let mut groups: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    let mut has_variables = false;
    for (index, dataset) in hdf5.datasets.iter().enumerate() {
        has_variables |= is_variable(&dataset.path);
        let path = dataset.path.clone();
        if let Some((group, part)) = layer_of(&dataset.path) {
            let of_layer = groups.entry(group).or_default();
            of_layer.push((part, path.clone()));
        }
        let excluded_because = excluded_because(&path).map(str::to_owned);
        listing.tensors.push((path, index, excluded_because));
    }
    listing.layers = layers(hdf5, groups);
    has_variables.then_some(listing)
}

/// Why a variable is no weight.
fn excluded_because(path: &str) -> Option<&'static str> {
    let first = path.split('/').next().unwrap_or_default();
    match first {
        "optimizer" => Some(OPTIMIZER),
        "metrics" | "_metrics" | "compile_metrics" | "_compile_metrics" | "loss_tracker"
        | "_loss_tracker" => Some("state of a metric"),
        _ if path.contains("seed_generator/") => Some("state of a random generator"),
        _ => None,
    }
}

/// The group of the layer that a variable belongs to, and its part of the layer.
fn layer_of(path: &str) -> Option<(String, &str)> {
    let (container, rest) = path.split_once('/')?;
    let (group, rest) = rest.split_once('/')?;
    let (part, _) = rest.rsplit_once("vars/")?;
    CONTAINERS
        .contains(&container)
        .then(|| (format!("{container}/{group}"), part.trim_end_matches('/')))
}

/// Sorts the variables of each layer in the order of Keras' own list of weights. Those of one
/// object already are in order.
fn layers(hdf5: &Hdf5, groups: BTreeMap<String, Vec<(&str, String)>>) -> Layers {
    let mut layers = Layers::default();
    let mut layers_by_group = Vec::new();
    for (group, mut variables) in groups {
        variables.retain(|(part, _)| !part.contains("seed_generator"));
        variables.sort_by_key(|(part, _)| {
            let first = part.split('/').next().unwrap_or_default();
            PART_ORDER.iter().position(|&part| part == first)
        });
        let tensors: Vec<String> = variables.into_iter().map(|(_, path)| path).collect();
        let group_name = group.split('/').next_back().unwrap_or_default();
        let name = hdf5.text(&format!("{group}/vars"), "name");
        if let Some(name) = name {
            layers.named.insert(name.to_owned(), tensors.clone());
        }
        let name = name.unwrap_or(group_name).to_owned();
        layers_by_group.push((group_name.to_owned(), (name, tensors.clone())));
        layers.counted.insert(group_name.to_owned(), tensors);
    }
    // Numbers count the layers of one class, so they show the order of all layers only if there is
    // one class. Only `dense` is accepted: weights alone tell no network but a chain of dense
    // layers.
    layers_by_group.retain(|(_, (_, tensors))| !tensors.is_empty());
    if layers_by_group
        .iter()
        .all(|(group, _)| class(group) == "dense")
    {
        layers_by_group.sort_by(|a, b| alphanumeric_sort::compare_str(&a.0, &b.0));
        layers.in_order = layers_by_group
            .into_iter()
            .map(|(_, layer)| layer)
            .collect();
    }
    layers
}

/// The class in the name of a group, without its number.
fn class(group: &str) -> &str {
    match group.rsplit_once('_') {
        Some((class, number)) if number.parse::<u32>().is_ok() => class,
        _ => group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_belongs_to_a_layer_and_a_part() {
        let group = |path| layer_of(path).map(|(group, part)| format!("{group}|{part}"));
        assert_eq!(group("layers/dense/vars/0").unwrap(), "layers/dense|");
        assert_eq!(
            group("layers/bidirectional/forward_layer/cell/vars/2").unwrap(),
            "layers/bidirectional|forward_layer/cell"
        );
        assert_eq!(group("optimizer/vars/1"), None);
        assert_eq!(group("vars/0"), None);
    }

    #[test]
    fn variables_that_are_no_weights_are_excluded() {
        assert_eq!(excluded_because("optimizer/vars/3"), Some(OPTIMIZER));
        assert_eq!(
            excluded_because("layers/dropout/seed_generator/vars/0"),
            Some("state of a random generator")
        );
        assert_eq!(excluded_because("layers/optimizer/vars/0"), None);
    }
}
