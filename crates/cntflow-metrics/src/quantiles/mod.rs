//! Exact quantiles of samples, and a sketch for kernels too large for them.
//!
//! A quantile lies between two order statistics, so the work is to find the values of a few ranks
//! without sorting everything. All ways do this in three steps: count the values in bins, where a
//! larger value is never in a lower bin, collect the values of the few bins that hold a rank, and
//! select among those.
//!
//! | sample | bins | file |
//! |---|---|---|
//! | f32, many stored values | leading 16 bits | `radix_select` |
//! | any, fewer values, each once | equal width over the range | `binned_select` |
//! | a kernel, counted while scanned | equal width over a guessed range | `kernel_histogram` |
//! | a kernel beyond [`MAX_WEIGHTS_FOR_EXACT_QUANTILES`] | leading 16 bits, no second look | `sketch` |
//!
//! All but the sketch give the order statistics that sorting would, so the choice changes no
//! result.

mod bin_grid;
mod binned_select;
mod kernel_counts;
mod kernel_histogram;
mod ordered_keys;
mod radix_bins;
mod radix_select;
mod ranks;
pub(crate) mod scratch;
mod sketch;

pub use kernel_counts::MAX_WEIGHTS_FOR_EXACT_QUANTILES;
pub use ranks::QUANTILES;
pub use sketch::QuantileSketch;

pub(crate) use kernel_counts::KernelCounts;

use crate::moments::Moments;
use crate::sample::{Sample, Scratch, Values};
use binned_select::select_by_bins;
use ordered_keys::{f64_key, f64_of_key, select};
use radix_select::{radix_select, radix_select_nested};
use ranks::{RANKS, RankWalk, interpolate, ranks};
use scratch::QuantileScratch;

/// Number of stored values from which radix selection is quicker. For fewer, clearing its 65,536
/// bins costs more than it saves.
const RADIX_FROM: usize = 1 << 14;

/// The quantiles [`QUANTILES`] of a sample's finite values; NaN where there are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles(pub(crate) [f64; QUANTILES.len()]);

impl Default for Quantiles {
    fn default() -> Self {
        Self([f64::NAN; QUANTILES.len()])
    }
}

impl Quantiles {
    /// Quantiles of a sample whose moments are `moments`.
    pub(crate) fn of(sample: &Sample<'_>, moments: &Moments, scratch: &mut Scratch) -> Self {
        if moments.count == 0 {
            return Self::default();
        }
        if moments.min == moments.max {
            return Self([moments.min; QUANTILES.len()]);
        }
        let scratch = &mut scratch.quantiles;
        let ranks = ranks(moments.count);
        let order_statistics = if suits_radix_selection(sample) {
            radix_select(sample, &ranks, scratch)
        } else if sample.is_each_once() {
            let binned = select_by_bins(sample, moments, &ranks, scratch);
            binned.unwrap_or_else(|| select_among_all(sample, &ranks, scratch))
        } else {
            select_by_sorting(sample, &ranks, scratch)
        };
        Self(interpolate(moments.count, &ranks, &order_statistics))
    }

    /// Quantiles of two samples with `counts` finite values. `find` gives the order statistics of
    /// the ranks of each.
    fn of_two(
        counts: [u64; 2],
        find: impl FnOnce([&[u64; RANKS]; 2]) -> Option<[[f64; RANKS]; 2]>,
    ) -> Option<[Self; 2]> {
        let ranks = counts.map(ranks);
        let found = find([&ranks[0], &ranks[1]])?;
        Some([0, 1].map(|i| Self(interpolate(counts[i], &ranks[i], &found[i]))))
    }

    /// Quantiles by a sketch. They are clamped to the sample's range, since the middle of a bin may
    /// lie outside.
    fn of_sketch(sketch: &QuantileSketch, moments: &Moments) -> Self {
        let quantile = |q| sketch.quantile(q).unwrap_or(f64::NAN);
        let clamp = |x: f64| match moments.count {
            0 => x,
            _ => x.clamp(moments.min, moments.max),
        };
        Self(QUANTILES.map(|q| clamp(quantile(q))))
    }

