//! In which order modules stand: by their names in natural order, words for the front and the back of a network first.

use std::cmp::Ordering;

use super::names::Module;

/// Words that names begin with, and where such modules stand; 0 for all others.
const WORDS: [(&str, i32); 33] = [
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
    let words = a.split('.').zip(b.split('.')).find(|(a, b)| a != b);
    let natural = || alphanumeric_sort::compare_str(a, b);
    words.map_or_else(natural, |(a, b)| rank(a).cmp(&rank(b)).then_with(natural))
}

/// Where a part of a name says that its module stands. The longest word counts.
fn rank(part: &str) -> i32 {
    let lower = part.to_ascii_lowercase();
    let known = WORDS.iter().filter(|(word, _)| lower.starts_with(word));
    known
        .max_by_key(|(word, _)| word.len())
        .map_or(0, |(_, rank)| *rank)
}

/// Modules with norms behind the kernels they belong to.
///
/// # Errors
/// A norm that belongs to none.
pub(super) fn with_norms<'m, 't>(
    kernels: &[&'m Module<'t>],
    norms: &[&'m Module<'t>],
) -> Result<Vec<&'m Module<'t>>, String> {
    let mut behind: Vec<Vec<&Module<'_>>> = vec![Vec::new(); kernels.len()];
    for norm in norms {
        let place = kernel_of(kernels, norm).ok_or_else(|| {
            format!(
                "none is carried, and the norm {} follows no layer of as many units",
                norm.shown()
            )
        })?;
        behind[place].push(norm);
    }
    let groups = kernels.iter().zip(behind);
    Ok(groups
        .flat_map(|(kernel, norms)| std::iter::once(*kernel).chain(norms))
        .collect())
}

/// Place of the kernel that a norm stands behind: in a numbered sequence the last before it; else one whose name has the same
/// numbers; else, in the file's order, the last before it.
fn kernel_of(kernels: &[&Module<'_>], norm: &Module<'_>) -> Option<usize> {
    let n = norm
        .parameters
        .values()
        .next()
        .map(|tensor| &tensor.shape[..]);
    let n = n.and_then(|shape| shape.first().copied())?;
    let gives = |kernel: &Module<'_>| units(kernel).is_some_and(|given| given.contains(&n));
    let fitting = || {
        kernels
            .iter()
            .enumerate()
            .filter(|(_, kernel)| gives(kernel))
    };
    let numbered = fitting().filter(|(_, kernel)| {
        parent(&kernel.path) == parent(&norm.path) && number(&kernel.path) < number(&norm.path)
    });
    if let Some(own) = number(&norm.path) {
        let before = numbered.filter(|(_, kernel)| number(&kernel.path).is_some());
        let last = before.max_by_key(|(_, kernel)| number(&kernel.path));
        if let Some((place, _)) = last.filter(|_| own > 0) {
            return Some(place);
        }
    }
    let alike = fitting().filter(|(_, kernel)| numbers(&kernel.path) == numbers(&norm.path));
    let siblings = alike
        .clone()
        .filter(|(_, kernel)| parent(&kernel.path) == parent(&norm.path));
    let before = fitting().filter(|(_, kernel)| kernel.place < norm.place);
    let found = siblings.min_by_key(|(place, _)| *place);
    let found = found.or_else(|| alike.min_by_key(|(place, _)| *place));
    let found = found.or_else(|| before.max_by_key(|(_, kernel)| kernel.place));
    found.map(|(place, _)| place)
}

/// Units that a module may give: a transposed kernel has them second.
fn units(kernel: &Module<'_>) -> Option<Vec<usize>> {
    if kernel.is_recurrent() {
        let units = kernel.shape("weight_hh_l0").last().copied()?;
        return Some(vec![units, 2 * units]);
    }
    let shape = kernel.shape("weight");
    Some(
        shape
            .into_iter()
            .take(if kernel.rank() > 2 { 2 } else { 1 })
            .collect(),
    )
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The number that a module of a sequence is called.
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
