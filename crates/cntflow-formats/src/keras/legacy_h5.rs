//! The legacy layout of `.h5`: the attribute `layer_names` lists the groups of the layers, and the
//! attribute `weight_names` of each group its datasets. A list that is too long for an attribute is
//! split into `layer_names0`, `layer_names1`, and so on.

use std::collections::{HashMap, HashSet};

use cntflow_storage::FormatError;

use super::Layers;
use super::listing::{Listing, OPTIMIZER};
use crate::hdf5::{Hdf5, Texts};

/// The group of weights that belong to no layer.
const TOP_LEVEL: &str = "top_level_model_weights";

/// Lists the tensors; `None` if the file is not of this layout.
///
/// # Errors
/// A list names a group or dataset that is not in the file, or a dataset twice.
pub(super) fn read(hdf5: &Hdf5) -> Result<Option<Listing>, FormatError> {
    let base = ["model_weights", ""].into_iter().find_map(|base| {
        let texts = hdf5.groups.get(base)?;
        Some((base, list(texts, "layer_names")?))
    });
    let Some((base, mut layers)) = base else {
        return Ok(None);
    };
    if !layers.contains(&TOP_LEVEL) && hdf5.groups.contains_key(&join(base, TOP_LEVEL)) {
        layers.push(TOP_LEVEL);
    }
    let datasets = hdf5.datasets.iter().enumerate();
    let index_by_path: HashMap<&str, usize> = datasets
        .map(|(index, dataset)| (&*dataset.path, index))
        .collect();
    let mut is_listed = vec![false; hdf5.datasets.len()];
    let mut listed: Vec<(&str, &str, usize)> = Vec::new();
    for layer in layers {
        let group = join(base, layer);
        let texts = hdf5.groups.get(&group).ok_or_else(|| {
            FormatError::broken(format!("it lists layer {layer}, but has no group {group}"))
        })?;
        for weight in list(texts, "weight_names").unwrap_or_default() {
            let path = join(&group, weight);
            let index = *index_by_path.get(&*path).ok_or_else(|| {
                FormatError::broken(format!(
                    "layer {layer} lists {weight}, but there is no dataset {path}"
                ))
            })?;
            if std::mem::replace(&mut is_listed[index], true) {
                return Err(FormatError::broken(format!(
                    "it lists dataset {path} twice"
                )));
            }
            listed.push((layer, weight, index));
        }
    }
    let mut listing = named_listing(&listed);
    for (index, dataset) in hdf5.datasets.iter().enumerate() {
        if !is_listed[index] {
            let reason = if dataset.path.starts_with("optimizer_weights/") {
                OPTIMIZER
            } else {
                "in no list of weights"
            };
            let unlisted = (dataset.path.clone(), index, Some(reason.to_owned()));
            listing.tensors.push(unlisted);
        }
    }
    Ok(Some(listing))
}

/// Names the tensors as the lists do, with the layer's name in front if those names are not unique
/// in the file.
fn named_listing(listed: &[(&str, &str, usize)]) -> Listing {
    let mut once = HashSet::new();
    let unique = listed.iter().all(|(_, weight, _)| once.insert(*weight));
    let mut tensors = Vec::with_capacity(listed.len());
    let mut layers = Layers::default();
    for &(layer, weight, index) in listed {
        let name = if unique {
            weight.to_owned()
        } else {
            join(layer, weight)
        };
        match layers.in_order.last_mut() {
            Some((last, tensors)) if last == layer => tensors.push(name.clone()),
            _ => layers.in_order.push((layer.to_owned(), vec![name.clone()])),
        }
        tensors.push((name, index, None));
    }
    layers.named = layers.in_order.iter().cloned().collect();
    Listing { tensors, layers }
}

/// The path of something in a group; the root's is empty.
fn join(group: &str, name: &str) -> String {
    match group {
        "" => name.to_owned(),
        _ => format!("{group}/{name}"),
    }
}

/// A list of an attribute, or of the attributes that it was split into.
fn list<'a>(texts: &'a Texts, attribute: &str) -> Option<Vec<&'a str>> {
    let whole = texts.get(attribute);
    let parts = (0..).map_while(|part| texts.get(&format!("{attribute}{part}")));
    let mut lists = whole.into_iter().chain(parts).peekable();
    lists.peek()?;
    Some(lists.flatten().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_split() {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let attributes = Texts::from([
            ("weight_names0".to_owned(), texts(&["b", "a"])),
            ("weight_names1".to_owned(), texts(&["c"])),
            ("weight_names10".to_owned(), texts(&["not next"])),
            ("layer_names".to_owned(), texts(&["x"])),
        ]);
        assert_eq!(list(&attributes, "weight_names").unwrap(), ["b", "a", "c"]);
        assert_eq!(list(&attributes, "layer_names").unwrap(), ["x"]);
        assert_eq!(list(&attributes, "names"), None);
    }

    #[test]
    fn names_that_are_not_unique_get_their_layers() {
        let names = |listed| -> Vec<String> {
            let listing = named_listing(listed);
            listing.tensors.into_iter().map(|(name, ..)| name).collect()
        };
        assert_eq!(names(&[("a", "k:0", 0), ("b", "l:0", 1)]), ["k:0", "l:0"]);
        assert_eq!(
            names(&[("a", "k:0", 0), ("b", "k:0", 1)]),
            ["a/k:0", "b/k:0"]
        );
    }
}
