//! Gaussian kernel densities of samples.

use super::bins::{Cluster, POWERS};
use super::density_table::DensityTable;
use super::tail::Tail;
use super::{Grid, SampleSummary};

/// Distance in bandwidths beyond which a kernel is left out, if others are nearer: it is below
/// e^-36 of its height there.
const REACH: f64 = 8.5;

/// Cells in a bandwidth, at least. The values of a cell share one expanded kernel.
const CELLS_PER_BANDWIDTH: f64 = 8.0;

/// The same for tails, where the values of a cell become two points.
const TAIL_CELLS_PER_BANDWIDTH: f64 = 32.0;

/// Bound of the error of the table between its points, relative to the largest density.
const TABLE_ERROR: f64 = 1.3e-8;

/// Bandwidths whose fourth powers are well within the range of f64.
const BANDWIDTHS: std::ops::Range<f64> = 1e-70..1e70;

/// Why a sample has no density.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDensity {
    /// The sample has no finite value.
    #[error("no finite values")]
    Empty,
    /// A single value has no spread.
    #[error("a single value")]
    Single,
    /// Equal values have no spread.
    #[error("all values are equal")]
    Constant,
    /// The bandwidth is so small or large that its powers leave the range of f64.
    #[error("the bandwidth is not between 1e-70 and 1e70")]
    Bandwidth,
}

/// The Gaussian kernel density of a sample x of n values,
///
/// `f(y) = 1 / (n h sqrt(2 pi)) sum_i exp(-(y - x_i)^2 / (2 h^2))`,
///
/// with Scott's bandwidth `h = n^(-1/5) s`, `s^2` the variance with ddof 1: what
/// `scipy.stats.gaussian_kde` is by default.
///
/// The sum is not taken value by value:
///
/// - Values within an eighth of a bandwidth form a cell. Their kernels are expanded about its
///   centre, in the sums of the powers up to 4 of their distances from it.
/// - The sum over cells is computed at points a sixth of a bandwidth apart and interpolated
///   between.
/// - Where no value is near, kernels are summed one by one, so that the relative error is small in
///   tails too. The density is 0 where all kernels underflow, 38.6 bandwidths from the nearest
///   value.
///
/// Source: Scott, Multivariate Density Estimation (1992).
///
/// ```
/// use cntflow_metrics::population::{Density, Grid, SampleSummary};
///
/// let sample: SampleSummary = [-1.0, 1.0].into_iter().collect();
/// let density = Density::of(&sample)?;
/// assert!((density.bandwidth() - 2.0_f64.powf(0.3)).abs() < 1e-15); // 2^(-1/5) sqrt(2)
/// let values = density.on(&Grid::over([&sample]).unwrap());
/// let h = density.bandwidth();
/// let by_hand = (1.0 + (-2.0 / (h * h)).exp()) / (2.0 * h * (2.0 * std::f64::consts::PI).sqrt());
/// assert!((values[0] / by_hand - 1.0).abs() < 1e-7);
/// # Ok::<(), cntflow_metrics::population::NoDensity>(())
/// ```
#[derive(Clone, Debug)]
pub struct Density {
    bandwidth: f64,
    scale: f64,
    cells: Vec<ExpandedKernel>,
    /// The sum of the cells at close points, to interpolate between; `None` if it would have too
    /// many points, then the cells are summed.
    table: Option<DensityTable>,
    tail: Tail,
    error_bound: f64,
}

/// The sum of the kernels of a cell: `exp(-t^2/2)` times a polynomial in t, the distance from the
/// centre in bandwidths.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpandedKernel {
    centre: f64,
    polynomial: [f64; POWERS + 1],
}

