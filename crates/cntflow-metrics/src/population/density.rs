//! Gaussian kernel densities of samples.

use super::bins::{Cluster, POWERS};
use super::table::Table;
use super::tail::Tail;
use super::{Grid, SampleSummary};

/// Distance in bandwidths from which on a kernel is left out where others are near: e^-36 of its height.
const REACH: f64 = 8.5;

/// Values are put together in cells of which a bandwidth holds at least so many.
const CELLS_PER_BANDWIDTH: f64 = 8.0;

/// The same in tails, where the values of a cell are taken as two points.
const TAIL_CELLS_PER_BANDWIDTH: f64 = 32.0;

/// Bound of the error between the points of a table, relative to the largest density.
const BETWEEN_POINTS: f64 = 1.3e-8;

/// Bandwidths whose fourth powers f64 holds with digits to spare.
const BANDWIDTHS: std::ops::Range<f64> = 1e-70..1e70;

/// Why a sample has no density.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDensity {
    /// No finite value.
    #[error("no finite values")]
    Empty,
    /// One value has no spread.
    #[error("a single value")]
    Single,
    /// Equal values have none either.
    #[error("all values are equal")]
    Constant,
    /// The bandwidth is beyond 1e-70 or 1e70: powers of it are none that f64 holds.
    #[error("the bandwidth is beyond 1e-70 to 1e70")]
    Spread,
}

/// The Gaussian kernel density of a sample x of n values,
///
/// `f(y) = 1 / (n h sqrt(2 pi)) sum_i exp(-(y - x_i)^2 / (2 h^2))`,
///
/// with Scott's bandwidth `h = n^(-1/5) s`, `s^2` the variance with ddof 1: what `scipy.stats.gaussian_kde` is by default.
///
/// Values within an eighth of a bandwidth are put together: a kernel is expanded about their centre in the sums of the powers up to 4 of
/// their distances from it, and the sum is looked up between points a sixth of a bandwidth apart. Where no value is near, kernels are
/// summed one by one, so that tails are right relatively too; a density is 0 where all kernels underflow, 38.6 bandwidths from the nearest
/// value. Source: Scott, Multivariate Density Estimation (1992).
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
    cells: Vec<Cell>,
    /// Looked up instead of the cells, where it is not too long.
    table: Option<Table>,
    tail: Tail,
    error_bound: f64,
}

/// Kernels about one centre: `exp(-t^2/2)` times a polynomial in t, the distance in bandwidths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    centre: f64,
    polynomial: [f64; POWERS + 1],
}

impl Density {
    /// The density of a sample.
    ///
    /// # Errors
    /// The sample has fewer than two values, or no spread, or one that f64 cannot hold.
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
            return Err(NoDensity::Spread);
        }
        let clusters: Vec<Cluster> = cells(sample.clusters(), bandwidth / CELLS_PER_BANDWIDTH);
        let kernels: Vec<Cell> = clusters.iter().map(|c| Cell::of(c, bandwidth)).collect();
        let widest = clusters.iter().fold(0.0, |w: f64, c| w.max(c.half_width));
        Ok(Self {
            bandwidth,
            scale: 1.0 / (n as f64 * bandwidth * (2.0 * std::f64::consts::PI).sqrt()),
            error_bound: error_bound(sample, widest / bandwidth, bandwidth),
            table: Table::of(&kernels, range, bandwidth),
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

    /// Bound of the error at any point, relative to the density's largest value, against the sum over all values. The neglected fifth
    /// order of the kernel about a cell's centre gives `0.12 u^5`, u half a cell's width in bandwidths, looking up 1.3e-8; values rounded
    /// to 24 bits give `1.3 * 2^-24 max|x| / h`. All are for values that conspire; seen errors are smaller by orders of magnitude.
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

/// `|He_5(t)| exp(-t^2/4) <= 8.3`, and a kernel of `sqrt(2) h` is nowhere more than `sqrt(2)` times the largest density:
/// `8.3 sqrt(2) / 5! < 0.1`; likewise `|t| exp(-t^2/4) sqrt(2) < 1.3`. What is above is for the remainder's intermediate point.
fn error_bound(sample: &SampleSummary, u: f64, bandwidth: f64) -> f64 {
    let largest = sample.min().abs().max(sample.max().abs());
    let rounding = match sample.rounded {
        true => 1.3 * 2.0_f64.powi(-24) * largest / bandwidth,
        false => 0.0,
    };
    0.12 * u.powi(5) + BETWEEN_POINTS + rounding
}

/// Clusters put together in cells of a dyadic grid, at most so wide, which the bins of a summary nest in; wider clusters stay as they are.
fn cells(clusters: impl Iterator<Item = Cluster>, widest: f64) -> Vec<Cluster> {
    let width = 2.0_f64.powf(widest.log2().floor());
    let mut cells: Vec<(f64, Cluster)> = Vec::new();
    for cluster in clusters {
        if 2.0 * cluster.half_width > width {
            cells.push((f64::NAN, cluster));
            continue;
        }
        let index = (cluster.centre / width).floor();
        match cells.last_mut() {
            Some((last, cell)) if *last == index => cell.take(&cluster),
            _ => {
                let mut cell = Cluster::value((index + 0.5) * width, 0);
                cell.half_width = width / 2.0;
                cell.take(&cluster);
                cells.push((index, cell));
            }
        }
    }
    cells.into_iter().map(|(_, cell)| cell).collect()
}

impl Cluster {
    /// Takes in a cluster within its width.
    fn take(&mut self, other: &Self) {
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

impl Cell {
    /// `exp(-(t - u)^2 / 2) = exp(-t^2 / 2) sum_k He_k(t) u^k / k!`, by powers of t.
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

    /// Visits the points within reach of `n` evenly spaced ones with their places, their distances t in bandwidths and
    /// `exp(-t^2/2)`, from the nearest outwards: along a grid the kernel changes by factors that themselves change by a constant one.
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
