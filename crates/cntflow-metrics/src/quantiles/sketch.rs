//! Quantiles of any number of f32 values in one pass and bounded memory.

use super::radix_bins::{FINITE, RadixBins, edges};

/// Counts of f32 values by sign, exponent and the first 7 bits of the mantissa: 512 KiB for any
/// number of values.
///
/// The error of a quantile is at most [`QuantileSketch::RELATIVE_ERROR`] of the order statistics it
/// lies between, and at most 2^-134 where those are below 2^-126. Merging two sketches gives that
/// of both samples, in any order. NaN and infinities are left out.
///
/// ```
/// use cntflow_metrics::QuantileSketch;
///
/// let values: Vec<f32> = (1..=1000).map(|i| i as f32).collect();
/// let [mut low, mut high] = [QuantileSketch::default(), QuantileSketch::default()];
/// low.add(&values[..300]);
/// high.add(&values[300..]);
/// low.merge(&high);
/// let median = low.quantile(0.5).unwrap();
/// assert!((median / 500.5 - 1.0).abs() <= QuantileSketch::RELATIVE_ERROR);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantileSketch {
    bins: RadixBins,
}

impl Default for QuantileSketch {
    fn default() -> Self {
        let mut bins = RadixBins::default();
        bins.reset();
        Self { bins }
    }
}

impl QuantileSketch {
    /// Largest relative error: half a bin, whose width is at most 2^-7 of the values in it.
    pub const RELATIVE_ERROR: f64 = 1.0 / 256.0;

    /// Adds values.
    pub fn add(&mut self, values: &[f32]) {
        for &x in values {
            self.bins.add(x, 1);
        }
    }

    /// Adds the values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        self.bins.merge(&other.bins);
    }

    /// Number of finite values.
    pub fn count(&self) -> u64 {
        self.bins.finite().iter().sum()
    }

    /// Quantile q of 0 to 1, by linear interpolation between order statistics at `q (n - 1)`;
    /// `None` without a finite value.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let position = q.clamp(0.0, 1.0) * self.count().checked_sub(1)? as f64;
        let ranks = [position.floor(), position.ceil()];
        let [low, high] = ranks.map(|rank| self.value(rank as u64));
        Some(low + (high - low) * position.fract())
    }

    /// The middle of the bin that holds a rank.
    fn value(&self, rank: u64) -> f64 {
        let mut end = 0;
        let holds_rank = |&(_, &count): &(u16, &u64)| {
            end += count;
            rank < end
        };
        let mut bins = FINITE.zip(self.bins.finite());
        let middle = |bin: u16| {
            let [smallest, largest] = edges(bin);
            (smallest + largest) / 2.0
        };
        bins.find(holds_rank)
            .map_or(f64::NAN, |(bin, _)| middle(bin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f32]) {
        let mut sketch = QuantileSketch::default();
        sketch.add(values);
        let mut sorted: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sketch.count(), sorted.len() as u64);
        for q in [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0] {
            let position = q * (sorted.len() - 1) as f64;
            let beside = [position.floor(), position.ceil()].map(|rank| sorted[rank as usize]);
            let exact = beside[0] + (beside[1] - beside[0]) * position.fract();
            let scale = beside[0].abs().max(beside[1].abs());
            let error = (sketch.quantile(q).unwrap() - exact).abs();
            let bound = QuantileSketch::RELATIVE_ERROR * scale + 2.0_f64.powi(-134);
            assert!(error <= bound, "{q}: {error} > {bound}");
        }
    }

    fn noise(n: u32) -> impl Iterator<Item = f32> {
        let bits = |i: u32| {
            i.wrapping_mul(2_654_435_761)
                .rotate_left(13)
                .wrapping_mul(0x85eb_ca6b)
        };
        (0..n).map(move |i| (bits(i) >> 8) as f32 / (1 << 24) as f32)
    }

    #[test]
    fn quantiles_are_within_the_bound() {
        check(&noise(10_001).map(|u| u - 0.5).collect::<Vec<_>>());
        check(
            &noise(5_000)
                .map(|u| (1.0 / u.max(1e-6)) * 1e3)
                .collect::<Vec<_>>(),
        );
        check(&noise(777).map(|u| -u * 1e-41).collect::<Vec<_>>());
        check(&noise(3_000).map(|u| 1.0 + u * 1e-3).collect::<Vec<_>>());
        check(&[2.5; 40]);
        check(&[f32::MIN, -0.0, 0.0, f32::MAX]);
        check(&[-3.0]);
    }

    #[test]
    fn parts_merge_to_the_whole_in_any_order() {
        let values: Vec<f32> = noise(9_000).map(|u| (u - 0.3).powi(3)).collect();
        let of = |values: &[f32]| {
            let mut sketch = QuantileSketch::default();
            sketch.add(values);
            sketch
        };
        let [a, b, c] = [
            of(&values[..10]),
            of(&values[10..4000]),
            of(&values[4000..]),
        ];
        let merged = |parts: [&QuantileSketch; 3]| {
            let mut whole = QuantileSketch::default();
            parts.into_iter().for_each(|part| whole.merge(part));
            whole
        };
        assert_eq!(merged([&a, &b, &c]), of(&values));
        assert_eq!(merged([&c, &a, &b]), of(&values));
    }

    #[test]
    fn nan_and_infinities_are_left_out() {
        let mut sketch = QuantileSketch::default();
        sketch.add(&[f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!((sketch.count(), sketch.quantile(0.5)), (0, None));
        sketch.add(&[4.0]);
        assert_eq!(sketch.count(), 1);
    }
}