impl Density {
    /// The density of a sample.
    ///
    /// # Errors
    /// The sample has fewer than two values, no spread, or a bandwidth whose powers leave the range
    /// of f64.
    pub fn of(sample: &SampleSummary) -> Result<Self, NoDensity> {
        let n = sample.count();
        let range = match (n, sample.range) {
            (0, _) | (_, None) => return Err(NoDensity::Empty),
            (1, _) => return Err(NoDensity::Single),
            (_, Some((min, max))) if min == max => return Err(NoDensity::Constant),
            (_, Some(range)) => range,
        };
        let bandwidth = (n as f64).powf(-0.2) * sample.variance().sqrt();
        if !BANDWIDTHS.contains(&bandwidth) {
            return Err(NoDensity::Bandwidth);
        }
        let clusters: Vec<Cluster> = cells(sample.clusters(), bandwidth / CELLS_PER_BANDWIDTH);
        let kernels: Vec<ExpandedKernel> = clusters
            .iter()
            .map(|c| ExpandedKernel::of(c, bandwidth))
            .collect();
        let widest = clusters.iter().fold(0.0, |w: f64, c| w.max(c.half_width));
        Ok(Self {
            bandwidth,
            scale: 1.0 / (n as f64 * bandwidth * (2.0 * std::f64::consts::PI).sqrt()),
            error_bound: error_bound(sample, widest / bandwidth, bandwidth),
            table: DensityTable::of(&kernels, range, bandwidth),
            cells: kernels,
            tail: Tail::of(
                &cells(sample.clusters(), bandwidth / TAIL_CELLS_PER_BANDWIDTH),
                bandwidth,
            ),
        })
    }

    /// h, in units of the values.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// Bound of the error at any point against the sum over all values, relative to the density's
    /// largest value.
    ///
    /// It has three parts: `0.12 u^5` for the neglected fifth order of the expansion about a cell's
    /// centre, where u is half the width of a cell in bandwidths; 1.3e-8 for the table; and
    /// `1.3 * 2^-24 max|x| / h` if values were rounded to 24 bits. Observed errors are smaller by
    /// orders of magnitude.
    pub fn error_bound(&self) -> f64 {
        self.error_bound
    }

    /// The density at every point of a grid.
    pub fn on(&self, grid: &Grid) -> Vec<f64> {
        let mut values: Vec<f64> = match &self.table {
            Some(table) => grid.points().map(|y| table.at(y)).collect(),
            None => self.summed_on(grid),
        };
        self.tail.replace(grid, &mut values);
        values.iter_mut().for_each(|value| *value *= self.scale);
        values
    }

    /// The sum over the cells at every point of a grid, without the table.
    fn summed_on(&self, grid: &Grid) -> Vec<f64> {
        let mut values = vec![0.0; grid.len()];
        let points = (grid.point(0), grid.step(), grid.len());
        for cell in &self.cells {
            cell.visit(points, self.bandwidth, |i, t, kernel| {
                values[i] += kernel * cell.at(t);
            });
        }
        values
    }
}

/// See [`Density::error_bound`]. `u` is half the width of the widest cell in bandwidths.
///
/// Taylor's remainder after the fourth order is `He_5(t') exp(-t'^2/2) u^5 / 5!` with a t' between
/// t and t - u (He: Hermite polynomials, see [`ExpandedKernel::of`]). `|He_5(t)| exp(-t^2/4) <=
/// 8.3`. What is left, `exp(-t^2/4)`, are kernels of width `sqrt(2) h`. Their sum is at most
/// `sqrt(2)` times the largest density. Together `8.3 sqrt(2) / 5! < 0.1`; 0.12 leaves room for t'
/// instead of t. Likewise `|t| exp(-t^2/4) sqrt(2) < 1.3` for rounding.
fn error_bound(sample: &SampleSummary, u: f64, bandwidth: f64) -> f64 {
    let largest = sample.min().abs().max(sample.max().abs());
    let rounding = if sample.rounded {
        1.3 * 2.0_f64.powi(-24) * largest / bandwidth
    } else {
        0.0
    };
    0.12 * u.powi(5) + TABLE_ERROR + rounding
}

/// Joins clusters in cells at most `max_width` wide. Widths are powers of two, so the bins of a
/// summary fit into cells. Wider clusters stay as they are.
fn cells(clusters: impl Iterator<Item = Cluster>, max_width: f64) -> Vec<Cluster> {
    let width = 2.0_f64.powf(max_width.log2().floor());
    let mut cells: Vec<(f64, Cluster)> = Vec::new();
    for cluster in clusters {
        if 2.0 * cluster.half_width > width {
            // NaN is equal to no index, so nothing joins it.
            cells.push((f64::NAN, cluster));
            continue;
        }
        let index = (cluster.centre / width).floor();
        match cells.last_mut() {
            Some((last, cell)) if *last == index => cell.add(&cluster),
            _ => {
                let mut cell = Cluster::value((index + 0.5) * width, 0);
                cell.half_width = width / 2.0;
                cell.add(&cluster);
                cells.push((index, cell));
            }
        }
    }
    cells.into_iter().map(|(_, cell)| cell).collect()
}

