//! Tensors of an architecture that is told, in a file whose names have a prefix more.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_network::Architecture;

use super::names::is_weight;
use crate::{TensorRecipe, TensorSlice};
use cntflow_formats::TensorEntry;

/// What recipes the architecture where the file's names are its own behind a prefix, and what is doubtful about that. Empty where the
/// names are the same, or no prefix gives all of them.
pub(crate) fn fills_by_suffix(
    architecture: &Architecture,
    tensors: &[TensorEntry],
) -> (BTreeMap<String, TensorRecipe>, Vec<String>) {
    let nothing = || (BTreeMap::new(), Vec::new());
    let wanted = architecture.tensors().unwrap_or_default();
    let names: BTreeSet<&str> = tensors
        .iter()
        .filter(|tensor| is_weight(tensor))
        .map(|tensor| tensor.name.as_str())
        .collect();
    let Some(missing) = wanted.iter().find(|spec| !names.contains(&*spec.name)) else {
        return nothing();
    };
    let prefixes = names
        .iter()
        .filter_map(|name| name.strip_suffix(&*missing.name));
    let mut prefixes: Vec<&str> = prefixes
        .filter(|prefix| prefix.ends_with(['.', '/']))
        .filter(|prefix| {
            let mut all = wanted.iter();
            all.all(|spec| names.contains(&*format!("{prefix}{}", spec.name)))
        })
        .collect();
    prefixes.sort_by_key(|prefix| prefix.len());
    let Some(prefix) = prefixes.first() else {
        return nothing();
    };
    let fill = |spec: cntflow_network::TensorSpec| {
        let whole = TensorSlice::whole(format!("{prefix}{}", spec.name));
        (spec.name, TensorRecipe::Tensor(whole))
    };
    let assumptions = match prefixes.len() {
        1 => Vec::new(),
        n => vec![format!(
            "its tensors are there behind {n} prefixes: {prefix} is taken, the shortest"
        )],
    };
    (wanted.into_iter().map(fill).collect(), assumptions)
}
