//! Kernels, and the matrix of them between all rows.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::Array2;

use cntflow_statistics::quantile::quantile_of_sorted;

/// Number of rows whose pairwise distances determine the width of a Gaussian kernel.
const WIDTH_ROWS: usize = 200;

/// How alike two rows are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    /// The scalar product.
    Linear,
    /// `exp(-|x - y|^2 / width)`.
    Gaussian {
        /// Above 0.
        width: f64,
    },
}

impl Kernel {
    /// The kernel of a saved machine: an infinite width stands for the linear one.
    pub(super) fn of_width(width: f64) -> Self {
        if width.is_infinite() {
            Self::Linear
        } else {
            Self::Gaussian { width }
        }
    }

    pub(super) fn width(self) -> f64 {
        match self {
            Self::Linear => f64::INFINITY,
            Self::Gaussian { width } => width,
        }
    }

    pub(super) fn between(self, a: &[f64], b: &[f64]) -> f64 {
        let pairs = a.iter().zip(b);
        match self {
            Self::Linear => pairs.map(|(x, y)| x * y).sum(),
            Self::Gaussian { width } => {
                let square: f64 = pairs.map(|(x, y)| (x - y) * (x - y)).sum();
                (-square / width).exp()
            }
        }
    }
}

/// The kernel between all rows, `[rows, rows]`.
pub(super) fn kernel_matrix(records: &Array2<f64>, kernel: Kernel) -> Vec<f64> {
    let (n, n_features) = records.dim();
    let mut matrix = vec![0.0; n * n];
    let rows = MatRef::from_row_major_slice(records.as_slice().unwrap_or_default(), n, n_features);
    let out = MatMut::from_row_major_slice_mut(&mut matrix, n, n);
    matmul(out, Accum::Replace, rows, rows.transpose(), 1.0, Par::Seq);
    if let Kernel::Gaussian { width } = kernel {
        let squares: Vec<f64> = (0..n).map(|row| matrix[row * n + row]).collect();
        for a in 0..n {
            for b in 0..=a {
                // |x - y|^2 = x.x + y.y - 2 x.y, which rounding can put below 0.
                let square = (squares[a] + squares[b] - 2.0 * matrix[a * n + b]).max(0.0);
                let value = if a == b { 1.0 } else { (-square / width).exp() };
                matrix[a * n + b] = value;
                matrix[b * n + a] = value;
            }
        }
    }
    matrix
}

/// The median squared distance between two rows, among at most [`WIDTH_ROWS`] evenly spaced rows; 1
/// if it is 0.
pub(crate) fn median_squared_distance(records: &Array2<f64>) -> f64 {
    let step = records.nrows().div_ceil(WIDTH_ROWS).max(1);
    let rows: Vec<usize> = (0..records.nrows()).step_by(step).collect();
    let sample = records.select(ndarray::Axis(0), &rows);
    let products = kernel_matrix(&sample, Kernel::Linear);
    let product = |a: usize, b: usize| products[a * rows.len() + b];
    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mut distances: Vec<f64> = pairs
        .map(|(a, b)| (product(a, a) + product(b, b) - 2.0 * product(a, b)).max(0.0))
        .collect();
    distances.sort_unstable_by(f64::total_cmp);
    let median = quantile_of_sorted(&distances, 0.5);
    if median > 0.0 { median } else { 1.0 }
}
