//! Moments of a sample: two passes, the second about the first's mean, so that no digits cancel.
//! `passes` has the passes over one sample, `running` the moments of many neurons at once.

mod extremes;
mod passes;
mod running;

pub(crate) use extremes::Extremes;
pub(crate) use running::RunningMoments;

use crate::sample::Sample;
use passes::{FirstPass, SecondPass};

/// Sums over the finite values of a sample. Without any, all but the counts are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    /// `sum (x - mean)^2`, and the third and fourth powers.
    pub(crate) central: [f64; 3],
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// `sum |x|`
    pub(crate) l1: f64,
    /// `sum x^2`
    pub(crate) squares: f64,
    pub(crate) zeros: u64,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            mean: f64::NAN,
            central: [f64::NAN; 3],
            min: f64::NAN,
            max: f64::NAN,
            l1: f64::NAN,
            squares: f64::NAN,
            zeros: 0,
            nan: 0,
            infinite: 0,
        }
    }
}

/// Smallest share of the second moment about 0 that the variance may be. Below it too many digits
/// cancel, and the sample needs a second pass about its mean.
const MIN_VARIANCE_SHARE: f64 = 0.2;

impl Moments {
    /// Moments from `sum x^k`, k of 1 to 4, and `sum |x|`: one pass is enough where no digits
    /// cancel.
    ///
    /// `None` where digits would cancel, a value is not finite, or all values are equal.
    pub(crate) fn from_raw(
        count: u64,
        [first, second, third, fourth]: [f64; 4],
        l1: f64,
        extremes: &Extremes,
    ) -> Option<Self> {
        let n = count as f64;
        let mean = first / n;
        let m2 = second - mean * first;
        // If a value is infinite or NaN, l1 is too.
        if !l1.is_finite() || m2.is_nan() || m2 < MIN_VARIANCE_SHARE * second {
            return None;
        }
        // The central sums, by the binomial theorem. They are not yet divided by n.
        let m3 = third - 3.0 * mean * second + 2.0 * mean * mean * first;
        let m4 = fourth - 4.0 * mean * third + 6.0 * mean * mean * second
            - 3.0 * mean * mean * mean * first;
        let (min, max) = extremes.range();
        (min < max).then(|| Self {
            count,
            mean,
            central: [m2, m3, m4],
            min: f64::from(min),
            max: f64::from(max),
            l1,
            squares: second,
            zeros: extremes.zeros(),
            nan: 0,
            infinite: 0,
        })
    }

    /// Moments of weights.
    pub(crate) fn of_weights(weights: &[f32]) -> Self {
        Self::of(&Sample::weights(weights))
    }

    /// Moments of a sample.
    pub(crate) fn of(sample: &Sample<'_>) -> Self {
        let mut first = FirstPass::default();
        sample.parts.iter().for_each(|part| first.part(part));
        if first.count == 0 {
            return Self {
                nan: first.nan,
                infinite: first.infinite,
                ..Self::default()
            };
        }
        let n = first.count as f64;
        let rounded_mean = first.sum / n;
        let mut second = SecondPass::about(rounded_mean);
        let all_finite = first.nan + first.infinite == 0;
        for part in &sample.parts {
            second.part(part, all_finite);
        }
        let (correction, central) = second.central(n);
        // Rounding must not give equal values a variance.
        let constant = first.min == first.max;
        Self {
            count: first.count,
            mean: if constant {
                first.min
            } else {
                rounded_mean + correction
            },
            central: if constant { [0.0; 3] } else { central },
            min: first.min,
            max: first.max,
            l1: first.l1,
            squares: first.squares,
            zeros: first.zeros,
            nan: first.nan,
            infinite: first.infinite,
        }
    }

    /// Moments of two samples together.
    ///
    /// Source: Pebay, SAND2008-6212, section 2.
    pub(crate) fn merge(&self, other: &Self) -> Self {
        let (nan, infinite) = (self.nan + other.nan, self.infinite + other.infinite);
        let whole = match (self.count, other.count) {
            (_, 0) => *self,
            (0, _) => *other,
            _ => self.merge_finite(other),
        };
        Self {
            nan,
            infinite,
            ..whole
        }
    }

