//! Densities where no value is near. Kernels are summed one by one, relative to the nearest, so
//! that the relative error stays small.

use super::Grid;
use super::bins::Cluster;

/// Distance in bandwidths up to which a value is near.
const NEAR: f64 = 5.0;

/// Kernels below e^-40 of the nearest one are left out.
const MAX_EXPONENT: f64 = 40.0;

/// The values of a sample as points with weights, sorted, in units of the bandwidth.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    bandwidth: f64,
    points: Vec<(f64, f64)>,
}

impl Tail {
    /// The tail of values in narrow cells. Each cell becomes two points with its first three
    /// moments.
    pub(super) fn of(cells: &[Cluster], bandwidth: f64) -> Self {
        let points = cells.iter().flat_map(Cluster::two_points);
        let points = points.filter(|&(_, n)| n > 0.0);
        let mut points: Vec<(f64, f64)> = points.map(|(x, n)| (x / bandwidth, n)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { bandwidth, points }
    }

    /// At grid points without a value near, replaces the sum of kernels in `values` by one whose
    /// relative error is small.
    pub(super) fn replace(&self, grid: &Grid, values: &mut [f64]) {
        let mut n_below = 0;
        for (value, y) in values.iter_mut().zip(grid.points()) {
            let y = y / self.bandwidth;
            // Grid points rise, so the search goes on from where the last one ended.
            n_below += self.points[n_below..].partition_point(|&(x, _)| x < y);
            let (below, above) = self.points.split_at(n_below);
            let nearest = [below.last(), above.first()]
                .into_iter()
                .flatten()
                .map(|&(x, _)| (x - y).abs())
                .fold(f64::INFINITY, f64::min);
            if nearest > NEAR {
                *value = sum_kernels(below, above, y, nearest);
            }
        }
    }
}

/// `sum_i n_i exp(-(y - x_i)^2 / 2)` over the points below and above y; 0 where the nearest kernel
/// underflows.
fn sum_kernels(below: &[(f64, f64)], above: &[(f64, f64)], y: f64, nearest: f64) -> f64 {
    let nearest_exponent = 0.5 * nearest * nearest;
    let height = (-nearest_exponent).exp();
    if height == 0.0 {
        return 0.0;
    }
    let relative_kernel = |&(x, n): &(f64, f64)| {
        let exponent = 0.5 * (x - y) * (x - y) - nearest_exponent;
        (exponent < MAX_EXPONENT).then(|| n * (-exponent).exp())
    };
    // Outwards from y, until kernels are too small.
    let sum_below: f64 = below.iter().rev().map_while(relative_kernel).sum();
    let sum_above: f64 = above.iter().map_while(relative_kernel).sum();
    height * (sum_below + sum_above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::{Density, SampleSummary};

    #[test]
    fn far_from_all_values_the_relative_error_is_small() {
        let values: Vec<f64> = (0..200).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let sample: SampleSummary = values.iter().copied().collect();
        let density = Density::of(&sample).unwrap();
        let h = density.bandwidth();
        let far: SampleSummary = [-1.0, 1.0 + 60.0 * h].into_iter().collect();
        let grid = Grid::over([&sample, &far]).unwrap();
        let mut zeros = 0;
        for (y, found) in grid.points().zip(density.on(&grid)) {
            let kernels = values.iter().map(|x| (-0.5 * ((y - x) / h).powi(2)).exp());
            let scale = 200.0 * h * (2.0 * std::f64::consts::PI).sqrt();
            let expected = kernels.sum::<f64>() / scale;
            if expected < 1e-300 {
                zeros += usize::from(found == 0.0);
                assert!(found < 2e-300);
            } else {
                // A kernel is left out beyond its reach, and expanded about a cell's centre.
                assert!(
                    (found / expected - 1.0).abs() < 1e-4,
                    "{y}: {found} {expected}"
                );
            }
        }
        assert!(zeros > 100, "{zeros}");
    }
}
