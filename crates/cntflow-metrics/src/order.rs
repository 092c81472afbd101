//! Exact quantiles by order statistics: by sorting, and of many f32 values by their leading bits.

use pulp::{Arch, Simd, WithSimd};

use crate::bins::{LOOKED_INTO, places_within, wanted};
use crate::leading_bits::{by_leading_bits, by_leading_bits_nested};
use crate::moments::Moments;
use crate::sample::{Sample, Scratch, Values};
use crate::sketch::QuantileSketch;
use crate::summary::QUANTILES;

/// Order statistics needed for the quantiles: two for each.
pub(crate) const RANKS: usize = 2 * QUANTILES.len();

/// Stored values from which on f32 are selected by their leading bits, which costs a fixed 65,536 bins.
pub(crate) const MANY: usize = 1 << 14;

/// The quantiles [`QUANTILES`] of a sample's finite values; NaN where there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles(pub(crate) [f64; QUANTILES.len()]);

impl Default for Quantiles {
    fn default() -> Self {
        Self([f64::NAN; QUANTILES.len()])
    }
}

impl Quantiles {
    /// Quantiles of a sample with these moments, of which the count of finite values is used.
    pub(crate) fn of(sample: &Sample<'_>, moments: &Moments, scratch: &mut Scratch) -> Self {
        if moments.count == 0 {
            return Self::default();
        }
        if moments.min == moments.max {
            return Self([moments.min; QUANTILES.len()]);
        }
        let ranks = ranks(moments.count);
        let found = if is_many(sample) {
            by_leading_bits(sample, &ranks, scratch)
        } else if sample.is_each_once() {
            let binned = by_bins(sample, moments, &ranks, scratch);
            binned.unwrap_or_else(|| by_keys(sample, &ranks, scratch))
        } else {
            by_sorting(sample, &ranks, scratch)
        };
        Self(interpolate(moments.count, &ranks, &found))
    }

    /// Quantiles of two samples of so many values, whose order statistics are found for ranks of both.
    pub(crate) fn found(
        counts: [u64; 2],
        find: impl FnOnce([&[u64; RANKS]; 2]) -> Option<[[f64; RANKS]; 2]>,
    ) -> Option<[Self; 2]> {
        let ranks = counts.map(ranks);
        let found = find([&ranks[0], &ranks[1]])?;
        Some([0, 1].map(|i| Self(interpolate(counts[i], &ranks[i], &found[i]))))
    }

    /// Quantiles by a sketch, within the sample's range.
    pub(crate) fn of_sketch(sketch: &QuantileSketch, moments: &Moments) -> Self {
        let quantile = |q| sketch.quantile(q).unwrap_or(f64::NAN);
        let within = |x: f64| match moments.count {
            0 => x,
            _ => x.clamp(moments.min, moments.max),
        };
        Self(QUANTILES.map(|q| within(quantile(q))))
    }

    /// Quantiles of two samples, the second the first's parts and more behind them.
    pub(crate) fn of_nested(
        [inner, outer]: [&Sample<'_>; 2],
        [inner_moments, outer_moments]: [&Moments; 2],
        scratch: &mut Scratch,
    ) -> [Self; 2] {
        if !is_many(inner) || !is_many(outer) || inner_moments.count == 0 {
            return [
                Self::of(inner, inner_moments, scratch),
                Self::of(outer, outer_moments, scratch),
            ];
        }
        let more = Sample {
            parts: outer.parts[inner.parts.len()..].to_vec(),
        };
        let counts = [inner_moments.count, outer_moments.count];
        let [inner_ranks, outer_ranks] = counts.map(ranks);
        let ranks = [&inner_ranks, &outer_ranks];
        let found = by_leading_bits_nested([inner, &more], ranks, scratch);
        [0, 1].map(|i| Self(interpolate(counts[i], ranks[i], &found[i])))
    }
}

/// Whether all values are f32 and many enough to be selected by their leading bits.
fn is_many(sample: &Sample<'_>) -> bool {
    let is_f32 = |values| matches!(values, Values::F32(_));
    sample.n_stored() >= MANY && sample.parts.iter().all(|part| is_f32(part.values))
}

/// Ranks below and above every quantile's place `q (n - 1)`, in rising order.
fn ranks(count: u64) -> [u64; RANKS] {
    let mut ranks = [0; RANKS];
    for (pair, q) in ranks.chunks_exact_mut(2).zip(QUANTILES) {
        pair.copy_from_slice(&beside(q, count));
    }
    ranks.sort_unstable();
    ranks
}

fn beside(q: f64, count: u64) -> [u64; 2] {
    let low = place(q, count) as u64;
    [low, (low + 1).min(count - 1)]
}

fn place(q: f64, count: u64) -> f64 {
    q * (count - 1) as f64
}

fn interpolate(count: u64, ranks: &[u64; RANKS], found: &[f64; RANKS]) -> [f64; QUANTILES.len()] {
    QUANTILES.map(|q| {
        let [low, high] = beside(q, count).map(|rank| found[ranks.partition_point(|&r| r < rank)]);
        low + (high - low) * place(q, count).fract()
    })
}

/// Values from which on counting them in bins is quicker than sorting them all.
const SEVERAL: usize = 1 << 7;

/// Fewest and most bins of a [`Grid`]; between, two to four for each value.
const BINS: [usize; 2] = [1 << 9, 1 << 12];

/// Added to a small number, leaves the nearest whole one in the low bits.
const ROUND: f64 = (1_u64 << 52) as f64;

/// Bins of equal width over the range of a sample.
#[derive(Clone, Copy)]
struct Grid {
    low: f64,
    scale: f64,
    n_bins: usize,
}

impl Grid {
    /// Rising with x, and within the bins up to rounding.
    #[inline(always)]
    fn index(&self, x: f64) -> u16 {
        ((x - self.low) * self.scale + ROUND).to_bits() as u16
    }
}

/// The bins of some values being worked out. It is no closure, since those are not always compiled with the instructions that were
/// chosen.
struct Indices<'v, T> {
    grid: Grid,
    values: &'v [T],
    indices: &'v mut Vec<u16>,
}

