//! A support vector machine with a Gaussian kernel: fitted by linfa-svm, kept as
//! plain lists of parameters.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_svm::Svm;
use ndarray::{Array1, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::fit_failure::FitFailure;
use super::training_rows::TrainingRows;
use crate::exact_floats;
use crate::quantile::quantile;

/// Cost of a training row on the wrong side of the SVM's margin: 1.
pub const SVM_COST: f64 = 1.0;
/// Largest number of training rows of an SVM: 2,000. linfa-svm keeps the full kernel matrix, 8
/// bytes times the square of the number of rows.
pub const SVM_MAX_ROWS: usize = 2_000;
/// The solver stops when the optimality conditions are violated by less than this.
const TOLERANCE: f64 = 1e-3;
/// Number of rows whose pairwise distances determine the kernel's width.
const WIDTH_ROWS: usize = 200;
/// Coefficients of smaller magnitude count as zero, as they do in linfa-svm.
const ZERO_COEFFICIENT: f64 = 100.0 * f64::EPSILON;

/// A fitted SVM. The score of x, positive for high, is
/// `sum_i coefficient_i exp(-|x - vector_i|^2 / width) - offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SvmModel {
    /// The width, then the offset.
    #[serde(with = "exact_floats")]
    kernel: Vec<f64>,
    #[serde(with = "exact_floats")]
    coefficients: Vec<f64>,
    /// The support vectors one after the other, `[coefficients, features]`.
    #[serde(with = "exact_floats")]
    vectors: Vec<f64>,
}

impl SvmModel {
    /// The signed distance from the boundary, in units of the kernel; positive on the side of high.
    pub(super) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let (width, offset) = (self.kernel[0], self.kernel[1]);
        let vectors = self.vectors.chunks_exact(row.len());
        let terms = self
            .coefficients
            .iter()
            .zip(vectors)
            .map(|(coefficient, vector)| {
                coefficient * (-squared_distance(ArrayView1::from(vector), row) / width).exp()
            });
        terms.sum::<f64>() - offset
    }

    pub(super) fn is_consistent(&self, n_features: usize) -> bool {
        self.kernel.len() == 2
            && self.kernel[0] > 0.0
            && self.vectors.len() == self.coefficients.len() * n_features
    }
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// Fits an SVM. The text is a remark on the fit, if some training rows were left out.
pub(super) fn fit(
    training: &TrainingRows,
    seed: u64,
) -> Result<(SvmModel, Option<String>), FitFailure> {
    let (rows, note) = limited_rows(training.classes.len(), seed);
    let records = training.records.select(Axis(0), &rows);
    let classes: Array1<bool> = rows.iter().map(|&row| training.classes[row]).collect();
    if classes.iter().all(|class| *class == classes[0]) {
        return Err(FitFailure::OneClass);
    }
    let width = median_squared_distance(&records);
    let dataset = DatasetBase::new(records.view(), classes.view());
    let settings = Svm::<f64, bool>::params()
        .eps(TOLERANCE)
        .gaussian_kernel(width)
        .pos_neg_weights(SVM_COST, SVM_COST);
    let fitted = settings.fit(&dataset)?;
    let support: Vec<usize> = (0..rows.len())
        .filter(|&row| fitted.alpha[row].abs() > ZERO_COEFFICIENT)
        .collect();
    let model = SvmModel {
        kernel: vec![width, fitted.rho],
        coefficients: support.iter().map(|&row| fitted.alpha[row]).collect(),
        vectors: support
            .iter()
            .flat_map(|&row| records.row(row).to_vec())
            .collect(),
    };
    if model
        .kernel
        .iter()
        .chain(&model.coefficients)
        .any(|number| !number.is_finite())
    {
        return Err(FitFailure::CoefficientsNotFinite);
    }
    Ok((model, note))
}

/// All rows, or [`SVM_MAX_ROWS`] of them drawn without replacement, in ascending order; and a
/// remark if rows were left out.
fn limited_rows(n: usize, seed: u64) -> (Vec<usize>, Option<String>) {
    let mut rows: Vec<usize> = (0..n).collect();
    if n <= SVM_MAX_ROWS {
        return (rows, None);
    }
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    rows.truncate(SVM_MAX_ROWS);
    rows.sort_unstable();
    (
        rows,
        Some(format!("fitted on {SVM_MAX_ROWS} of {n} training rows")),
    )
}

/// The median squared distance between two rows, among at most [`WIDTH_ROWS`] evenly spaced rows; 1
/// if all rows are equal.
fn median_squared_distance(records: &ndarray::Array2<f64>) -> f64 {
    let step = records.nrows().div_ceil(WIDTH_ROWS).max(1);
    let rows: Vec<usize> = (0..records.nrows()).step_by(step).collect();
    let pairs = rows
        .iter()
        .enumerate()
        .flat_map(|(index, &a)| rows[..index].iter().map(move |&b| (a, b)));
    let distances: Vec<f64> = pairs
        .map(|(a, b)| squared_distance(records.row(a), records.row(b)))
        .collect();
    let median = if distances.is_empty() {
        0.0
    } else {
        quantile(&distances, 0.5)
    };
    if median > 0.0 { median } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use linfa::traits::Predict;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn scores_and_predictions_are_those_of_linfa() {
        let records = Array2::from_shape_fn((30, 2), |(row, column)| {
            ((row * 7 + column * 3) % 11) as f64 - 5.0
        });
        let classes: Array1<bool> = records
            .rows()
            .into_iter()
            .map(|row| row[0] * row[1] > 1.0)
            .collect();
        let training = TrainingRows {
            records: records.clone(),
            classes: classes.to_vec(),
            groups: (0..30).collect(),
        };
        let (model, _) = fit(&training, 0).unwrap();
        let dataset = DatasetBase::new(records.view(), classes.view());
        let width = median_squared_distance(&records);
        let settings = Svm::<f64, bool>::params()
            .eps(TOLERANCE)
            .gaussian_kernel(width)
            .pos_neg_weights(SVM_COST, SVM_COST);
        let linfas = settings.fit(&dataset).unwrap();
        for row in records.rows() {
            let theirs = linfas.weighted_sum(&row) - linfas.rho;
            assert!((model.score(row) - theirs).abs() < 1e-12);
            assert_eq!(linfas.predict(row.to_owned()), model.score(row) >= 0.0);
        }
    }

    #[test]
    fn rows_beyond_the_limit_are_left_out_at_random_and_noted() {
        let (rows, note) = limited_rows(SVM_MAX_ROWS + 500, 3);
        assert_eq!(rows.len(), SVM_MAX_ROWS);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(note.unwrap(), "fitted on 2000 of 2500 training rows");
    }
}
