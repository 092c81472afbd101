//! The points at which densities are compared.

use super::SampleSummary;

/// Number of points of a grid: 1,000, as the papers' authors have it.
pub const GRID_POINTS: usize = 1000;

/// Evenly spaced points, ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    first: f64,
    last: f64,
    n: usize,
}

impl Grid {
    /// [`GRID_POINTS`] points over the range of all samples together; `None` if they have no
    /// values.
    ///
    /// ```
    /// use cntflow_metrics::population::{Grid, SampleSummary};
    ///
    /// let samples = [[0.0, 1.0], [-1.0, 0.5]].map(SampleSummary::from_iter);
    /// let grid = Grid::over(&samples).unwrap();
    /// assert_eq!((grid.point(0), grid.point(999)), (-1.0, 1.0));
    /// ```
    pub fn over<'a>(samples: impl IntoIterator<Item = &'a SampleSummary>) -> Option<Self> {
        let ranges = samples.into_iter().filter_map(|sample| sample.range);
        let (first, last) = ranges.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))?;
        Some(Self {
            first,
            last,
            n: GRID_POINTS,
        })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are no points, which is never so.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Distance between neighbouring points.
    pub fn step(&self) -> f64 {
        // Halved first: the range of finite values may be beyond the largest f64.
        (self.last / 2.0 - self.first / 2.0) / (self.n - 1) as f64 * 2.0
    }

    /// Point `i`, counted from 0.
    pub fn point(&self, i: usize) -> f64 {
        if i + 1 == self.n {
            self.last
        } else {
            self.first + i as f64 * self.step()
        }
    }

    /// All points.
    pub fn points(&self) -> impl Iterator<Item = f64> {
        (0..self.n).map(|i| self.point(i))
    }
}