    /// Quantiles of two samples, where `outer` has the parts of `inner` and then more.
    pub(crate) fn of_nested(
        [inner, outer]: [&Sample<'_>; 2],
        [inner_moments, outer_moments]: [&Moments; 2],
        scratch: &mut Scratch,
    ) -> [Self; 2] {
        let counts = [inner_moments.count, outer_moments.count];
        let both_suit = suits_radix_selection(inner) && suits_radix_selection(outer);
        if both_suit && inner_moments.count > 0 {
            let more = Sample {
                parts: outer.parts[inner.parts.len()..].to_vec(),
            };
            let ranks = counts.map(ranks);
            let pair = [&ranks[0], &ranks[1]];
            let found = radix_select_nested([inner, &more], pair, &mut scratch.quantiles);
            return [0, 1].map(|i| Self(interpolate(counts[i], &ranks[i], &found[i])));
        }
        [
            Self::of(inner, inner_moments, scratch),
            Self::of(outer, outer_moments, scratch),
        ]
    }
}

/// Whether all values are f32, and enough of them for radix selection.
fn suits_radix_selection(sample: &Sample<'_>) -> bool {
    let is_f32 = |values| matches!(values, Values::F32(_));
    sample.n_stored() >= RADIX_FROM && sample.parts.iter().all(|part| is_f32(part.values))
}

/// Selects among the keys of all finite values, each of which counts once.
fn select_among_all(
    sample: &Sample<'_>,
    ranks: &[u64; RANKS],
    scratch: &mut QuantileScratch,
) -> [f64; RANKS] {
    let keys = &mut scratch.f64_keys;
    keys.clear();
    sample.for_each(|x, _| {
        if x.is_finite() {
            keys.push(f64_key(x));
        }
    });
    select(keys, &ranks.map(|rank| rank as usize)).map(f64_of_key)
}

/// Sorts the finite values, which may count several times.
fn select_by_sorting(
    sample: &Sample<'_>,
    ranks: &[u64; RANKS],
    scratch: &mut QuantileScratch,
) -> [f64; RANKS] {
    let pairs = &mut scratch.pairs;
    pairs.clear();
    sample.for_each(|x, times| {
        if x.is_finite() {
            pairs.push((x, times));
        }
    });
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut walk = RankWalk::new(ranks);
    pairs.iter().for_each(|&(x, times)| walk.take(x, times));
    walk.values
}

#[cfg(test)]
mod tests {
    use super::binned_select::BINS_FROM;
    use super::*;
    use crate::sample::Times;

    fn values(n: u32) -> Vec<f32> {
        let scramble = |i: u32| i.wrapping_mul(2_654_435_761).rotate_left(13) % 20_011;
        (0..n)
            .map(|i| (scramble(i) as f32 - 9_000.0) / 977.0)
            .collect()
    }

    /// Every selection gives what sorting the expanded sample does.
    fn check(weights: &[f32], times: Times<'_>) {
        let mut expanded = Vec::new();
        times.for_each(weights, |x, n| {
            expanded.extend(std::iter::repeat_n(f64::from(x), n as usize));
        });
        expanded.retain(|x| x.is_finite());
        expanded.sort_by(f64::total_cmp);
        let ranks = ranks(expanded.len() as u64);
        let expected = ranks.map(|rank| expanded[rank as usize]);
        let sample = Sample::default().with(Values::F32(weights), times);
        let scratch = &mut QuantileScratch::default();
        assert_eq!(radix_select(&sample, &ranks, scratch), expected);
        assert_eq!(select_by_sorting(&sample, &ranks, scratch), expected);
        if sample.is_each_once() {
            assert_eq!(select_among_all(&sample, &ranks, scratch), expected);
            let wide: Vec<f64> = weights.iter().map(|&x| f64::from(x)).collect();
            let sample = Sample::each(&wide);
            let binned = select_by_bins(&sample, &Moments::of(&sample), &ranks, scratch);
            let suits_bins = wide.len() >= BINS_FROM && wide.iter().all(|x| x.is_finite());
            assert_eq!(binned, suits_bins.then_some(expected));
        }
    }

    #[test]
    fn unevenly_spread_values_are_not_selected_by_bins() {
        let mut spike = vec![0.0; 10_000];
        (spike[1], spike[2]) = (1.0, -1.0);
        let sample = Sample::each(&spike);
        let moments = Moments::of(&sample);
        let (ranks, scratch) = (ranks(moments.count), &mut Scratch::default());
        let binned = select_by_bins(&sample, &moments, &ranks, &mut scratch.quantiles);
        assert_eq!(binned, None);
        assert_eq!(Quantiles::of(&sample, &moments, scratch).0, [0.0; 7]);
    }

    #[test]
    fn every_selection_finds_the_same_order_statistics() {
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
    fn nested_samples_have_the_quantiles_of_each_alone() {
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
