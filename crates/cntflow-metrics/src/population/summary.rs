//! A sample of any size in bounded memory. Its parts may come in any order.

use super::bins::{Bins, Cluster, mean_and_squares};
use super::dyadic::is_rounded;

/// Number of different values up to which all are kept: 4,096.
pub const EXACT_VALUES: usize = 4096;

/// Number of bins of a larger sample, at most: 4,096.
pub const MAX_BINS: usize = 4096;

/// A sample of real numbers in bounded memory, from which densities, divergences and distances are
/// computed.
///
/// Up to [`EXACT_VALUES`] different values are kept, each with how often it counts. More are
/// rounded to 24 significant bits (those of an f32) and counted in bins of width 2^k. k is as small
/// as [`MAX_BINS`] occupied bins allow; when a sample outgrows them, bins are joined in pairs. A
/// bin keeps the number of its values and the sums of the powers 1 to 4 of their distances from its
/// centre.
///
/// All of these are integers. So merging in any order gives the same result to the last bit, equal
/// to the summary of all values. An outlier costs a bin, not resolution.
///
/// NaN and infinities are counted and left out. Fewer than 2^39 values fit.
///
/// ```
/// use cntflow_metrics::population::SampleSummary;
///
/// let mut sample: SampleSummary = [1.0, 2.0, f64::NAN].into_iter().collect();
/// sample.merge(&[6.0].into_iter().collect());
/// assert_eq!((sample.count(), sample.nan(), sample.mean()), (3, 1, 3.0));
/// assert_eq!((sample.min(), sample.max(), sample.variance()), (1.0, 6.0, 7.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleSummary {
    pub(super) values: Values,
    /// Smallest and largest value.
    pub(super) range: Option<(f64, f64)>,
    pub(super) nan: u64,
    pub(super) infinite: u64,
    /// Whether values were rounded to 24 bits.
    pub(super) rounded: bool,
}

/// The finite values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Different values, sorted, with how often each counts.
    Exact(Vec<(f64, u64)>),
    /// Bins.
    Binned(Bins),
}

impl Default for Values {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl SampleSummary {
    /// n, the number of finite values.
    pub fn count(&self) -> u64 {
        match &self.values {
            Values::Exact(values) => values.iter().map(|&(_, times)| times).sum(),
            Values::Binned(bins) => bins.bins.iter().map(|bin| bin.count).sum(),
        }
    }

    /// Number of NaN, which are left out.
    pub fn nan(&self) -> u64 {
        self.nan
    }

    /// Number of infinities, which are left out.
    pub fn infinite(&self) -> u64 {
        self.infinite
    }

    /// Smallest value; NaN without values.
    pub fn min(&self) -> f64 {
        self.range.map_or(f64::NAN, |(min, _)| min)
    }

    /// Largest value; NaN without values.
    pub fn max(&self) -> f64 {
        self.range.map_or(f64::NAN, |(_, max)| max)
    }

    /// Whether all values are kept, without bins.
    pub fn is_exact(&self) -> bool {
        matches!(self.values, Values::Exact(_))
    }

    /// Size in memory in bytes, roughly.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.values {
                Values::Exact(values) => size_of_val(values.as_slice()),
                Values::Binned(bins) => size_of_val(bins.bins.as_slice()),
            }
    }

    /// `m = sum x / n`; NaN without values.
    pub fn mean(&self) -> f64 {
        self.mean_and_squares().0
    }

    /// `sum (x - m)^2 / (n - 1)`: the variance with ddof 1. NaN for fewer than two values, exactly
    /// 0 for equal ones.
    pub fn variance(&self) -> f64 {
        let n = self.count();
        if n < 2 {
            return f64::NAN;
        }
        self.mean_and_squares().1 / (n - 1) as f64
    }

    /// The mean and the sum of squares about it.
    pub(super) fn mean_and_squares(&self) -> (f64, f64) {
        match self.range {
            None => (f64::NAN, f64::NAN),
            Some((min, max)) if min == max => (min, 0.0),
            Some(_) => mean_and_squares(&self.clusters().collect::<Vec<_>>()),
        }
    }

    /// The values in clusters, in rising order.
    pub(super) fn clusters(&self) -> Box<dyn Iterator<Item = Cluster> + '_> {
        match &self.values {
            Values::Exact(values) => {
                Box::new(values.iter().map(|&(x, times)| Cluster::value(x, times)))
            }
            Values::Binned(bins) => Box::new(bins.clusters()),
        }
    }

    /// The mean and the number of the values of at most `max` clusters, in rising order.
    pub(super) fn coarse_means(&self, max: usize) -> Vec<(f64, f64)> {
        match &self.values {
            Values::Exact(values) if values.len() <= max => {
                values.iter().map(|&(x, times)| (x, times as f64)).collect()
            }
            Values::Exact(values) => Bins::of(values, max).coarse_means(max),
            Values::Binned(bins) => bins.coarse_means(max),
        }
    }

    /// Adds another sample. The order in which samples are merged does not change a bit of the
    /// result.
    pub fn merge(&mut self, other: &Self) {
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        self.rounded |= other.rounded;
        match &other.values {
            Values::Exact(values) => self.add_values(values),
            Values::Binned(bins) => self.add_bins(bins),
        }
    }

    /// Adds sorted values that all differ, each with how often it counts.
    pub(super) fn add_values(&mut self, sorted: &[(f64, u64)]) {
        match &mut self.values {
            Values::Exact(values) => {
                *values = merge_sorted(values, sorted);
                if values.len() > EXACT_VALUES {
                    self.rounded |= values.iter().any(|&(x, _)| is_rounded(x));
                    self.values = Values::Binned(Bins::of(values, MAX_BINS));
                }
            }
            Values::Binned(bins) => {
                self.rounded |= sorted.iter().any(|&(x, _)| is_rounded(x));
                bins.add_values(sorted, MAX_BINS);
            }
        }
    }

    /// Adds the bins of another sample.
    fn add_bins(&mut self, other: &Bins) {
        let own = std::mem::replace(&mut self.values, Values::Binned(other.clone()));
        match own {
            Values::Exact(values) => self.add_values(&values),
            Values::Binned(own) => {
                if let Values::Binned(bins) = &mut self.values {
                    bins.merge(&own, MAX_BINS);
                }
            }
        }
    }
}

/// Merges two sorted lists; equal values are joined.
fn merge_sorted(a: &[(f64, u64)], b: &[(f64, u64)]) -> Vec<(f64, u64)> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    all.extend_from_slice(a);
    all.extend_from_slice(b);
    // Two sorted runs: the stable sort merges them in one pass.
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    join_equal(&mut all);
    all
}

/// Joins equal values of a sorted list.
pub(super) fn join_equal(values: &mut Vec<(f64, u64)>) {
    values.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}
