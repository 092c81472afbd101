//! A sample of any size in bounded memory, the same whatever the order in which its parts came.

use super::bins::{Bins, Cluster};
use super::place::is_rounded;

/// Different values up to which a sample is kept as it is, default is 4,096.
pub const EXACT_VALUES: usize = 4096;

/// Bins that a larger sample is kept in, default is 4,096.
pub const MAX_BINS: usize = 4096;

/// A sample of real numbers in bounded memory: what densities, divergences and distances between populations are computed from.
///
/// Up to [`EXACT_VALUES`] different values are kept as they are, each with how often it counts. More are taken with 24 significant bits
/// (those of an f32) and put into at most [`MAX_BINS`] occupied bins of width 2^L, L as small as they allow; a bin keeps the number of
/// its values and the sums of the powers 1 to 4 of their distances from its centre. When a sample outgrows its bins, pairs of them are
/// joined. All of it is integers, so a sample of samples is the same to the last bit in whatever order they are merged, and equals the
/// summary of all their values. Outliers cost a bin each, not resolution.
///
/// NaN and infinities are counted and left out. Sums hold up to 2^39 values.
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
    /// Least and largest value.
    pub(super) range: Option<(f64, f64)>,
    pub(super) nan: u64,
    pub(super) infinite: u64,
    /// Whether values were rounded to 24 bits.
    pub(super) rounded: bool,
}

/// What is kept of the finite values.
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

    /// Least value; NaN without any.
    pub fn min(&self) -> f64 {
        self.range.map_or(f64::NAN, |(min, _)| min)
    }

    /// Largest value; NaN without any.
    pub fn max(&self) -> f64 {
        self.range.map_or(f64::NAN, |(_, max)| max)
    }

    /// Whether every value is kept as it was.
    pub fn is_exact(&self) -> bool {
        matches!(self.values, Values::Exact(_))
    }

    /// Bytes in memory, roughly.
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

    /// `sum (x - m)^2 / (n - 1)`: the variance with ddof 1. NaN of fewer than two values, exactly 0 of equal ones.
    pub fn variance(&self) -> f64 {
        let n = self.count();
        if n < 2 {
            return f64::NAN;
        }
        self.mean_and_squares().1 / (n - 1) as f64
    }

    /// The mean, and the sum of squares about it, each in a pass of its own, so that no digits cancel.
    fn mean_and_squares(&self) -> (f64, f64) {
        match self.range {
            None => return (f64::NAN, f64::NAN),
            Some((min, max)) if min == max => return (min, 0.0),
            Some(_) => {}
        }
        let n = self.count() as f64;
        let clusters = || self.clusters();
        let about: f64 = clusters().map(|c| c.count * c.mean() / n).sum();
        // The first sum's rounding, taken out again.
        let rest: f64 = clusters().map(|c| c.count * (c.mean() - about)).sum();
        let mean = about + rest / n;
        let squares = clusters().map(|c| {
            let d = c.centre - mean;
            c.count * d * d + 2.0 * d * c.sums[0] + c.sums[1]
        });
        (mean, squares.sum())
    }

    /// The values in clusters, from the least on.
    pub(super) fn clusters(&self) -> Box<dyn Iterator<Item = Cluster> + '_> {
        match &self.values {
            Values::Exact(values) => {
                Box::new(values.iter().map(|&(x, times)| Cluster::value(x, times)))
            }
            Values::Binned(bins) => Box::new(bins.clusters()),
        }
    }

    /// Takes another sample in. In whatever order samples are merged, the result is the same to the last bit.
    pub fn merge(&mut self, other: &Self) {
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (a, b) => a.or(b),
        };
        self.rounded |= other.rounded;
        match &other.values {
            Values::Exact(values) => self.take(values),
            Values::Binned(bins) => self.take_bins(bins),
        }
    }

    /// Takes sorted different values in.
    pub(super) fn take(&mut self, sorted: &[(f64, u64)]) {
        match &mut self.values {
            Values::Exact(values) => {
                *values = united(values, sorted);
                if values.len() > EXACT_VALUES {
                    self.rounded |= values.iter().any(|&(x, _)| is_rounded(x));
                    self.values = Values::Binned(Bins::of(values, MAX_BINS));
                }
            }
            Values::Binned(bins) => {
                self.rounded |= sorted.iter().any(|&(x, _)| is_rounded(x));
                bins.take(sorted, MAX_BINS);
            }
        }
    }

    fn take_bins(&mut self, other: &Bins) {
        let own = std::mem::replace(&mut self.values, Values::Binned(other.clone()));
        match own {
            Values::Exact(values) => self.take(&values),
            Values::Binned(own) => {
                if let Values::Binned(bins) = &mut self.values {
                    bins.merge(&own, MAX_BINS);
                }
            }
        }
    }
}

/// Two sorted lists as one, equal values put together.
fn united(a: &[(f64, u64)], b: &[(f64, u64)]) -> Vec<(f64, u64)> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    all.extend_from_slice(a);
    all.extend_from_slice(b);
    // Two sorted runs: the stable sort merges them in one pass.
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    put_together(&mut all);
    all
}

/// Puts equal values of a sorted list together.
pub(super) fn put_together(values: &mut Vec<(f64, u64)>) {
    values.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}
