//! Order statistics of many f32 values: counted by their leading 16 bits, then only the values of
//! the few bins that hold a rank are sorted.

use super::ordered_keys::{f32_key, f32_of_key};
use super::radix_bins::{BINS, FINITE, RadixBins, bin_of};
use super::ranks::{RANKS, RankBin, RankWalk, bins_with_ranks};
use super::scratch::QuantileScratch;
use crate::sample::{Sample, Times, Values};

/// Most keys that are collected one by one; each takes 16 bytes.
const MAX_KEYS: u64 = 1 << 20;

/// The values at `ranks` of a sample of f32 values.
pub(super) fn radix_select(
    sample: &Sample<'_>,
    ranks: &[u64; RANKS],
    scratch: &mut QuantileScratch,
) -> [f64; RANKS] {
    let QuantileScratch {
        radix_bins: bins,
        f32_keys: keys,
        ..
    } = scratch;
    bins.reset();
    count(sample, bins);
    let rank_bins = bins_with_ranks(FINITE.start, bins.finite(), ranks);
    keys.clear();
    collect(sample, &BinSet::new(&rank_bins), bins, keys);
    values_at_ranks(keys, ranks, &rank_bins)
}

/// The same for two samples, the second of which is the first and `more`: the first is counted and
/// collected once.
pub(super) fn radix_select_nested(
    [inner, more]: [&Sample<'_>; 2],
    [inner_ranks, outer_ranks]: [&[u64; RANKS]; 2],
    scratch: &mut QuantileScratch,
) -> [[f64; RANKS]; 2] {
    let QuantileScratch {
        radix_bins: bins,
        f32_keys: keys,
        ..
    } = scratch;
    bins.reset();
    count(inner, bins);
    let inner_bins = bins_with_ranks(FINITE.start, bins.finite(), inner_ranks);
    count(more, bins);
    let outer_bins = bins_with_ranks(FINITE.start, bins.finite(), outer_ranks);
    let marked = BinSet::new(inner_bins.iter().chain(&outer_bins));
    keys.clear();
    collect(inner, &marked, bins, keys);
    let of_inner = values_at_ranks(keys, inner_ranks, &inner_bins);
    collect(more, &marked, bins, keys);
    [of_inner, values_at_ranks(keys, outer_ranks, &outer_bins)]
}

fn count(sample: &Sample<'_>, bins: &mut RadixBins) {
    for_each_weight(sample, |x, times| bins.add(x, times));
}

/// Adds the keys of the values in marked bins, each with how often it counts.
///
/// Many weights may be equal, zeros for example. Where keys one by one would be too many, they are
/// counted by their low 16 bits instead, so that memory stays bounded.
fn collect(sample: &Sample<'_>, marked: &BinSet, bins: &RadixBins, keys: &mut Vec<(u32, u64)>) {
    let expected: u64 = marked.iter().map(|bin| bins.count(bin)).sum();
    if expected > MAX_KEYS {
        return collect_counted(sample, marked, keys);
    }
    for_each_weight(sample, |x, times| {
        if marked.contains(bin_of(x)) {
            keys.push((f32_key(x), times));
        }
    });
}

/// As [`collect`], but equal keys become one entry.
fn collect_counted(sample: &Sample<'_>, marked: &BinSet, keys: &mut Vec<(u32, u64)>) {
    let marked_bins: Vec<usize> = marked.iter().collect();
    let mut counts = vec![0_u64; marked_bins.len() * BINS];
    for_each_weight(sample, |x, times| {
        if let Ok(row) = marked_bins.binary_search(&bin_of(x)) {
            counts[row * BINS + (f32_key(x) & 0xffff) as usize] += times;
        }
    });
    for (counts, bin) in counts.chunks_exact(BINS).zip(marked_bins) {
        let present = counts.iter().enumerate().filter(|(_, times)| **times > 0);
        keys.extend(present.map(|(low_bits, &times)| ((bin << 16 | low_bits) as u32, times)));
    }
}

/// The values at the ranks, among the keys of the bins that hold one. `keys` may hold keys of other
/// bins too, and lacks those of unmarked bins. So at each bin of `rank_bins` the walk's count of
/// values below is set anew.
fn values_at_ranks(
    keys: &mut [(u32, u64)],
    ranks: &[u64; RANKS],
    rank_bins: &[RankBin],
) -> [f64; RANKS] {
    keys.sort_unstable_by_key(|&(key, _)| key);
    let mut walk = RankWalk::new(ranks);
    let mut rank_bins = rank_bins.iter().peekable();
    for &(key, times) in keys.iter() {
        let bin = (key >> 16) as u16;
        if let Some(&RankBin { below, .. }) = rank_bins.next_if(|found| found.bin == bin) {
            walk.below = below;
        }
        walk.take(f64::from(f32_of_key(key)), times);
    }
    walk.values
}

/// A set of bins, a bit for each.
struct BinSet(Box<[u64; BINS / 64]>);

impl BinSet {
    fn new<'a>(bins: impl IntoIterator<Item = &'a RankBin>) -> Self {
        let mut bits = Box::new([0; BINS / 64]);
        for found in bins {
            let bin = usize::from(found.bin);
            bits[bin / 64] |= 1 << (bin % 64);
        }
        Self(bits)
    }

    /// The bins, rising.
    fn iter(&self) -> impl Iterator<Item = usize> {
        (0..BINS).filter(|&bin| self.contains(bin))
    }

    fn contains(&self, bin: usize) -> bool {
        self.0[bin / 64] >> (bin % 64) & 1 == 1
    }
}

fn for_each_weight(sample: &Sample<'_>, mut take: impl FnMut(f32, u64)) {
    for part in &sample.parts {
        if let Values::F32(values) = part.values {
            match part.times {
                // A loop of its own: the constant 1 makes it quicker.
                Times::Once => values.iter().for_each(|&value| take(value, 1)),
                times => times.for_each(values, &mut take),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_keys_are_the_collected_keys() {
        let weights: Vec<f32> = (0..5000_u32)
            .map(|i| (i * 7919 % 513) as f32 / 64.0)
            .collect();
        let sample = Sample::weights(&weights);
        let marked = BinSet::new(&[1.0, 0.0].map(|x| RankBin {
            bin: bin_of(x) as u16,
            below: 0,
        }));
        let (mut keys, mut counted) = (Vec::new(), Vec::new());
        let mut no_counts = RadixBins::default();
        no_counts.reset();
        collect(&sample, &marked, &no_counts, &mut keys);
        collect_counted(&sample, &marked, &mut counted);
        keys.sort_unstable();
        let expand = |&(key, times): &(u32, u64)| std::iter::repeat_n((key, 1), times as usize);
        let expanded: Vec<(u32, u64)> = counted.iter().flat_map(expand).collect();
        assert!(!keys.is_empty() && counted.len() < keys.len());
        assert_eq!(keys, expanded);
    }
}
