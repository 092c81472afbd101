//! Coordinate descent: minimises `|y - X w|^2 / (2 n) + l1 |w|_1 + l2 / 2 |w|^2` along one weight
//! after the other (Friedman, Hastie and Tibshirani, Regularization Paths for Generalized Linear
//! Models via Coordinate Descent, 2010).

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array1, Array2, ShapeBuilder as _};

use crate::fit_failure::FitFailure;

/// Largest number of passes over all features.
const MAX_PASSES: usize = 5_000;
/// Largest number of passes over the weights that are not 0, between two passes over all.
const MAX_SHORT_PASSES: usize = 20;
/// Passes over the weights that are not 0 end where the largest change is this share of the first.
const SHORT_TOLERANCE: f64 = 0.01;
/// The fit ends where the duality gap is this share of the targets' mean square: the default of
/// scikit-learn.
const TOLERANCE: f64 = 1e-4;
/// A fit that ends at its last pass is refused if its duality gap is a larger share than this.
const MAX_GAP: f64 = 1e-3;

/// What the loss adds for weights. Both are 0 or more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Penalties {
    pub(super) l1: f64,
    pub(super) l2: f64,
}

/// The weights at the minimum, for centred features (column by column) and targets.
pub(super) fn minimise(
    features: &Array2<f64>,
    targets: &Array1<f64>,
    penalties: Penalties,
) -> Result<Vec<f64>, FitFailure> {
    let mut descent = Descent::new(features, targets, penalties);
    let all: Vec<usize> = (0..features.ncols()).collect();
    let mean_square = targets.dot(targets) / targets.len() as f64;
    let mut gap = f64::INFINITY;
    for _ in 0..MAX_PASSES {
        let first_change = descent.pass(&all);
        // Most weights are 0 and stay it.
        let others: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&column| descent.weights[column] != 0.0)
            .collect();
        for _ in 0..MAX_SHORT_PASSES {
            if descent.pass(&others) <= SHORT_TOLERANCE * first_change {
                break;
            }
        }
        gap = descent.duality_gap();
        if gap <= TOLERANCE * mean_square {
            return Ok(descent.weights);
        }
    }
    // NaN is refused as well.
    if gap <= MAX_GAP * mean_square {
        Ok(descent.weights)
    } else {
        Err(FitFailure::NoConvergence {
            iterations: MAX_PASSES,
        })
    }
}

/// The weights so far, and what their next change depends on.
struct Descent<'a> {
    features: &'a Array2<f64>,
    targets: &'a Array1<f64>,
    penalties: Penalties,
    /// Mean square of each feature.
    mean_squares: Vec<f64>,
    weights: Vec<f64>,
    errors: Errors,
}

/// The errors `r = y - X w` in the form that costs less for each weight that changes.
enum Errors {
    /// r, one per row.
    OfRows(Array1<f64>),
    /// `X^T r / n`, one per column. For fewer columns than rows.
    OfColumns {
        slopes: Array1<f64>,
        /// `X^T y / n`.
        first_slopes: Array1<f64>,
        /// `X^T X / n`.
        products: Array2<f64>,
    },
}

impl<'a> Descent<'a> {
    fn new(features: &'a Array2<f64>, targets: &'a Array1<f64>, penalties: Penalties) -> Self {
        let (n_rows, n_columns) = features.dim();
        let n = n_rows as f64;
        let columns = || features.columns().into_iter();
        let errors = if n_rows > n_columns {
            let first_slopes: Array1<f64> = columns().map(|x| x.dot(targets) / n).collect();
            Errors::OfColumns {
                slopes: first_slopes.clone(),
                first_slopes,
                products: mean_products(features),
            }
        } else {
            Errors::OfRows(targets.clone())
        };
        Self {
            features,
            targets,
            penalties,
            mean_squares: columns().map(|x| x.dot(&x) / n).collect(),
            weights: vec![0.0; n_columns],
            errors,
        }
    }

    /// Minimises along each of the columns in turn. Returns the largest change of a weight.
    fn pass(&mut self, columns: &[usize]) -> f64 {
        let mut largest = 0.0_f64;
        for &column in columns {
            let weight = self.weights[column];
            let mean_square = self.mean_squares[column];
            let pull = self.slope(column) + mean_square * weight;
            let rest = pull.abs() - self.penalties.l1;
            let next = if rest > 0.0 {
                rest.copysign(pull) / (mean_square + self.penalties.l2)
            } else {
                0.0
            };
            if next != weight {
                self.weights[column] = next;
                self.errors.change(self.features, column, next - weight);
                largest = largest.max((next - weight).abs());
            }
        }
        largest
    }

    /// `x . r / n` for the feature x.
    fn slope(&self, column: usize) -> f64 {
        match &self.errors {
            Errors::OfColumns { slopes, .. } => slopes[column],
            Errors::OfRows(errors) => {
                self.features.column(column).dot(errors) / errors.len() as f64
            }
        }
    }

    /// How far the loss may be above its minimum, at most.
    ///
    /// The dual point is the errors, scaled such that no slope is above the L1 penalty (Kim et al.,
    /// An Interior-Point Method for Large-Scale l1-Regularized Least Squares, 2007). The L2 penalty
    /// counts as one more row per weight, as in scikit-learn.
    fn duality_gap(&self) -> f64 {
        let Penalties { l1, l2 } = self.penalties;
        let n = self.targets.len() as f64;
        let weights = self.weights.iter();
        let steepest = weights
            .clone()
            .enumerate()
            .map(|(column, weight)| (self.slope(column) - l2 * weight).abs())
            .fold(0.0, f64::max);
        let scale = (l1 / steepest).min(1.0);
        let mean_square = self.targets.dot(self.targets) / n;
        // Means of r^2 and of r y.
        let (squares, products) = match &self.errors {
            Errors::OfRows(errors) => (errors.dot(errors) / n, errors.dot(self.targets) / n),
            Errors::OfColumns {
                slopes,
                first_slopes,
                ..
            } => {
                let along = |list: &Array1<f64>| -> f64 {
                    weights.clone().zip(list).map(|(w, slope)| w * slope).sum()
                };
                let products = mean_square - along(first_slopes);
                (products - along(slopes), products)
            }
        };
        let magnitudes: f64 = weights.clone().map(|weight| weight.abs()).sum();
        let weight_squares: f64 = weights.map(|weight| weight * weight).sum();
        0.5 * (1.0 + scale * scale) * (squares + l2 * weight_squares) + l1 * magnitudes
            - scale * products
    }
}

