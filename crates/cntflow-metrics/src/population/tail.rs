//! Densities where no value is near: kernels summed one by one, relative to the nearest.

use super::Grid;
use super::bins::Cluster;

/// Distance in bandwidths from which on no value is near.
const NEAR: f64 = 5.0;

/// Largest difference of exponents to the nearest kernel's that counts: e^-40 of it.
const FADED: f64 = 40.0;

/// The values of a sample as points with weights, sorted, in units of the bandwidth.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    bandwidth: f64,
    points: Vec<(f64, f64)>,
}

impl Tail {
    /// The tail of values in narrow cells: two points each, with the cell's first three moments.
    pub(super) fn of(cells: &[Cluster], bandwidth: f64) -> Self {
        let points = cells.iter().flat_map(Cluster::two_points);
        let points = points.filter(|&(_, n)| n > 0.0);
        let mut points: Vec<(f64, f64)> = points.map(|(x, n)| (x / bandwidth, n)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { bandwidth, points }
    }

    /// Puts the sums of kernels at the points of the grid that no value is near to.
    pub(super) fn replace(&self, grid: &Grid, values: &mut [f64]) {
        let mut above = 0;
        for (value, y) in values.iter_mut().zip(grid.points()) {
            let y = y / self.bandwidth;
            above += self.points[above..].partition_point(|&(x, _)| x < y);
            let (below, from) = self.points.split_at(above);
            let nearest = [below.last(), from.first()]
                .into_iter()
                .flatten()
                .map(|&(x, _)| (x - y).abs())
                .fold(f64::INFINITY, f64::min);
            if nearest > NEAR {
                *value = kernels(below, from, y, nearest);
            }
        }
    }
}

/// `sum_i n_i exp(-(y - x_i)^2 / 2)`; 0 where the nearest kernel is.
fn kernels(below: &[(f64, f64)], from: &[(f64, f64)], y: f64, nearest: f64) -> f64 {
    let least = 0.5 * nearest * nearest;
    let height = (-least).exp();
    if height == 0.0 {
        return 0.0;
    }
    let part = |&(x, n): &(f64, f64)| {
        let beyond = 0.5 * (x - y) * (x - y) - least;
        (beyond < FADED).then(|| n * (-beyond).exp())
    };
    let below: f64 = below.iter().rev().map_while(part).sum();
    let from: f64 = from.iter().map_while(part).sum();
    height * (below + from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::{Density, SampleSummary};

    #[test]
    fn far_from_all_values_a_density_is_right_relatively() {
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
                // The reach of a kernel near others, and the expansion of those at its end.
                assert!(
                    (found / expected - 1.0).abs() < 1e-4,
                    "{y}: {found} {expected}"
                );
            }
        }
        assert!(zeros > 100, "{zeros}");
    }
}
