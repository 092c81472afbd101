//! Tensors of a given architecture in a file whose names are the architecture's behind a prefix.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_formats::TensorEntry;
use cntflow_network::{Architecture, TensorSpec};

use super::modules::is_weight;
use crate::recipe::{TensorRecipe, TensorSlice};

/// Recipes of the architecture's tensors, and what they assume. Both are empty where the names need
/// no prefix, or where no prefix gives all of them.
pub(crate) fn prefixed_recipes(
    architecture: &Architecture,
    tensors: &[TensorEntry],
) -> (BTreeMap<String, TensorRecipe>, Vec<String>) {
    let expected = architecture.tensors().unwrap_or_default();
    let names: BTreeSet<&str> = tensors
        .iter()
        .filter(|tensor| is_weight(tensor))
        .map(|tensor| tensor.name.as_str())
        .collect();
    let prefixes = prefixes(&expected, &names);
    let Some(prefix) = prefixes.first() else {
        return (BTreeMap::new(), Vec::new());
    };
    let assumptions = match prefixes.len() {
        1 => Vec::new(),
        n => vec![format!(
            "the file has all its tensors under {n} prefixes: the shortest, {prefix}, is taken"
        )],
    };
    let recipe = |spec: TensorSpec| {
        let whole = TensorSlice::whole(format!("{prefix}{}", spec.name));
        (spec.name, TensorRecipe::Slice(whole))
    };
    (expected.into_iter().map(recipe).collect(), assumptions)
}

/// Prefixes behind which all expected names are, the shortest first; none where the names are there
/// without one.
fn prefixes<'n>(expected: &[TensorSpec], names: &BTreeSet<&'n str>) -> Vec<&'n str> {
    let missing = expected.iter().find(|spec| !names.contains(&*spec.name));
    let Some(missing) = missing else {
        return Vec::new();
    };
    let has_all = |prefix: &&str| {
        let mut all = expected.iter();
        all.all(|spec| names.contains(&*format!("{prefix}{}", spec.name)))
    };
    let mut prefixes: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(&*missing.name))
        .filter(|prefix| prefix.ends_with(['.', '/']))
        .filter(has_all)
        .collect();
    prefixes.sort_by_key(|prefix| prefix.len());
    prefixes
}
