//! Comparing several samples: the populations of different bins, or the layers of one network.

use super::wasserstein::Points;
use super::{Comparison, Density, Grid, NoDensity, SampleSummary};

/// Densities of samples on one grid, and comparisons of all pairs.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The grid over the range of all samples; `None` if no sample has a value.
    pub grid: Option<Grid>,
    /// The density of every sample on the grid, or why the sample has none.
    pub curves: Vec<Result<Curve, NoDensity>>,
    /// All pairs: the indices of the two samples, the first below the second, and their comparison
    /// on the grid over the range of both.
    pub pairs: Vec<(usize, usize, Comparison)>,
}

/// A density at the points of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// h, in units of the values.
    pub bandwidth: f64,
    /// See [`Density::error_bound`].
    pub error_bound: f64,
    /// The density at every point.
    pub values: Vec<f64>,
}

/// Compares samples with each other. Time grows with the square of their number: about a
/// millisecond for each pair.
///
/// ```
/// use cntflow_metrics::population::{SampleSummary, compare};
///
/// let samples = [[0.0, 1.0], [0.5, 1.5], [7.0, 7.0]].map(SampleSummary::from_iter);
/// let compared = compare(&samples);
/// // Equal values have no density.
/// assert!(compared.curves[0].is_ok() && compared.curves[2].is_err());
/// assert_eq!((compared.pairs.len(), compared.pairs[0].2.wasserstein), (3, 0.5));
/// ```
pub fn compare(samples: &[SampleSummary]) -> Compared {
    let grid = Grid::over(samples);
    let densities: Vec<Result<Density, NoDensity>> = samples.iter().map(Density::of).collect();
    let points: Vec<Points> = samples.iter().map(Points::of).collect();
    let curve = |density: &Result<Density, NoDensity>| {
        let density = density.as_ref().map_err(|reason| *reason)?;
        let grid = grid.as_ref().ok_or(NoDensity::Empty)?;
        Ok(Curve {
            bandwidth: density.bandwidth(),
            error_bound: density.error_bound(),
            values: density.on(grid),
        })
    };
    let n = samples.len();
    let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let compared = pairs.map(|(a, b)| {
        let pair = [&samples[a], &samples[b]];
        let of_pair = [&densities[a], &densities[b]];
        let comparison = Comparison::with_points(pair, of_pair, [&points[a], &points[b]]);
        (a, b, comparison)
    });
    Compared {
        curves: densities.iter().map(curve).collect(),
        pairs: compared.collect(),
        grid,
    }
}