impl<T: Copy + Into<f64>> WithSimd for Indices<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let grid = self.grid;
        let indices = self.values.iter().map(|&x| grid.index(x.into()));
        self.indices.extend(indices);
    }
}

/// Counts finite values in bins of equal width over their range, and sorts those of the bins that hold a rank. `None` for values
/// that are few, not all finite, or so unevenly spread that many would have to be sorted.
fn by_bins(
    sample: &Sample<'_>,
    moments: &Moments,
    ranks: &[u64; RANKS],
    scratch: &mut Scratch,
) -> Option<[f64; RANKS]> {
    let n = sample.n_stored();
    let [fewest, most] = BINS;
    let n_bins = (2 * n).next_power_of_two().clamp(fewest, most);
    let grid = Grid {
        low: moments.min,
        scale: (n_bins - 1) as f64 / (moments.max - moments.min),
        n_bins,
    };
    let bins_help = n >= SEVERAL && n as u64 == moments.count;
    if !bins_help || !grid.scale.is_finite() || grid.scale <= 0.0 {
        return None;
    }
    let Scratch {
        indices,
        values: keys,
        ..
    } = scratch;
    indices.clear();
    let arch = Arch::new();
    for part in &sample.parts {
        match part.values {
            Values::F32(values) => arch.dispatch(Indices {
                grid,
                values,
                indices,
            }),
            Values::F64(values) => arch.dispatch(Indices {
                grid,
                values,
                indices,
            }),
        }
    }
    let mut counts = [0_u32; BINS[1]];
    let in_bins = |index: u16| usize::from(index) % BINS[1];
    indices
        .iter()
        .for_each(|&index| counts[in_bins(index)] += 1);
    let wanted = wanted(&counts[..grid.n_bins], ranks);
    let bins: Vec<u16> = wanted.iter().map(|&(bin, _)| bin).collect();
    let many = bins.iter().map(|&bin| counts[in_bins(bin)] as usize);
    if many.sum::<usize>() > n / LOOKED_INTO {
        return None;
    }
    let mut marked = [false; BINS[1]];
    bins.iter().for_each(|&bin| marked[in_bins(bin)] = true);
    keys.clear();
    let mut places = indices.iter();
    sample.for_each(|x, _| {
        if places.next().is_some_and(|&index| marked[in_bins(index)]) {
            keys.push(key(x));
        }
    });
    let places = places_within(&counts, &bins, &wanted, ranks);
    Some(select(keys, &places).map(value))
}

/// The keys at rising places of their order.
pub(crate) fn select<K: Copy + Default + Ord>(
    keys: &mut [K],
    places: &[usize; RANKS],
) -> [K; RANKS] {
    let mut found = [K::default(); RANKS];
    select_from(0, keys, places, &mut found);
    found
}

/// `keys` are those from place `first` on.
fn select_from<K: Copy + Ord>(first: usize, keys: &mut [K], places: &[usize], found: &mut [K]) {
    let Some(&place) = places.get(places.len() / 2) else {
        return;
    };
    let (below, &mut key, above) = keys.select_nth_unstable(place - first);
    let is_below = places.partition_point(|&p| p < place);
    let is_above = places.partition_point(|&p| p <= place);
    found[is_below..is_above].fill(key);
    select_from(first, below, &places[..is_below], &mut found[..is_below]);
    let (places, found) = (&places[is_above..], &mut found[is_above..]);
    select_from(place + 1, above, places, found);
}

/// Selects by keys, whole numbers that compare as the values do.
fn by_keys(sample: &Sample<'_>, ranks: &[u64; RANKS], scratch: &mut Scratch) -> [f64; RANKS] {
    let keys = &mut scratch.values;
    keys.clear();
    sample.for_each(|x, _| {
        if x.is_finite() {
            keys.push(key(x));
        }
    });
    select(keys, &ranks.map(|rank| rank as usize)).map(value)
}

