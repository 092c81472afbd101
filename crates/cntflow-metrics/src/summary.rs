//! The statistics that summarise every distribution.

use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::quantiles::Quantiles;
use crate::sample::{Sample, Scratch};

/// Statistics of a distribution of n finite values x. NaN and infinities are counted separately and
/// left out of all other statistics.
///
/// Without a finite value, every statistic but the counts is NaN. Skewness and kurtosis are NaN
/// where all values are equal. A metric that is one number per layer has it in `mean`, and NaN in
/// the other statistics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// n, the number of finite values.
    pub count: u64,
    /// `m = sum x / n`
    pub mean: f64,
    /// `sqrt(m2)`, `m_k = sum (x - m)^k / n`: the population standard deviation (ddof 0).
    pub std: f64,
    /// `m3 / m2^1.5`
    pub skewness: f64,
    /// `m4 / m2^2 - 3`
    pub kurtosis: f64,
    /// Smallest value.
    pub min: f64,
    /// Quantile 0.01, by linear interpolation between order statistics at `q (n - 1)`, numpy's
    /// default. So are all quantiles.
    pub q01: f64,
    /// Quantile 0.05.
    pub q05: f64,
    /// Quantile 0.25.
    pub q25: f64,
    /// Quantile 0.5, the median.
    pub q50: f64,
    /// Quantile 0.75.
    pub q75: f64,
    /// Quantile 0.95.
    pub q95: f64,
    /// Quantile 0.99.
    pub q99: f64,
    /// Largest value.
    pub max: f64,
    /// `sum |x|`
    pub l1: f64,
    /// `sqrt(sum x^2)`
    pub l2: f64,
    /// Share of values that are exactly 0, of either sign.
    pub zeros: f64,
    /// Number of NaN.
    pub nan: u64,
    /// Number of infinities.
    pub infinite: u64,
}

impl Summary {
    /// Statistics of values `[n]`.
    ///
    /// ```
    /// let summary = cntflow_metrics::Summary::of(&[1.0, 2.0, 3.0, 4.0, f64::NAN]);
    /// assert_eq!((summary.count, summary.nan, summary.mean), (4, 1, 2.5));
    /// assert_eq!(summary.std, 1.25_f64.sqrt());
    /// assert_eq!((summary.q50, summary.q25), (2.5, 1.75));
    /// assert!((summary.kurtosis - (41.0 / 16.0 / 1.5625 - 3.0)).abs() < 1e-15);
    /// ```
    pub fn of(values: &[f64]) -> Self {
        Self::of_sample(&Sample::each(values), &mut Scratch::default())
    }

    /// Statistics of a sample whose values may each count several times.
    pub(crate) fn of_sample(sample: &Sample<'_>, scratch: &mut Scratch) -> Self {
        let moments = Moments::of(sample);
        let quantiles = Quantiles::of(sample, &moments, scratch);
        Self::from_parts(&moments, &quantiles)
    }

    /// The summary of a sample with these moments and quantiles.
    pub(crate) fn from_parts(moments: &Moments, quantiles: &Quantiles) -> Self {
        let [q01, q05, q25, q50, q75, q95, q99] = quantiles.0;
        Self {
            count: moments.count,
            mean: moments.mean,
            std: moments.std(),
            skewness: moments.skewness(),
            kurtosis: moments.kurtosis(),
            min: moments.min,
            q01,
            q05,
            q25,
            q50,
            q75,
            q95,
            q99,
            max: moments.max,
            l1: moments.l1,
            l2: moments.l2(),
            zeros: moments.zeros as f64 / moments.count as f64,
            nan: moments.nan,
            infinite: moments.infinite,
        }
    }

    /// The summary of one number, in `mean`, with the numbers of finite, NaN and infinite values
    /// that it was computed from.
    pub(crate) fn single(value: f64, [count, nan, infinite]: [u64; 3]) -> Self {
        Self {
            count,
            mean: value,
            zeros: f64::NAN,
            nan,
            infinite,
            ..Self::from_parts(&Moments::default(), &Quantiles::default())
        }
    }

    /// Every statistic with the name of its column, in the order of the table `layers`. Counts are
    /// given as f64.
    pub fn columns(&self) -> [(&'static str, f64); 19] {
        [
            ("count", self.count as f64),
            ("mean", self.mean),
            ("std", self.std),
            ("skewness", self.skewness),
            ("kurtosis", self.kurtosis),
            ("min", self.min),
            ("q01", self.q01),
            ("q05", self.q05),
            ("q25", self.q25),
            ("q50", self.q50),
            ("q75", self.q75),
            ("q95", self.q95),
            ("q99", self.q99),
            ("max", self.max),
            ("l1", self.l1),
            ("l2", self.l2),
            ("zeros", self.zeros),
            ("nan", self.nan as f64),
            ("infinite", self.infinite as f64),
        ]
    }
}
