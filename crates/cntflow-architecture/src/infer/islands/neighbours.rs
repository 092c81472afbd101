//! Which modules follow one another, by their names.
//!
//! Shapes alone are no proof: the query, key and value of an attention have shapes that would make
//! a chain. So two kernels are joined only if their names say that they are neighbours as well.

use super::super::layer_order::rank;

/// Whether the names of two modules, the second directly behind the first in the order of names,
/// say that it takes what the first gives.
///
/// They differ in one part of their paths. That part is a number that grows, alone (`features.3`)
/// or behind the same word (`conv1`), or words of which the first stands earlier in a network
/// (`conv`, `fc`). Where the parts are not the last, as in `block1.conv` and `block2.conv`, what
/// follows must be the same, and `is_alone` must hold for both: nothing else is in these blocks.
/// Members of a list that is named as one of parallel layers (`experts`) never follow one another.
pub(super) fn follows(first: &str, second: &str, is_alone: impl Fn(&str) -> bool) -> bool {
    let [a, b] = [first, second].map(|path| path.split('.').collect::<Vec<_>>());
    if a.len() != b.len() {
        return false;
    }
    let mut differing = (0..a.len()).filter(|&part| a[part] != b[part]);
    let (Some(part), None) = (differing.next(), differing.next()) else {
        return false;
    };
    let is_last = part + 1 == a.len();
    let blocks = [&a, &b].map(|path| path[..=part].join("."));
    if !is_last && !blocks.iter().all(|block| is_alone(block)) {
        return false;
    }
    // Members of such lists stand side by side.
    let list = part.checked_sub(1).map(|parent| a[parent]);
    if list.is_some_and(|list| PARALLEL_LISTS.iter().any(|word| list.ends_with(word))) {
        return false;
    }
    grows(a[part], b[part]) || stands_earlier(a[part], b[part])
}

/// Ends of the names of lists whose members take the same or different things, not one another.
const PARALLEL_LISTS: [&str; 7] = [
    "linears",
    "experts",
    "heads",
    "branches",
    "_convs",
    "_blocks",
    "projections",
];

/// Whether both end in a number behind the same word, and the second number is the larger; also of
/// several numbers behind a word (`conv1_2`, `conv2_1`), of which the first that differs counts.
fn grows(a: &str, b: &str) -> bool {
    let number = |part: &str| -> Option<u64> { part[word(part).len()..].parse().ok() };
    let of_last = word(a) == word(b) && number(a).zip(number(b)).is_some_and(|(a, b)| a < b);
    let of_all = numbered(a).zip(numbered(b));
    of_last || of_all.is_some_and(|(a, b)| a.0 == b.0 && a.1 < b.1)
}

/// A part without the number at its end.
fn word(part: &str) -> &str {
    part.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The word at the beginning of a part and the numbers behind it, if there is nothing else but
/// underscores between them.
fn numbered(part: &str) -> Option<(&str, Vec<u64>)> {
    let first = part.find(|c: char| c.is_ascii_digit())?;
    let (word, numbers) = part.split_at(first);
    let numbers = numbers.split('_').map(|number| number.parse().ok());
    Some((word, numbers.collect::<Option<_>>()?))
}

/// Whether both have a word that says where they stand, and the first stands earlier.
fn stands_earlier(a: &str, b: &str) -> bool {
    let (a, b) = (rank(a), rank(b));
    a != 0 && b != 0 && a < b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_tell_neighbours() {
        let alone = |first: &str, second: &str| follows(first, second, |_| true);
        assert!(alone("conv1", "conv2"));
        assert!(alone("features.0", "features.10"));
        assert!(alone("dense6_1", "dense6_2"));
        assert!(alone("dense5", "dense6_1"));
        assert!(alone("conv1_2", "conv2_1"));
        assert!(!alone("conv2_1", "conv1_2"));
        assert!(!alone("fc1a", "fc2b"));
        assert!(alone("block1.conv", "block2.conv"));
        assert!(alone("conv3", "fc1"));
        assert!(!alone("attn.q_proj", "attn.v_proj"));
        assert!(!alone("attn.query", "attn.value"));
        assert!(!alone("fc_mu", "fc_logvar"));
        assert!(!alone("a.fc1", "b.fc2"));
        assert!(!alone("attn.linears.0", "attn.linears.1"));
        assert!(!alone("lateral_convs.0.conv", "lateral_convs.1.conv"));
        assert!(!alone("fc2", "fc1"));
        assert!(!follows("block1.conv", "block2.conv", |_| false));
        assert!(follows("block1.conv1", "block1.conv2", |_| false));
    }
}