impl Cluster {
    /// Adds a cluster that is within this one. The powers of the shifted distances follow by the
    /// binomial theorem.
    fn add(&mut self, other: &Self) {
        let d = other.centre - self.centre;
        let n = other.count;
        let [s1, s2, s3, s4] = other.sums;
        let d2 = d * d;
        let moved = [
            s1 + n * d,
            s2 + 2.0 * d * s1 + n * d2,
            s3 + 3.0 * d * s2 + 3.0 * d2 * s1 + n * d2 * d,
            s4 + 4.0 * d * s3 + 6.0 * d2 * s2 + 4.0 * d2 * d * s1 + n * d2 * d2,
        ];
        self.count += n;
        self.sums.iter_mut().zip(moved).for_each(|(a, b)| *a += b);
    }
}

impl ExpandedKernel {
    /// Expands the kernels of a cluster:
    /// `exp(-(t - u)^2 / 2) = exp(-t^2 / 2) sum_k He_k(t) u^k / k!`, ordered by powers of t. `a_k`
    /// below is the sum of `u^k / k!` over the values.
    fn of(cluster: &Cluster, bandwidth: f64) -> Self {
        let [mut k, mut factorial, mut power] = [0.0, 1.0, 1.0];
        let [a1, a2, a3, a4] = cluster.sums.map(|sum| {
            k += 1.0;
            factorial *= k;
            power *= bandwidth;
            sum / (factorial * power)
        });
        let a0 = cluster.count;
        Self {
            centre: cluster.centre,
            polynomial: [a0 - a2 + 3.0 * a4, a1 - 3.0 * a3, a2 - 6.0 * a4, a3, a4],
        }
    }

    /// The polynomial at a distance of t bandwidths.
    fn at(&self, t: f64) -> f64 {
        let [c0, c1, c2, c3, c4] = self.polynomial;
        c0 + t * (c1 + t * (c2 + t * (c3 + t * c4)))
    }

    /// The polynomial and its first two derivatives by t.
    pub(super) fn derivatives(&self, t: f64) -> [f64; 3] {
        let [_, c1, c2, c3, c4] = self.polynomial;
        [
            self.at(t),
            c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * 4.0 * c4)),
            2.0 * c2 + t * (6.0 * c3 + t * 12.0 * c4),
        ]
    }

    /// Calls `visit` for every point within reach, out of `n` evenly spaced points from `first` on:
    /// with its index, its distance t in bandwidths, and `exp(-t^2/2)`.
    #[inline]
    pub(super) fn visit(
        &self,
        (first, step, n): (f64, f64, usize),
        bandwidth: f64,
        mut visit: impl FnMut(usize, f64, f64),
    ) {
        let last = (n - 1) as f64;
        let nearest = ((self.centre - first) / step).round().clamp(0.0, last);
        let t = (first + nearest * step - self.centre) / bandwidth;
        if t.abs() > REACH {
            return;
        }
        let step = step / bandwidth;
        let reach = |distance: f64| (distance / step).clamp(0.0, last) as usize;
        let nearest = nearest as usize;
        let from = (reach(REACH - t) + 1).min(n - nearest);
        walk(t, step, from, |i, t, kernel| visit(nearest + i, t, kernel));
        let before = reach(REACH + t).min(nearest);
        walk(t - step, -step, before, |i, t, kernel| {
            visit(nearest - 1 - i, t, kernel);
        });
    }
}

/// Walks `n` points outwards from the distance `start`. From point to point the kernel changes by a
/// factor, and the factor by a constant one, so no exponential is needed on the way.
#[inline]
fn walk(start: f64, step: f64, n: usize, mut visit: impl FnMut(usize, f64, f64)) {
    let mut kernel = (-0.5 * start * start).exp();
    let mut factor = (-start * step - 0.5 * step * step).exp();
    let change = (-step * step).exp();
    for i in 0..n {
        visit(i, start + i as f64 * step, kernel);
        kernel *= factor;
        factor *= change;
    }
}