    /// As [`Moments::merge`], where both samples have finite values.
    fn merge_finite(&self, other: &Self) -> Self {
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let d = other.mean - self.mean;
        let ([a2, a3, a4], [b2, b3, b4]) = (self.central, other.central);
        let m2 = a2 + b2 + d * d * a * b / n;
        let m3 = a3 + b3 + d.powi(3) * a * b * (a - b) / (n * n) + 3.0 * d * (a * b2 - b * a2) / n;
        let m4 = a4
            + b4
            + d.powi(4) * a * b * (a * a - a * b + b * b) / n.powi(3)
            + 6.0 * d * d * (a * a * b2 + b * b * a2) / (n * n)
            + 4.0 * d * (a * b3 - b * a3) / n;
        Self {
            count: self.count + other.count,
            mean: self.mean + d * b / n,
            central: [m2, m3, m4],
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            l1: self.l1 + other.l1,
            squares: self.squares + other.squares,
            zeros: self.zeros + other.zeros,
            ..*self
        }
    }

    /// Population variance (ddof 0).
    pub(crate) fn variance(&self) -> f64 {
        self.central[0] / self.count as f64
    }

    /// Population standard deviation.
    pub(crate) fn std(&self) -> f64 {
        self.variance().sqrt()
    }

    /// `m3 / m2^1.5`; NaN where all values are equal.
    pub(crate) fn skewness(&self) -> f64 {
        let m3 = self.central[1] / self.count as f64;
        m3 / self.variance().powf(1.5)
    }

    /// Excess kurtosis `m4 / m2^2 - 3`; NaN where all values are equal.
    pub(crate) fn kurtosis(&self) -> f64 {
        let m4 = self.central[2] / self.count as f64;
        m4 / (self.variance() * self.variance()) - 3.0
    }

    /// `sqrt(sum x^2)`
    pub(crate) fn l2(&self) -> f64 {
        self.squares.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Times, Values};

    #[test]
    fn merged_parts_are_the_whole() {
        let values: Vec<f32> = (0..5000_u32)
            .map(|i| ((i * 7919) % 1009) as f32 / 97.0)
            .collect();
        let whole = Moments::of(&Sample::weights(&values));
        let (left, right) = values.split_at(1234);
        let of = |part| Moments::of(&Sample::weights(part));
        let merged = of(left).merge(&of(right));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(1.0);
        assert!(close(merged.mean, whole.mean));
        assert!(close(merged.std(), whole.std()));
        assert!(close(merged.skewness(), whole.skewness()));
        assert!(close(merged.kurtosis(), whole.kurtosis()));
        assert_eq!(merged.count, whole.count);
    }

    #[test]
    fn a_value_that_counts_several_times_is_as_many_values() {
        let sample =
            Sample::default().with(Values::F32(&[1.0, 2.0, 0.0, 5.0]), Times::Cycle(&[2, 0]));
        let moments = Moments::of(&sample);
        assert_eq!((moments.count, moments.zeros, moments.mean), (4, 2, 0.5));
        assert_eq!((moments.l1, moments.std(), moments.max), (2.0, 0.5, 1.0));
    }

    #[test]
    fn nan_and_infinities_are_counted_and_left_out() {
        let mut values = vec![0.5_f32; 3000];
        values[2999] = f32::NAN;
        values[17] = f32::NEG_INFINITY;
        values[18] = f32::INFINITY;
        let moments = Moments::of(&Sample::weights(&values));
        assert_eq!((moments.count, moments.nan, moments.infinite), (2997, 1, 2));
        assert_eq!((moments.mean, moments.std(), moments.max), (0.5, 0.0, 0.5));
        assert!(moments.skewness().is_nan());
        assert!(Moments::of(&Sample::weights(&[f32::NAN])).mean.is_nan());
    }
}
