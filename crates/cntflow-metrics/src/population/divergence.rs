//! Divergences of two densities.

use super::wasserstein::Points;
use super::{Density, Grid, NoDensity, SampleSummary};

/// Divergences of two samples a and b, from their densities p and q at the 1,000 points of a grid
/// over the range of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergences {
    /// `sum_i (P_i - Q_i) ln(P_i / Q_i)`: the Kullback-Leibler divergences both ways, added. P and
    /// Q are the densities divided by their sums over the grid. In nats. Infinite if one density is
    /// 0 at a point where the other is not.
    pub jeffreys: f64,
    /// `(KL(P, M) + KL(Q, M)) / 2` with `M = (P + Q) / 2`, base 2: from 0 to 1.
    pub jensen_shannon: f64,
    /// The same sum as `jeffreys` over p and q themselves: neither normalised nor multiplied by the
    /// grid's step. The papers' authors plot this.
    pub sum_on_grid: f64,
}

/// A density at the points of a grid, and the sum over them.
struct OnGrid {
    values: Vec<f64>,
    sum: f64,
}

impl Divergences {
    /// The divergences of two samples with these densities.
    ///
    /// Source: arXiv 2209.05488 (there "Shannon divergence"); Lin, IEEE Trans. Inf. Theory 37
    /// (1991).
    ///
    /// ```
    /// use cntflow_metrics::population::{Density, Divergences, SampleSummary};
    ///
    /// let samples = [[0.0, 1.0, 2.0], [0.5, 1.5, 2.5]].map(SampleSummary::from_iter);
    /// let densities = [Density::of(&samples[0])?, Density::of(&samples[1])?];
    /// let of = |a: usize, b: usize| {
    ///     Divergences::between([&samples[a], &samples[b]], [&densities[a], &densities[b]])
    /// };
    /// assert_eq!(of(0, 0).jeffreys, 0.0);
    /// assert_eq!(of(0, 1), of(1, 0));
    /// assert!(of(0, 1).jensen_shannon > 0.0 && of(0, 1).jensen_shannon < 1.0);
    /// # Ok::<(), cntflow_metrics::population::NoDensity>(())
    /// ```
    pub fn between(samples: [&SampleSummary; 2], densities: [&Density; 2]) -> Self {
        let Some(grid) = Grid::over(samples) else {
            // Does not happen: a sample that has a density has values.
            return Self {
                jeffreys: f64::NAN,
                jensen_shannon: f64::NAN,
                sum_on_grid: f64::NAN,
            };
        };
        let [p, q] = densities.map(|density| OnGrid::of(density, &grid));
        let pairs = || p.values.iter().copied().zip(q.values.iter().copied());
        let normalised = pairs().map(|(a, b)| (a / p.sum, b / q.sum));
        let (mut jeffreys, mut jensen_shannon) = (0.0, 0.0);
        for (a, b) in normalised {
            jeffreys += both_ways(a, b);
            jensen_shannon += 0.5 * (to_middle(a, b) + to_middle(b, a));
        }
        Self {
            jeffreys,
            jensen_shannon: jensen_shannon.clamp(0.0, 1.0),
            sum_on_grid: pairs().map(|(a, b)| both_ways(a, b)).sum(),
        }
    }
}

/// All measures of how far two samples differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Divergences of the densities, or why a sample has no density.
    pub divergences: Result<Divergences, NoDensity>,
    /// Wasserstein-1 distance of the samples.
    pub wasserstein: f64,
    /// Bound of its error.
    pub wasserstein_error: f64,
}

impl Comparison {
    /// Compares two samples, each with its density or the reason why it has none.
    pub fn of(samples: [&SampleSummary; 2], densities: [&Result<Density, NoDensity>; 2]) -> Self {
        let points = samples.map(Points::of);
        Self::with_points(samples, densities, [&points[0], &points[1]])
    }

    /// As [`Comparison::of`], with points that were computed before.
    pub(super) fn with_points(
        samples: [&SampleSummary; 2],
        densities: [&Result<Density, NoDensity>; 2],
        [a, b]: [&Points; 2],
    ) -> Self {
        let divergences = match densities {
            [Ok(p), Ok(q)] => Ok(Divergences::between(samples, [p, q])),
            [Err(reason), _] | [_, Err(reason)] => Err(*reason),
        };
        let (wasserstein, wasserstein_error) = a.distance(b);
        Self {
            divergences,
            wasserstein,
            wasserstein_error,
        }
    }
}

impl OnGrid {
    fn of(density: &Density, grid: &Grid) -> Self {
        let values = density.on(grid);
        let sum = values.iter().sum();
        Self { values, sum }
    }
}

/// `(a - b) ln(a / b)`; infinite if only one is 0. The logarithms are subtracted, because the
/// quotient of tiny numbers may overflow.
fn both_ways(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 {
        0.0
    } else if a == 0.0 || b == 0.0 {
        f64::INFINITY
    } else {
        (a - b) * (a.ln() - b.ln())
    }
}

/// `a log2(a / ((a + b) / 2))`
pub(super) fn to_middle(a: f64, b: f64) -> f64 {
    if a == 0.0 {
        return 0.0;
    }
    a * (2.0 * a / (a + b)).log2()
}
