//! Order statistics of a kernel that is counted in bins while it is scanned.
//!
//! Bins that hold a rank are *marked*; their weights are collected.

use pulp::{Arch, Simd, WithSimd};

use super::bin_grid::{BinFloat, BinGrid, BinIndices, COLLECTED_DIVISOR, MAX_GRID_BINS, slot};
use super::ordered_keys::{f32_key, f32_of_key, select};
use super::ranks::{RANKS, RankBin, bins_with_ranks, positions_in_marked_bins};

/// Weights that the range is taken from.
const RANGE_SAMPLE: usize = 512;

/// Weights whose bins are computed at a time, so that they stay in the nearest cache.
const CHUNK: usize = 1024;

/// Weights that are compared with the marked bins at once.
const GROUP: usize = 32;

/// Collected weights that are always allowed, whatever their share.
const MIN_COLLECTED: u64 = 1024;

/// Marked bins in the usual case: a quantile's two ranks share a bin, and the bias does not move
/// them to another.
const USUAL_MARKED: usize = RANKS / 2;

/// Marked bins at most: one for each rank, with bias and without.
const MAX_MARKED: usize = 2 * RANKS;

/// Counts of weights in bins of equal width.
#[derive(Debug)]
pub(crate) struct KernelHistogram {
    grid: BinGrid<f32>,
    counts: Box<[u32; MAX_GRID_BINS]>,
    total: u64,
}

impl KernelHistogram {
    /// Empty bins over the range that some of the weights have; `None` where those are not finite
    /// or all the same.
    pub(super) fn for_kernel(weights: &[f32]) -> Option<Self> {
        let sample = weights
            .iter()
            .step_by((weights.len() / RANGE_SAMPLE).max(1));
        let widen = |range: (f32, f32), &x: &f32| (range.0.min(x), range.1.max(x));
        let (low, high) = sample.fold((f32::INFINITY, f32::NEG_INFINITY), widen);
        // One bin on each side is for the weights beyond.
        let scale = (MAX_GRID_BINS - 2) as f32 / (high - low);
        (low.is_finite() && scale.is_finite() && scale > 0.0).then(|| Self {
            grid: BinGrid {
                low: low - 1.0 / scale,
                scale,
            },
            counts: Box::new([0; MAX_GRID_BINS]),
            total: 0,
        })
    }

    /// Counts weights, which must be finite.
    pub(super) fn add(&mut self, weights: &[f32]) {
        let mut indices = [0; CHUNK];
        for chunk in weights.chunks(CHUNK) {
            let indices = &mut indices[..chunk.len()];
            self.write_indices(chunk, indices);
            for &bin in &*indices {
                self.counts[slot(bin)] += 1;
            }
        }
        self.total += weights.len() as u64;
    }

    fn write_indices(&self, values: &[f32], indices: &mut [u16]) {
        Arch::new().dispatch(BinIndices {
            grid: self.grid,
            values,
            indices,
        });
    }

    /// The values at rising ranks among the `counted` weights, and among those and `more`.
    ///
    /// `None` where too many weights would have to be collected.
    pub(super) fn order_statistics(
        &self,
        counted: &[f32],
        more: &[f32],
        ranks: [&[u64; RANKS]; 2],
    ) -> Option<[[f64; RANKS]; 2]> {
        let counts_with_more = self.counts_with(more);
        let rank_bins = [
            bins_with_ranks(0, &*self.counts, ranks[0]),
            bins_with_ranks(0, &*counts_with_more, ranks[1]),
        ];
        let marked = union_of_bins(&rank_bins);
        let count = |&bin: &u16| u64::from(counts_with_more[usize::from(bin)]);
        let most = self.total / COLLECTED_DIVISOR as u64 + MIN_COLLECTED;
        if marked.iter().map(count).sum::<u64>() > most {
            return None;
        }
        let mut keys = Vec::new();
        self.collect(counted, &marked, &mut keys);
        let select_ranks = |keys: &mut Vec<u32>, counts: &[u32; MAX_GRID_BINS], i: usize| {
            let positions = positions_in_marked_bins(counts, &marked, &rank_bins[i], ranks[i]);
            select(keys, &positions).map(|key| f64::from(f32_of_key(key)))
        };
        let of_counted = select_ranks(&mut keys, &self.counts, 0);
        // Selecting has reordered the keys but kept them all, so those of `more` are added to them.
        self.collect(more, &marked, &mut keys);
        Some([of_counted, select_ranks(&mut keys, &counts_with_more, 1)])
    }

    fn counts_with(&self, more: &[f32]) -> Box<[u32; MAX_GRID_BINS]> {
        let mut counts = self.counts.clone();
        let mut indices = vec![0; more.len()];
        self.write_indices(more, &mut indices);
        for &bin in &indices {
            counts[slot(bin)] += 1;
        }
        counts
    }

    /// Adds the keys of the values in the marked bins.
    fn collect(&self, values: &[f32], marked: &[u16], keys: &mut Vec<u32>) {
        Arch::new().dispatch(Collect {
            grid: self.grid,
            values,
            marked,
            keys,
        });
    }
}

fn union_of_bins(rank_bins: &[Vec<RankBin>; 2]) -> Vec<u16> {
    let mut bins: Vec<u16> = rank_bins.iter().flatten().map(|found| found.bin).collect();
    bins.sort_unstable();
    bins.dedup();
    bins
}

