//! The order of modules: by their names in natural order, after words that say where in a network a
//! module stands.

use std::cmp::Ordering;

use super::modules::Module;
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
fn rank(part: &str) -> i32 {
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
    for norm in norms {
        let kernel = kernel_of(kernels, norm).ok_or_else(|| {
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

/// Index of the kernel that a norm stands behind.
///
/// Only kernels that give as many units as the norm takes are considered. Of these it is the first
/// that exists of:
/// 1. if the norm's own name is a number (`features.3`), the kernel of the same parent with the
///    next smaller number;
/// 2. a kernel of the same parent whose path has the same numbers (`conv1` for `bn1`);
/// 3. such a kernel of any parent;
/// 4. the last kernel before the norm in the order of the file.
fn kernel_of(kernels: &[&Module<'_>], norm: &Module<'_>) -> Option<usize> {
    let n = norm.parameters.values().next()?.shape.first().copied()?;
    let fits = |kernel: &Module<'_>| possible_units(kernel).is_some_and(|units| units.contains(&n));
    let fitting = || {
        let kernels = kernels.iter().enumerate();
        kernels.filter(|(_, kernel)| fits(kernel))
    };
    if let Some(own @ 1..) = number(&norm.path) {
        let numbered = fitting()
            .filter(|(_, kernel)| parent(&kernel.path) == parent(&norm.path))
            .filter_map(|(index, kernel)| Some((index, number(&kernel.path)?)))
            .filter(|(_, number)| *number < own);
        if let Some((index, _)) = numbered.max_by_key(|(_, number)| *number) {
            return Some(index);
        }
    }
    let same_numbers = fitting().filter(|(_, kernel)| numbers(&kernel.path) == numbers(&norm.path));
    let siblings = same_numbers
        .clone()
        .filter(|(_, kernel)| parent(&kernel.path) == parent(&norm.path));
    let before = fitting().filter(|(_, kernel)| kernel.index < norm.index);
    let first_sibling = siblings.map(|(index, _)| index).next();
    first_sibling
        .or_else(|| same_numbers.map(|(index, _)| index).next())
        .or_else(|| {
            let last = before.max_by_key(|(_, kernel)| kernel.index);
            last.map(|(index, _)| index)
        })
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
