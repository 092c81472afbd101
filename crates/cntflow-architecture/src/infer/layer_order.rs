//! The order of modules: by their names in natural order, after words that say where in a network a
//! module stands.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::module::Module;
use crate::error::{Translated, unsupported};

/// Words that names begin with, and how early such modules stand: the smallest first, 0 for names
/// without one.
const POSITION_WORDS: [(&str, i32); 33] = [
    ("wte", -5),
    ("word_embedding", -5),
    ("tok", -5),
    ("token_type", -3),
    ("embed", -4),
    ("emb", -4),
    ("patch", -4),
    ("wpe", -4),
    ("stem", -4),
    ("input", -4),
    ("first", -4),
    ("feature", -2),
    ("backbone", -2),
    ("encoder", -2),
    ("conv", -1),
    ("decoder", 1),
    ("fc", 2),
    ("linear", 2),
    ("dense", 2),
    ("lin", 2),
    ("norm", 3),
    ("ln_f", 3),
    ("layernorm", 3),
    ("final", 4),
    ("last", 4),
    ("pooler", 4),
    ("pre_logits", 5),
    ("classifier", 5),
    ("head", 5),
    ("output", 5),
    ("out", 5),
    ("logits", 5),
    ("lm_head", 6),
];

/// Compares the paths of two modules: part by part, the words first, then in natural order.
pub(super) fn by_path(a: &str, b: &str) -> Ordering {
    let first_difference = a.split('.').zip(b.split('.')).find(|(a, b)| a != b);
    let natural = || alphanumeric_sort::compare_str(a, b);
    first_difference.map_or_else(natural, |(a, b)| rank(a).cmp(&rank(b)).then_with(natural))
}

/// How early a part of a name says that its module stands. The longest word counts.
pub(super) fn rank(part: &str) -> i32 {
    let lower = part.to_ascii_lowercase();
    let matching = POSITION_WORDS
        .iter()
        .filter(|(word, _)| lower.starts_with(word));
    matching
        .max_by_key(|(word, _)| word.len())
        .map_or(0, |(_, rank)| *rank)
}

/// Kernels, each directly followed by its norms.
///
/// # Errors
/// A norm belongs to no kernel.
pub(super) fn with_norms<'m, 't>(
    kernels: &[&'m Module<'t>],
    norms: &[&'m Module<'t>],
) -> Translated<Vec<&'m Module<'t>>> {
    let mut norms_behind: Vec<Vec<&Module<'_>>> = vec![Vec::new(); kernels.len()];
    let places = NormPlaces::of(kernels);
    for norm in norms {
        let kernel = places.kernel_of(norm).ok_or_else(|| {
            unsupported(format!(
                "the norm {} follows no layer of as many units",
                norm.shown()
            ))
        })?;
        norms_behind[kernel].push(norm);
    }
    let groups = kernels.iter().zip(norms_behind);
    Ok(groups
        .flat_map(|(kernel, norms)| std::iter::once(*kernel).chain(norms))
        .collect())
}

