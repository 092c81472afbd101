//! The Wasserstein-1 distance of two samples.

use super::SampleSummary;
use super::bins::Cluster;

impl SampleSummary {
    /// The values as sorted points with weights: the values themselves, or for each bin two points
    /// with its first three moments.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let points = self.clusters().flat_map(|cluster| cluster.two_points());
        let mut points: Vec<(f64, f64)> = points.filter(|&(_, n)| n > 0.0).collect();
        // Bins touch, and rounding may put a point beyond the end of its bin.
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

/// A sample as points with weights, computed once for all distances to other samples.
#[derive(Clone, Debug)]
pub(super) struct Points {
    points: Vec<(f64, f64)>,
    count: f64,
    /// Bound of the distance between the distributions of the values and of the points; 0 for an
    /// exact sample. The values of a bin are on average at most their standard deviation from its
    /// mean, and so are its two points. That makes twice the deviation, averaged over all values.
    error: f64,
}

impl Points {
    pub(super) fn of(sample: &SampleSummary) -> Self {
        let errors = sample.clusters().map(|cluster| {
            let Cluster { count, sums, .. } = cluster;
            let m1 = sums[0] / count;
            2.0 * count * (sums[1] / count - m1 * m1).max(0.0).sqrt()
        });
        let rounding = if sample.rounded {
            sample.min().abs().max(sample.max().abs()) * 2.0_f64.powi(-24)
        } else {
            0.0
        };
        let count = sample.count() as f64;
        Self {
            error: errors.sum::<f64>() / count + rounding,
            points: sample.points(),
            count,
        }
    }

    /// The distance to another sample and the bound of its error.
    pub(super) fn distance(&self, other: &Self) -> (f64, f64) {
        if self.points.is_empty() || other.points.is_empty() {
            return (f64::NAN, f64::NAN);
        }
        (integrate(self, other), self.error + other.error)
    }
}

/// The Wasserstein-1 distance of two samples, `integral |F_a(x) - F_b(x)| dx` over their
/// distribution functions, and a bound of its error.
///
/// Both are in units of the values. The bound is 0 if both samples are exact. Both are NaN if a
/// sample is empty.
///
/// ```
/// use cntflow_metrics::population::{SampleSummary, wasserstein};
///
/// let [a, b] = [[0.0, 1.0, 3.0], [5.0, 6.0, 8.0]].map(SampleSummary::from_iter);
/// let (distance, bound) = wasserstein(&a, &b);
/// assert!((distance - 5.0).abs() < 1e-15 && bound == 0.0);
/// ```
pub fn wasserstein(a: &SampleSummary, b: &SampleSummary) -> (f64, f64) {
    Points::of(a).distance(&Points::of(b))
}

/// Integrates the difference of the distribution functions, from point to point of both samples.
/// Between two points it is constant.
fn integrate(a: &Points, b: &Points) -> f64 {
    let (mut rest_a, mut rest_b) = (a.points.as_slice(), b.points.as_slice());
    // Weight of the points so far.
    let (mut below_a, mut below_b) = (0.0, 0.0);
    let mut last = rest_a[0].0.min(rest_b[0].0);
    let mut distance = 0.0;
    while let Some(next) = next_point(rest_a, rest_b) {
        distance += (below_a / a.count - below_b / b.count).abs() * (next - last);
        below_a += take_weight_at(&mut rest_a, next);
        below_b += take_weight_at(&mut rest_b, next);
        last = next;
    }
    distance
}

fn next_point(a: &[(f64, f64)], b: &[(f64, f64)]) -> Option<f64> {
    match (a.first(), b.first()) {
        (Some(&(x, _)), Some(&(y, _))) => Some(x.min(y)),
        (a, b) => a.or(b).map(|&(x, _)| x),
    }
}

/// Takes the points up to `x` off the slice and gives their weight.
fn take_weight_at(points: &mut &[(f64, f64)], x: f64) -> f64 {
    let mut weight = 0.0;
    while let Some((&(y, n), rest)) = points.split_first()
        && y <= x
    {
        weight += n;
        *points = rest;
    }
    weight
}
