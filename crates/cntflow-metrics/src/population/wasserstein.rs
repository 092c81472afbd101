//! The Wasserstein-1 distance of two samples.

use super::SampleSummary;
use super::bins::Cluster;

impl SampleSummary {
    /// The values as sorted points with weights: themselves, or two points per bin with its first three moments.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let points = self.clusters().flat_map(|cluster| cluster.two_points());
        let mut points: Vec<(f64, f64)> = points.filter(|&(_, n)| n > 0.0).collect();
        // Bins touch, and points may round to beyond their ends.
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

/// A sample as points with weights, found once for all distances to others.
#[derive(Clone, Debug)]
pub(super) struct Points {
    points: Vec<(f64, f64)>,
    count: f64,
    /// How far the values may be from the points, as a distance of distributions: the mean over all values of twice their deviation
    /// from the mean of their bin, at most (the values from the mean, and the mean from the points). 0 of a sample kept as it is.
    spread: f64,
}

impl Points {
    pub(super) fn of(sample: &SampleSummary) -> Self {
        let spread = sample.clusters().map(|cluster| {
            let Cluster { count, sums, .. } = cluster;
            let m1 = sums[0] / count;
            2.0 * count * (sums[1] / count - m1 * m1).max(0.0).sqrt()
        });
        let rounding = match sample.rounded {
            true => sample.min().abs().max(sample.max().abs()) * 2.0_f64.powi(-24),
            false => 0.0,
        };
        let count = sample.count() as f64;
        Self {
            spread: spread.sum::<f64>() / count + rounding,
            points: sample.points(),
            count,
        }
    }

    /// The distance to another sample and the bound of its error.
    pub(super) fn distance(&self, other: &Self) -> (f64, f64) {
        if self.points.is_empty() || other.points.is_empty() {
            return (f64::NAN, f64::NAN);
        }
        (between(self, other), self.spread + other.spread)
    }
}

/// The distance of two samples, `integral |F_a(x) - F_b(x)| dx` over their distribution functions, in units of the values, and the bound of
/// its error: 0 where both are kept as they are. NaN of an empty sample.
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

/// The integral over the points of both, one after the other.
fn between(a: &Points, b: &Points) -> f64 {
    let (mut rest_a, mut rest_b) = (a.points.as_slice(), b.points.as_slice());
    let (mut below_a, mut below_b) = (0.0, 0.0);
    let mut last = rest_a[0].0.min(rest_b[0].0);
    let mut distance = 0.0;
    while let Some(next) = first_of(rest_a, rest_b) {
        distance += (below_a / a.count - below_b / b.count).abs() * (next - last);
        below_a += pass(&mut rest_a, next);
        below_b += pass(&mut rest_b, next);
        last = next;
    }
    distance
}

fn first_of(a: &[(f64, f64)], b: &[(f64, f64)]) -> Option<f64> {
    match (a.first(), b.first()) {
        (Some(&(x, _)), Some(&(y, _))) => Some(x.min(y)),
        (a, b) => a.or(b).map(|&(x, _)| x),
    }
}

/// Weight of the points at `x`, which are passed.
fn pass(points: &mut &[(f64, f64)], x: f64) -> f64 {
    let mut passed = 0.0;
    while let Some((&(y, n), rest)) = points.split_first()
        && y <= x
    {
        passed += n;
        *points = rest;
    }
    passed
}
