//! Architectures inferred from lists of names and shapes.

mod chains;
mod islands;
mod recurrent;
mod residual;
mod transformers;

use std::collections::BTreeMap;

use cntflow_formats::{Element, TensorEntry};

use super::{infer, infer_parts};
use crate::{ResolvedArchitecture, TensorRecipe};

fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorEntry> {
    let entry = |(name, shape): &(&str, &[usize])| TensorEntry {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
        excluded_because: None,
    };
    list.iter().map(entry).collect()
}

fn inferred(list: &[(&str, &[usize])]) -> ResolvedArchitecture {
    let resolved = infer(&tensors(list), &BTreeMap::new());
    resolved.unwrap_or_else(|error| panic!("{error}: {list:?}"))
}

fn inferred_with(list: &[(&str, &[usize])], key: &str, value: &str) -> ResolvedArchitecture {
    let metadata = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    infer(&tensors(list), &metadata).unwrap()
}

/// What is known of a list that makes no whole network, and how many of its values have a place.
fn parted(list: &[(&str, &[usize])]) -> ResolvedArchitecture {
    let tensors = tensors(list);
    let reason = infer(&tensors, &BTreeMap::new()).unwrap_err();
    let resolved = infer_parts(&tensors, &BTreeMap::new(), false, reason);
    let resolved = resolved.unwrap_or_else(|error| panic!("{error}: {list:?}"));
    resolved.architecture.plan().unwrap();
    check_recipes(list, &resolved);
    resolved
}

/// Kind, name and sizes of every layer.
fn layers(resolved: &ResolvedArchitecture) -> Vec<String> {
    let layers = serde_json::to_value(&resolved.architecture.layers).unwrap();
    let shown = |layer: &serde_json::Value| {
        let text = |key: &str| layer.get(key).map(ToString::to_string);
        let keys = ["kind", "name", "units", "filters", "kernel"];
        let shown: Vec<String> = keys.into_iter().filter_map(text).collect();
        shown.join(" ").replace('"', "")
    };
    layers.as_array().unwrap().iter().map(shown).collect()
}

/// Every tensor of the architecture is made of one of the file that has as many values.
fn check_recipes(list: &[(&str, &[usize])], resolved: &ResolvedArchitecture) {
    let n_values = |name: &str| {
        let tensor = list.iter().find(|(other, _)| *other == name);
        tensor.map(|(_, shape)| shape.iter().product::<usize>())
    };
    for spec in resolved.architecture.tensors().unwrap() {
        let found = match resolved.recipes.get(&spec.name) {
            None => n_values(&spec.name),
            Some(TensorRecipe::Slice(slice)) if !slice.ranges.is_empty() => continue,
            Some(TensorRecipe::Slice(slice)) => n_values(&slice.tensor),
            Some(TensorRecipe::Zeros | TensorRecipe::Ones) => continue,
            // Made of several tensors, or of a part of one.
            Some(TensorRecipe::Concat(_) | TensorRecipe::Normed(..)) => continue,
        };
        assert_eq!(found, Some(spec.n_values()), "{}", spec.name);
    }
}

/// The layers of a list are these, whatever the order it is listed in.
fn check(list: &[(&str, &[usize])], expected: &[&str]) -> ResolvedArchitecture {
    let resolved = inferred(list);
    assert_eq!(layers(&resolved), expected);
    check_recipes(list, &resolved);
    let mut reordered = list.to_vec();
    for turn in 0..list.len() {
        reordered.rotate_left(1);
        if turn % 2 == 0 {
            reordered.reverse();
        }
        let again = inferred(&reordered);
        assert_eq!(again.architecture, resolved.architecture, "{reordered:?}");
        assert_eq!(again.recipes, resolved.recipes, "{reordered:?}");
    }
    resolved
}

fn check_error(list: &[(&str, &[usize])], expected: &str) {
    let error = infer(&tensors(list), &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}
