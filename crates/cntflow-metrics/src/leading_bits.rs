//! Order statistics of many f32 values: counted by the leading bits of their keys, and only the few bins that hold a rank sorted.

use crate::order::{RANKS, Walk};
use crate::sample::{Sample, Scratch, Times, Values};

/// Keys gathered one by one at most; 16 bytes each.
const MOST_KEYS: u64 = 1 << 20;

/// Bins of the leading 16 bits of a key.
const BINS: usize = 1 << 16;

/// Counts values by the leading 16 bits of their keys, then sorts only those of the bins that hold a rank.
pub(crate) fn by_leading_bits(
    sample: &Sample<'_>,
    ranks: &[u64; RANKS],
    scratch: &mut Scratch,
) -> [f64; RANKS] {
    let Scratch { bins, keys, .. } = scratch;
    clear(bins);
    count(sample, bins);
    let wanted = wanted_bins(bins, ranks);
    keys.clear();
    gather(sample, &Marks::new(&wanted), bins, keys);
    walk(keys, ranks, wanted)
}

/// The same for two samples, the second the first and more, so that the first is counted and gathered once.
pub(crate) fn by_leading_bits_nested(
    [inner, more]: [&Sample<'_>; 2],
    [inner_ranks, outer_ranks]: [&[u64; RANKS]; 2],
    scratch: &mut Scratch,
) -> [[f64; RANKS]; 2] {
    let Scratch { bins, keys, .. } = scratch;
    clear(bins);
    count(inner, bins);
    let inner_wanted = wanted_bins(bins, inner_ranks);
    count(more, bins);
    let outer_wanted = wanted_bins(bins, outer_ranks);
    let marks = Marks::new(inner_wanted.iter().chain(&outer_wanted));
    keys.clear();
    gather(inner, &marks, bins, keys);
    let of_inner = walk(keys, inner_ranks, inner_wanted);
    gather(more, &marks, bins, keys);
    [of_inner, walk(keys, outer_ranks, outer_wanted)]
}

fn clear(bins: &mut Vec<u64>) {
    bins.clear();
    bins.resize(BINS, 0);
}

fn count(sample: &Sample<'_>, bins: &mut [u64]) {
    for_each_weight(sample, |x, times| bins[(key(x) >> 16) as usize] += times);
}

/// Adds the keys of the marked bins, with how often each counts: one by one, or where they would be very many (weights that
/// are mostly equal, zeros say) counted by their other 16 bits, so that memory stays bounded.
fn gather(sample: &Sample<'_>, marks: &Marks, bins: &[u64], keys: &mut Vec<(u32, u64)>) {
    let expected: u64 = marks.bins().map(|bin| bins[bin]).sum();
    if expected > MOST_KEYS {
        return gather_counts(sample, marks, keys);
    }
    for_each_weight(sample, |x, times| {
        let key = key(x);
        if marks.contain((key >> 16) as usize) {
            keys.push((key, times));
        }
    });
}

fn gather_counts(sample: &Sample<'_>, marks: &Marks, keys: &mut Vec<(u32, u64)>) {
    let marked: Vec<usize> = marks.bins().collect();
    let mut counts = vec![0_u64; marked.len() * BINS];
    for_each_weight(sample, |x, times| {
        let key = key(x);
        if let Ok(slot) = marked.binary_search(&((key >> 16) as usize)) {
            counts[slot * BINS + (key & 0xffff) as usize] += times;
        }
    });
    for (counts, bin) in counts.chunks_exact(BINS).zip(marked) {
        let counted = counts.iter().enumerate().filter(|(_, times)| **times > 0);
        keys.extend(counted.map(|(low, &times)| ((bin << 16 | low) as u32, times)));
    }
}

/// Finds the ranks among the keys of at least the wanted bins. Those of other bins do no harm: they lie between.
fn walk(keys: &mut [(u32, u64)], ranks: &[u64; RANKS], wanted: Vec<(usize, u64)>) -> [f64; RANKS] {
    keys.sort_unstable_by_key(|&(key, _)| key);
    let mut walk = Walk::new(ranks);
    let mut wanted = wanted.into_iter().peekable();
    for &(key, times) in keys.iter() {
        if let Some((_, before)) = wanted.next_if(|&(bin, _)| bin == (key >> 16) as usize) {
            walk.before = before;
        }
        walk.take(f64::from(weight(key)), times);
    }
    walk.found
}

/// A set of bins.
struct Marks(Box<[u64; BINS / 64]>);

impl Marks {
    fn new<'a>(bins: impl IntoIterator<Item = &'a (usize, u64)>) -> Self {
        let mut marks = Box::new([0; BINS / 64]);
        for (bin, _) in bins {
            marks[bin / 64] |= 1 << (bin % 64);
        }
        Self(marks)
    }

    /// The marked bins, rising.
    fn bins(&self) -> impl Iterator<Item = usize> {
        (0..BINS).filter(|&bin| self.contain(bin))
    }

    fn contain(&self, bin: usize) -> bool {
        self.0[bin / 64] >> (bin % 64) & 1 == 1
    }
}

fn for_each_weight(sample: &Sample<'_>, mut take: impl FnMut(f32, u64)) {
    for part in &sample.parts {
        if let Values::F32(values) = part.values {
            match part.times {
                Times::Once => values.iter().for_each(|&value| take(value, 1)),
                times => times.of(values, &mut take),
            }
        }
    }
}

/// The bins that hold a rank, each with the number of values below it. Bins of NaN and infinities (all bits of the exponent
/// set) are passed over.
fn wanted_bins(bins: &[u64], ranks: &[u64; RANKS]) -> Vec<(usize, u64)> {
    let finite = 0x80..0xff80;
    let mut wanted = Vec::with_capacity(RANKS);
    let mut ranks = ranks.iter().peekable();
    let mut before = 0;
    for bin in finite {
        let end = before + bins[bin];
        if ranks.next_if(|rank| **rank < end).is_some() {
            wanted.push((bin, before));
            while ranks.next_if(|rank| **rank < end).is_some() {}
        }
        before = end;
    }
    wanted
}

/// The bits of an f32, rearranged so that they compare as the numbers do.
pub(crate) fn key(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// The number of a [`key`].
pub(crate) fn weight(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 {
        key & !(1 << 31)
    } else {
        !key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathered_counts_are_the_gathered_keys() {
        let weights: Vec<f32> = (0..5000_u32)
            .map(|i| (i * 7919 % 513) as f32 / 64.0)
            .collect();
        let sample = Sample::weights(&weights);
        let marks = Marks::new(&[
            ((key(1.0) >> 16) as usize, 0),
            ((key(0.0) >> 16) as usize, 0),
        ]);
        let (mut keys, mut counts) = (Vec::new(), Vec::new());
        gather(&sample, &marks, &[0; BINS], &mut keys);
        gather_counts(&sample, &marks, &mut counts);
        keys.sort_unstable();
        let expand = |&(key, times): &(u32, u64)| std::iter::repeat_n((key, 1), times as usize);
        let expanded: Vec<(u32, u64)> = counts.iter().flat_map(expand).collect();
        assert!(!keys.is_empty() && counts.len() < keys.len());
        assert_eq!(keys, expanded);
    }

    #[test]
    fn keys_compare_as_their_numbers_do() {
        let rising = [
            f32::MIN,
            -1.0,
            -f32::MIN_POSITIVE,
            0.0,
            1e-40,
            2.0,
            f32::MAX,
        ];
        assert!(rising.is_sorted_by_key(|&x| key(x)));
        assert!(rising.iter().all(|&x| weight(key(x)) == x));
    }
}