impl Errors {
    /// Follows the change of a weight.
    fn change(&mut self, features: &Array2<f64>, column: usize, change: f64) {
        match self {
            Self::OfRows(errors) => errors.scaled_add(-change, &features.column(column)),
            Self::OfColumns {
                slopes, products, ..
            } => slopes.scaled_add(-change, &products.column(column)),
        }
    }
}

/// `X^T X / n`, for features that lie column by column.
fn mean_products(features: &Array2<f64>) -> Array2<f64> {
    let (n_rows, n_columns) = features.dim();
    let mut products = Array2::zeros((n_columns, n_columns).f());
    if let (Some(x), Some(out)) = (
        features.as_slice_memory_order(),
        products.as_slice_memory_order_mut(),
    ) {
        let x = MatRef::from_column_major_slice(x, n_rows, n_columns);
        let out = MatMut::from_column_major_slice_mut(out, n_columns, n_columns);
        let share = 1.0 / n_rows as f64;
        matmul(out, Accum::Replace, x.transpose(), x, share, Par::Seq);
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use cntflow_statistics::random::random_stream;
    use rand::RngExt;

    /// Centred features that share a cause, the last two of them equal, and centred targets.
    fn data(n_rows: usize, n_columns: usize) -> (Array2<f64>, Array1<f64>) {
        let mut rng = random_stream(7, 0, &[n_rows, n_columns]);
        let mut uniform = || rng.random::<f64>() - 0.5;
        let mut features = Array2::zeros((n_rows, n_columns).f());
        let mut targets = Array1::zeros(n_rows);
        for row in 0..n_rows {
            let cause = uniform();
            for column in 0..n_columns - 1 {
                features[(row, column)] = 3.0 * uniform() + cause;
            }
            features[(row, n_columns - 1)] = features[(row, n_columns - 2)];
            targets[row] = features[(row, 0)] - features[(row, 1)] + cause + uniform();
        }
        for mut column in features.columns_mut() {
            let mean = column.sum() / n_rows as f64;
            column -= mean;
        }
        let mean = targets.sum() / n_rows as f64;
        (features, targets - mean)
    }

    /// The largest violation of the conditions of a minimum: the slope of the squares against a
    /// weight is that of its penalties; where a weight is 0, it is at most the L1 penalty.
    fn violation(
        features: &Array2<f64>,
        targets: &Array1<f64>,
        penalties: Penalties,
        weights: &[f64],
    ) -> f64 {
        let errors = targets - &features.dot(&Array1::from(weights.to_vec()));
        let slopes = features.t().dot(&errors) / targets.len() as f64;
        let violations = slopes.iter().zip(weights).map(|(slope, &weight)| {
            if weight == 0.0 {
                (slope.abs() - penalties.l1).max(0.0)
            } else {
                (slope - penalties.l2 * weight - penalties.l1.copysign(weight)).abs()
            }
        });
        violations.fold(0.0, f64::max)
    }

    #[test]
    fn the_weights_fulfil_the_conditions_of_a_minimum() {
        for (n_rows, n_columns) in [(5, 2), (40, 90), (60, 60), (61, 60), (300, 20), (2_000, 3)] {
            let (features, targets) = data(n_rows, n_columns);
            for (penalty, l1_ratio) in [
                (1e-3, 0.5),
                (0.01, 0.1),
                (0.01, 0.9),
                (0.1, 0.5),
                (0.01, 1.0),
                (1e6, 0.5),
            ] {
                let penalties = Penalties {
                    l1: penalty * l1_ratio,
                    l2: penalty * (1.0 - l1_ratio),
                };
                let weights = minimise(&features, &targets, penalties).unwrap();
                let found = violation(&features, &targets, penalties, &weights);
                let case = format!("{n_rows} x {n_columns}, {penalty} {l1_ratio}");
                assert!(found < 1e-3, "{case}: {found}");
                assert!(penalty < 1e3 || weights.iter().all(|weight| *weight == 0.0));
            }
        }
    }

    #[test]
    fn the_gap_is_above_the_distance_from_the_minimum() {
        let penalties = Penalties { l1: 0.02, l2: 0.01 };
        for (n_rows, n_columns) in [(40, 60), (100, 30)] {
            let (features, targets) = data(n_rows, n_columns);
            let loss = |weights: &[f64]| {
                let weights = Array1::from(weights.to_vec());
                let errors = &targets - &features.dot(&weights);
                errors.dot(&errors) / (2 * n_rows) as f64
                    + penalties.l1 * weights.mapv(f64::abs).sum()
                    + penalties.l2 / 2.0 * weights.dot(&weights)
            };
            let least = loss(&minimise(&features, &targets, penalties).unwrap());
            let mut descent = Descent::new(&features, &targets, penalties);
            let all: Vec<usize> = (0..n_columns).collect();
            for _ in 0..6 {
                let distance = loss(&descent.weights) - least;
                assert!(distance <= descent.duality_gap() + 1e-12);
                descent.pass(&all);
            }
        }
    }
}
