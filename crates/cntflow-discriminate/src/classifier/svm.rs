//! A support vector machine with a Gaussian kernel: linfa-svm's fit, our plain parameters.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_svm::Svm;
use ndarray::{Array1, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Fit, FitFailure, Model, TrainingRows};
use crate::exact;
use crate::rule::quantile;

/// Cost of a row on the wrong side, is 1.
pub const COST: f64 = 1.0;
/// Training rows used at most, is 2,000: linfa-svm holds the full kernel, 8 bytes times the square of the rows.
pub const MAX_ROWS: usize = 2_000;
/// Largest violation at which the solver stops.
const TOLERANCE: f64 = 1e-3;
/// Rows whose pairwise distances give the kernel's width.
const WIDTH_ROWS: usize = 200;
/// Coefficients of smaller magnitude are none (linfa-svm's own cut).
const NO_COEFFICIENT: f64 = 100.0 * f64::EPSILON;

/// `sum_i coefficient_i exp(-|x - vector_i|^2 / width) - offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SvmModel {
    /// Width, then offset.
    #[serde(with = "exact")]
    kernel: Vec<f64>,
    #[serde(with = "exact")]
    coefficients: Vec<f64>,
    /// Support vectors, one after the other.
    #[serde(with = "exact")]
    vectors: Vec<f64>,
}

impl SvmModel {
    /// Positive on the side of high.
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

    pub(super) fn fits(&self, features: usize) -> bool {
        self.kernel.len() == 2
            && self.kernel[0] > 0.0
            && self.vectors.len() == self.coefficients.len() * features
    }
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

pub(super) fn fit(training: &TrainingRows, seed: u64) -> Result<Fit, FitFailure> {
    let (rows, note) = capped_rows(training.classes.len(), seed);
    let records = training.records.select(Axis(0), &rows);
    let classes: Array1<bool> = rows.iter().map(|&row| training.classes[row]).collect();
    if classes.iter().all(|class| *class == classes[0]) {
        return Err(FitFailure("all training rows are of one class".to_owned()));
    }
    let width = median_squared_distance(&records);
    let dataset = DatasetBase::new(records.view(), classes.view());
    let settings = Svm::<f64, bool>::params()
        .eps(TOLERANCE)
        .gaussian_kernel(width)
        .pos_neg_weights(COST, COST);
    let fitted = settings
        .fit(&dataset)
        .map_err(|error| FitFailure(error.to_string()))?;
    let support: Vec<usize> = (0..rows.len())
        .filter(|&row| fitted.alpha[row].abs() > NO_COEFFICIENT)
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
        return Err(FitFailure("the coefficients are not finite".to_owned()));
    }
    Ok(Fit {
        model: Model::Svm(model),
        note,
    })
}

/// All rows, or [`MAX_ROWS`] of them drawn without replacement, in their order; and what is to be said about it.
fn capped_rows(n: usize, seed: u64) -> (Vec<usize>, Option<String>) {
    let mut rows: Vec<usize> = (0..n).collect();
    if n <= MAX_ROWS {
        return (rows, None);
    }
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    rows.truncate(MAX_ROWS);
    rows.sort_unstable();
    (
        rows,
        Some(format!("fitted on {MAX_ROWS} of {n} training rows")),
    )
}

/// The median over pairs of (at most [`WIDTH_ROWS`], evenly spaced) rows; 1 where all rows are equal.
fn median_squared_distance(records: &ndarray::Array2<f64>) -> f64 {
    let step = records.nrows().div_ceil(WIDTH_ROWS).max(1);
    let rows: Vec<usize> = (0..records.nrows()).step_by(step).collect();
    let pairs = rows
        .iter()
        .enumerate()
        .flat_map(|(place, &a)| rows[..place].iter().map(move |&b| (a, b)));
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
    fn our_decision_is_linfas() {
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
        let model = fit(&training, 0).unwrap().model;
        let dataset = DatasetBase::new(records.view(), classes.view());
        let width = median_squared_distance(&records);
        let settings = Svm::<f64, bool>::params()
            .eps(TOLERANCE)
            .gaussian_kernel(width)
            .pos_neg_weights(COST, COST);
        let linfas = settings.fit(&dataset).unwrap();
        for row in records.rows() {
            let theirs = linfas.weighted_sum(&row) - linfas.rho;
            assert!((model.score(row) - theirs).abs() < 1e-12);
            assert_eq!(linfas.predict(row.to_owned()), model.score(row) >= 0.0);
        }
    }

    #[test]
    fn more_rows_than_the_cap_are_drawn_and_said() {
        let (rows, note) = capped_rows(MAX_ROWS + 500, 3);
        assert_eq!(rows.len(), MAX_ROWS);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(note.unwrap(), "fitted on 2000 of 2500 training rows");
    }
}