/// Collects the keys of the values in marked bins. A type, not a closure; see [`BinIndices`].
struct Collect<'b> {
    grid: BinGrid<f32>,
    values: &'b [f32],
    marked: &'b [u16],
    keys: &'b mut Vec<u32>,
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // If their number is known at compile time, the marked bins stay in registers.
        match self.marked.len() {
            n if n <= USUAL_MARKED => self.with_room_for::<USUAL_MARKED>(),
            n if n <= RANKS => self.with_room_for::<RANKS>(),
            _ => self.with_room_for::<MAX_MARKED>(),
        }
    }
}

impl Collect<'_> {
    /// Collects with room for `N` marked bins.
    #[inline(always)]
    fn with_room_for<const N: usize>(self) {
        let Some(&first) = self.marked.first() else {
            return;
        };
        // Free room repeats the first bin, which changes nothing.
        let mut marked = [first; N];
        marked[..self.marked.len()].copy_from_slice(self.marked);
        let mut indices = [0; CHUNK];
        for values in self.values.chunks(CHUNK) {
            let indices = &mut indices[..values.len()];
            for (bin, &x) in indices.iter_mut().zip(values) {
                *bin = x.bin(self.grid);
            }
            let (groups, rest) = values.as_chunks();
            let (index_groups, rest_of_indices) = indices.as_chunks();
            for (group, indices) in groups.iter().zip(index_groups) {
                collect_group(group, indices, &marked, self.keys);
            }
            let pairs = rest.iter().zip(rest_of_indices);
            let hits = pairs.filter(|(_, bin)| self.marked.contains(bin));
            self.keys.extend(hits.map(|(&value, _)| f32_key(value)));
        }
    }
}

/// Collects the keys of a group's values in marked bins.
#[inline(always)]
fn collect_group<const N: usize>(
    group: &[f32; GROUP],
    indices: &[u16; GROUP],
    marked: &[u16; N],
    keys: &mut Vec<u32>,
) {
    let mut hits = [0; GROUP];
    for (hit, &index) in hits.iter_mut().zip(indices) {
        for &bin in marked {
            *hit |= if bin == index { u16::MAX } else { 0 };
        }
    }
    // Few groups have a hit, so one test for all is quicker than one for each value.
    if hits.iter().fold(0, |any, hit| any | hit) != 0 {
        let hit_values = group.iter().zip(hits).filter(|(_, hit)| *hit != 0);
        keys.extend(hit_values.map(|(&value, _)| f32_key(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Quantiles;
    use super::*;
    use crate::moments::Moments;
    use crate::sample::{Sample, Scratch, Times, Values};

    fn noise(n: u32) -> impl Iterator<Item = f32> {
        let bits = |i: u32| {
            let bits = i.wrapping_mul(2_654_435_761).rotate_left(13);
            bits.wrapping_mul(0x85eb_ca6b)
        };
        (0..n).map(move |i| (bits(i) >> 8) as f32 / (1 << 24) as f32 - 0.5)
    }

    /// Quantiles by the histogram, of a sample and of it with more, are those by selection.
    fn check(values: &[f32], more: &[f32]) {
        let inner = Sample::weights(values);
        let outer = inner.clone().with(Values::F32(more), Times::Once);
        let moments = [&inner, &outer].map(|sample| Moments::of(sample));
        let mut histogram = KernelHistogram::for_kernel(values).unwrap();
        values.chunks(999).for_each(|chunk| histogram.add(chunk));
        let counts = [moments[0].count, moments[1].count];
        let quantiles = Quantiles::of_two(counts, |ranks| {
            histogram.order_statistics(values, more, ranks)
        });
        let scratch = &mut Scratch::default();
        let expected = [
            Quantiles::of(&inner, &moments[0], scratch),
            Quantiles::of(&outer, &moments[1], scratch),
        ];
        assert_eq!(quantiles, Some(expected));
    }

    #[test]
    fn order_statistics_are_those_by_selection() {
        let uniform: Vec<f32> = noise(40_000).collect();
        check(&uniform, &[]);
        check(&uniform, &uniform[5..300]);
        let cubes: Vec<f32> = noise(30_011).map(|x| 1e4 * x * x * x).collect();
        check(&cubes, &[1e30, -1e30, 0.0, -0.0]);
        let steps: Vec<f32> = noise(20_000).map(|x| (x * 3e4).round()).collect();
        check(&steps, &steps[..17]);
    }

    #[test]
    fn kernels_that_bins_do_not_suit_are_refused() {
        let mut spike = vec![0.0; 20_000];
        (spike[0], spike[39], spike[19_999]) = (1.0, -3.0, 1e30);
        let mut histogram = KernelHistogram::for_kernel(&spike).unwrap();
        histogram.add(&spike);
        let quantiles = Quantiles::of_two([20_000; 2], |ranks| {
            histogram.order_statistics(&spike, &[], ranks)
        });
        assert_eq!(quantiles, None);
        let refused = |kernel: &[f32]| KernelHistogram::for_kernel(kernel).is_none();
        assert!(refused(&[f32::NAN; 3]) && refused(&[1.0; 9]));
        assert!(refused(&[f32::MIN, f32::MAX]));
    }
}
