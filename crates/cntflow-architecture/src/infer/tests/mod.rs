//! Architectures told from lists of names and shapes.

mod chains;
mod recurrent;
mod residual;
mod transformers;

use std::collections::BTreeMap;

use super::{Inferred, infer};
use crate::TensorRecipe;
use cntflow_formats::{Element, TensorEntry};

fn tensors(list: &[(&str, &[usize])]) -> Vec<TensorEntry> {
    let entry = |(name, shape): &(&str, &[usize])| TensorEntry {
        name: (*name).to_owned(),
        shape: shape.to_vec(),
        element: Element::F32,
        excluded_because: None,
    };
    list.iter().map(entry).collect()
}

fn told(list: &[(&str, &[usize])]) -> Inferred {
    let inferred = infer(&tensors(list), &BTreeMap::new());
    inferred.unwrap_or_else(|reason| panic!("{reason}: {list:?}"))
}

fn told_with(list: &[(&str, &[usize])], key: &str, value: &str) -> Inferred {
    let metadata = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    infer(&tensors(list), &metadata).unwrap()
}

/// The layers as JSON, without what is by default.
fn layers(inferred: &Inferred) -> Vec<String> {
    let layers = serde_json::to_value(&inferred.architecture.layers).unwrap();
    let shown = |layer: &serde_json::Value| {
        let text = |key: &str| layer.get(key).map(ToString::to_string);
        let keys = ["kind", "name", "units", "filters", "kernel"];
        let shown: Vec<String> = keys.into_iter().filter_map(text).collect();
        shown.join(" ").replace('"', "")
    };
    layers.as_array().unwrap().iter().map(shown).collect()
}

/// Every tensor that the architecture wants is filled by one of the file that has as many values.
fn check_fills(list: &[(&str, &[usize])], inferred: &Inferred) {
    let values = |name: &str| {
        let found = list.iter().find(|(own, _)| *own == name);
        found.map(|(_, shape)| shape.iter().product::<usize>())
    };
    for spec in inferred.architecture.tensors().unwrap() {
        let found = match inferred.recipes.get(&spec.name) {
            None => values(&spec.name),
            Some(TensorRecipe::Tensor(excerpt)) => values(&excerpt.tensor),
            Some(TensorRecipe::Zeros | TensorRecipe::Ones) => continue,
            Some(TensorRecipe::Joined(_)) => None,
        };
        assert_eq!(found, Some(spec.n_values()), "{}", spec.name);
    }
}

/// The layers of a list are these, whatever the order it is listed in.
fn check(list: &[(&str, &[usize])], expected: &[&str]) -> Inferred {
    let inferred = told(list);
    assert_eq!(layers(&inferred), expected);
    check_fills(list, &inferred);
    let mut other = list.to_vec();
    for turn in 0..list.len() {
        other.rotate_left(1);
        if turn % 2 == 0 {
            other.reverse();
        }
        let again = told(&other);
        assert_eq!(again.architecture, inferred.architecture, "{other:?}");
        assert_eq!(again.recipes, inferred.recipes, "{other:?}");
    }
    inferred
}

fn refused(list: &[(&str, &[usize])], expected: &str) {
    let reason = infer(&tensors(list), &BTreeMap::new()).unwrap_err();
    assert!(reason.contains(expected), "{reason}");
}