/// The bits of an f64, rearranged so that they compare as the numbers do.
fn key(x: f64) -> u64 {
    let bits = x.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

/// The number of a [`key`].
fn value(key: u64) -> f64 {
    let sign = ((!key) as i64 >> 63) as u64 | 1 << 63;
    f64::from_bits(key ^ sign)
}

fn by_sorting(sample: &Sample<'_>, ranks: &[u64; RANKS], scratch: &mut Scratch) -> [f64; RANKS] {
    let pairs = &mut scratch.pairs;
    pairs.clear();
    sample.for_each(|x, times| {
        if x.is_finite() {
            pairs.push((x, times));
        }
    });
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut walk = Walk::new(ranks);
    pairs.iter().for_each(|&(x, times)| walk.take(x, times));
    walk.found
}

/// Goes through values in rising order and notes those of the ranks.
pub(crate) struct Walk<'a> {
    ranks: &'a [u64; RANKS],
    pub(crate) found: [f64; RANKS],
    next: usize,
    pub(crate) before: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(ranks: &'a [u64; RANKS]) -> Self {
        Self {
            ranks,
            found: [f64::NAN; RANKS],
            next: 0,
            before: 0,
        }
    }

    pub(crate) fn take(&mut self, x: f64, times: u64) {
        self.before += times;
        while self.next < RANKS && self.ranks[self.next] < self.before {
            self.found[self.next] = x;
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Times;

    fn values(n: u32) -> Vec<f32> {
        let scramble = |i: u32| i.wrapping_mul(2_654_435_761).rotate_left(13) % 20_011;
        (0..n)
            .map(|i| (scramble(i) as f32 - 9_000.0) / 977.0)
            .collect()
    }

    fn check(weights: &[f32], times: Times<'_>) {
        let mut expanded = Vec::new();
        times.of(weights, |x, n| {
            expanded.extend(std::iter::repeat_n(f64::from(x), n as usize));
        });
        expanded.retain(|x| x.is_finite());
        expanded.sort_by(f64::total_cmp);
        let count = expanded.len() as u64;
        let ranks = ranks(count);
        let expected = ranks.map(|rank| expanded[rank as usize]);
        let sample = Sample::default().with(Values::F32(weights), times);
        let scratch = &mut Scratch::default();
        assert_eq!(by_leading_bits(&sample, &ranks, scratch), expected);
        assert_eq!(by_sorting(&sample, &ranks, scratch), expected);
        if sample.is_each_once() {
            assert_eq!(by_keys(&sample, &ranks, scratch), expected);
            let wide: Vec<f64> = weights.iter().map(|&x| f64::from(x)).collect();
            let sample = Sample::each(&wide);
            let binned = by_bins(&sample, &Moments::of(&sample), &ranks, scratch);
            let helps = n_finite_is(&wide, SEVERAL);
            assert_eq!(binned, helps.then_some(expected));
        }
    }

    /// Whether all of them are finite, and at least so many.
    fn n_finite_is(values: &[f64], at_least: usize) -> bool {
        values.len() >= at_least && values.iter().all(|x| x.is_finite())
    }

    #[test]
    fn uneven_values_are_left_to_sorting() {
        let mut spike = vec![0.0; 10_000];
        (spike[1], spike[2]) = (1.0, -1.0);
        let sample = Sample::each(&spike);
        let moments = Moments::of(&sample);
        let (ranks, scratch) = (ranks(moments.count), &mut Scratch::default());
        assert_eq!(by_bins(&sample, &moments, &ranks, scratch), None);
        assert_eq!(Quantiles::of(&sample, &moments, scratch).0, [0.0; 7]);
    }

    #[test]
    fn every_way_finds_the_same_order_statistics() {
        for n in [1, 2, 3, 10, 999, 20_000] {
            let mut weights = values(n);
            check(&weights, Times::Once);
            check(&weights, Times::Each(3));
            check(&weights, Times::Cycle(&[4, 0, 1]));
            if n > 100 {
                weights[5] = f32::NAN;
                weights[6] = -f32::NAN;
                weights[7] = f32::INFINITY;
                weights[8] = f32::NEG_INFINITY;
                weights[50..90].fill(-0.0);
                check(&weights, Times::Once);
            }
        }
    }

    #[test]
    fn a_sample_within_another() {
        let (weights, more) = (values(30_000), values(700));
        let inner = Sample::weights(&weights);
        let outer = inner.clone().with(Values::F32(&more), Times::Once);
        let moments = [&inner, &outer].map(|sample| Moments::of(sample));
        let scratch = &mut Scratch::default();
        let both = Quantiles::of_nested([&inner, &outer], [&moments[0], &moments[1]], scratch);
        assert_eq!(both[0], Quantiles::of(&inner, &moments[0], scratch));
        assert_eq!(both[1], Quantiles::of(&outer, &moments[1], scratch));
    }
}