/// Kernels by what tells that a norm stands behind them.
///
/// Only kernels that give as many units as a norm takes are considered; that number is the first
/// part of each key.
pub(super) struct NormPlaces<'m> {
    /// Numbers that kernels of a parent have for their names, in order, each with the kernel.
    of_parent: HashMap<(usize, &'m str), Vec<(usize, usize)>>,
    /// The first kernel of a parent whose path has certain numbers.
    siblings: HashMap<(usize, &'m str, Vec<&'m str>), usize>,
    /// The first such kernel of any parent.
    same_numbers: HashMap<(usize, Vec<&'m str>), usize>,
    /// Places in the file, in order, each with the kernel.
    in_file: HashMap<usize, Vec<(usize, usize)>>,
}

impl<'m> NormPlaces<'m> {
    pub(super) fn of(kernels: &[&'m Module<'_>]) -> Self {
        let mut places = Self {
            of_parent: HashMap::new(),
            siblings: HashMap::new(),
            same_numbers: HashMap::new(),
            in_file: HashMap::new(),
        };
        for (index, kernel) in kernels.iter().enumerate() {
            let mut units = possible_units(kernel).unwrap_or_default();
            units.dedup();
            for n in units {
                places.add(n, index, kernel);
            }
        }
        places
            .of_parent
            .values_mut()
            .for_each(|list| list.sort_unstable());
        places
            .in_file
            .values_mut()
            .for_each(|list| list.sort_unstable());
        places
    }

    fn add(&mut self, n: usize, index: usize, kernel: &'m Module<'_>) {
        let (parent, numbers) = (parent(&kernel.path), numbers(&kernel.path));
        if let Some(number) = number(&kernel.path) {
            let list = self.of_parent.entry((n, parent)).or_default();
            list.push((number, index));
        }
        let sibling = self.siblings.entry((n, parent, numbers.clone()));
        sibling.or_insert(index);
        self.same_numbers.entry((n, numbers)).or_insert(index);
        self.in_file
            .entry(n)
            .or_default()
            .push((kernel.index, index));
    }

    /// Index of the kernel that a norm stands behind: the first that exists of
    /// 1. if the norm's own name is a number (`features.3`), the kernel of the same parent with the
    ///    next smaller number;
    /// 2. a kernel of the same parent whose path has the same numbers (`conv1` for `bn1`);
    /// 3. such a kernel of any parent;
    /// 4. the last kernel before the norm in the order of the file.
    pub(super) fn kernel_of(&self, norm: &Module<'_>) -> Option<usize> {
        let n = norm.parameters.values().next()?.shape.first().copied()?;
        let (parent, numbers) = (parent(&norm.path), numbers(&norm.path));
        let last_below = |list: &Vec<(usize, usize)>, bound: usize| {
            let end = list.partition_point(|(key, _)| *key < bound);
            end.checked_sub(1).map(|last| list[last].1)
        };
        let own_number = number(&norm.path).filter(|own| *own > 0);
        let numbered =
            own_number.and_then(|own| last_below(self.of_parent.get(&(n, parent))?, own));
        let sibling = || self.siblings.get(&(n, parent, numbers.clone())).copied();
        let same_numbers = || self.same_numbers.get(&(n, numbers.clone())).copied();
        let before = || last_below(self.in_file.get(&n)?, norm.index);
        numbered
            .or_else(sibling)
            .or_else(same_numbers)
            .or_else(before)
    }
}

/// Numbers of units that a module may give: a transposed kernel has them as its second dimension, a
/// recurrent layer may be bidirectional.
fn possible_units(kernel: &Module<'_>) -> Option<Vec<usize>> {
    if kernel.is_recurrent() {
        let units = kernel.shape("weight_hh_l0").last().copied()?;
        return Some(vec![units, 2 * units]);
    }
    let shape = kernel.shape("weight");
    let n = if kernel.rank() > 2 { 2 } else { 1 };
    Some(shape.into_iter().take(n).collect())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The number that a module of a numbered sequence has for its name.
fn number(path: &str) -> Option<usize> {
    path.rsplit('.').next()?.parse().ok()
}

/// All numbers of a path, in their order.
fn numbers(path: &str) -> Vec<&str> {
    let parts = path.split(|c: char| !c.is_ascii_digit());
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_and_the_words_of_both_ends() {
        let check = |names: &[&str]| {
            let mut sorted = names.to_vec();
            sorted.reverse();
            sorted.sort_by(|a, b| by_path(a, b));
            assert_eq!(sorted, names);
        };
        check(&["fc2", "fc10"]);
        check(&["conv1", "conv2", "fc1", "fc2", "out"]);
        check(&["encoder.0", "encoder.2", "decoder.0"]);
        check(&["features.3", "features.10", "classifier.1"]);
        check(&["input_layer", "hidden.0", "hidden.1", "output_layer"]);
        check(&["layers.2.weight", "layers.10.weight", "head"]);
        check(&[
            "transformer.wte",
            "transformer.wpe",
            "transformer.h.0",
            "transformer.h.1",
            "transformer.ln_f",
        ]);
    }
}
