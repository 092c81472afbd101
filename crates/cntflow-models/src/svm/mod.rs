//! Support vector machines of our own: linear and Gaussian, for classes and for values.
//!
//! linfa-svm 0.8.1 is not used. A fit of 350 rows and 480 columns took 0.16 s with either kernel,
//! all crates fully optimised, where scikit-learn took 0.02 s with the Gaussian kernel and 0.03 s
//! with the linear one (AMD EPYC, one thread). linfa-kernel fills both halves of the kernel matrix,
//! each entry by a sum of its own, and takes no matrix from outside (its solver's kernel type is
//! private).
//!
//! Here the matrix is one product by faer, and the solver ([`solver`]) is libsvm's for all three
//! uses. `benches/model_fits` compares with scikit-learn.

mod kernel;
mod rows;
mod solver;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::fit_failure::FitFailure;
use crate::scale::{largest_magnitudes, target_scale};
pub(crate) use kernel::median_squared_distance;
use kernel::{Kernel, kernel_matrix};
pub use rows::SVM_MAX_ROWS;
use rows::limited_rows;
use solver::Problem;

/// A fitted SVM: one machine for two classes or values, else one per class against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SvmModel {
    machines: Vec<Machine>,
}

/// The output for x is `scale (sum_i coefficient_i K(vector_i, x) - offset) + shift`.
///
/// With `width` w, K is `exp(-|x - y|^2 / w)`. A linear machine has one vector, the sum of all,
/// with coefficient 1 and the scalar product as K.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Machine {
    /// Width (infinite for a linear machine), offset, scale, shift.
    #[serde(with = "exact_floats")]
    numbers: Vec<f64>,
    #[serde(with = "exact_floats")]
    coefficients: Vec<f64>,
    /// The support vectors one after the other, `[coefficients, features]`.
    #[serde(with = "exact_floats")]
    vectors: Vec<f64>,
}

/// What all SVMs are fitted with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SvmSetting {
    /// Cost of a row on the wrong side.
    pub(crate) cost: f64,
    /// Width of the Gaussian kernel in units of the median squared distance; `None` for a linear
    /// machine.
    pub(crate) width: Option<f64>,
}

impl SvmModel {
    /// Fits prepared features to classes; each below `n_classes` has at least one row. The text is
    /// a remark on the fit.
    pub(crate) fn fit_classes(
        features: &Array2<f64>,
        (classes, n_classes): (&[u32], usize),
        groups: &[u32],
        setting: SvmSetting,
        seed: u64,
    ) -> Result<(Self, Option<String>), FitFailure> {
        let chosen = limited_rows(groups, classes, seed);
        let fitting = Fitting::new(features, &chosen, setting);
        // Two classes need one machine, in which class 1 is positive.
        let has_rows = |class: u32| chosen.iter().any(|&row| classes[row] == class);
        if !(0..n_classes as u32).all(has_rows) {
            return Err(FitFailure::OneClass);
        }
        let positives = if n_classes == 2 {
            1..2
        } else {
            0..n_classes as u32
        };
        let machines = positives.map(|positive| {
            let sign = |&row: &usize| if classes[row] == positive { 1.0 } else { -1.0 };
            let signs: Vec<f64> = chosen.iter().map(sign).collect();
            let linear = vec![-1.0; signs.len()];
            fitting.machine(signs, linear, (1.0, 0.0))
        });
        fitting.finish(machines.collect::<Result<_, _>>()?, groups.len())
    }

    /// Fits prepared features to values. Errors up to `tube` standard deviations cost nothing.
    pub(crate) fn fit_values(
        features: &Array2<f64>,
        values: &[f64],
        groups: &[u32],
        (setting, tube): (SvmSetting, f64),
        seed: u64,
    ) -> Result<(Self, Option<String>), FitFailure> {
        let chosen = limited_rows(groups, &vec![0; groups.len()], seed);
        let (mean, deviation) = target_scale(values)?;
        let fitting = Fitting::new(features, &chosen, setting);
        // Each row has two variables: one for targets above the output, one for those below.
        let targets: Vec<f64> = chosen
            .iter()
            .map(|&row| (values[row] - mean) / deviation)
            .collect();
        let signs = targets
            .iter()
            .map(|_| 1.0)
            .chain(targets.iter().map(|_| -1.0))
            .collect();
        let above = targets.iter().map(|target| tube - target);
        let linear = above
            .chain(targets.iter().map(|target| tube + target))
            .collect();
        let machine = fitting.machine(signs, linear, (deviation, mean))?;
        fitting.finish(vec![machine], groups.len())
    }

    /// One output per machine: the signed distance from the boundary in units of the kernel, or a
    /// value. `[rows, machines]`.
    pub(crate) fn outputs(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        Array2::from_shape_fn((features.nrows(), self.machines.len()), |(row, machine)| {
            let row = features.row(row);
            self.machines[machine].output(row.as_slice().unwrap_or_default())
        })
    }

    /// For each feature, the largest magnitude of its weights; nothing for a Gaussian kernel.
    pub(crate) fn importance(&self, n_features: usize) -> Vec<f64> {
        if self
            .machines
            .iter()
            .any(|machine| machine.numbers[0].is_finite())
        {
            return Vec::new();
        }
        let weights: Vec<f64> = self
            .machines
            .iter()
            .flat_map(|machine| machine.vectors.clone())
            .collect();
        largest_magnitudes(&weights, n_features)
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        self.machines.len() == n_outputs
            && self
                .machines
                .iter()
                .all(|machine| machine.is_consistent(n_features))
    }
}

impl Machine {
    fn output(&self, row: &[f64]) -> f64 {
        let kernel = Kernel::of_width(self.numbers[0]);
        let vectors = self.vectors.chunks_exact(row.len());
        let terms = self
            .coefficients
            .iter()
            .zip(vectors)
            .map(|(coefficient, vector)| coefficient * kernel.between(vector, row));
        (terms.sum::<f64>() - self.numbers[1]) * self.numbers[2] + self.numbers[3]
    }

    fn is_consistent(&self, n_features: usize) -> bool {
        let are_finite = |list: &[f64]| list.iter().all(|number| number.is_finite());
        self.numbers.len() == 4
            && self.numbers[0] > 0.0
            && are_finite(&self.numbers[1..])
            && are_finite(&self.coefficients)
            && are_finite(&self.vectors)
            && self.vectors.len() == self.coefficients.len() * n_features
    }
}

/// The rows of a fit and their kernel matrix, which all machines share.
struct Fitting {
    records: Array2<f64>,
    kernel: Kernel,
    matrix: Vec<f64>,
    cost: f64,
    n_unconverged: std::cell::Cell<usize>,
}

impl Fitting {
    fn new(features: &Array2<f64>, chosen: &[usize], setting: SvmSetting) -> Self {
        let records = features.select(Axis(0), chosen);
        let kernel = match setting.width {
            None => Kernel::Linear,
            Some(width) => Kernel::Gaussian {
                width: width * median_squared_distance(&records),
            },
        };
        let matrix = kernel_matrix(&records, kernel);
        Self {
            records,
            kernel,
            matrix,
            cost: setting.cost,
            n_unconverged: 0.into(),
        }
    }

    fn machine(
        &self,
        signs: Vec<f64>,
        linear: Vec<f64>,
        (scale, shift): (f64, f64),
    ) -> Result<Machine, FitFailure> {
        let n = self.records.nrows();
        let problem = Problem {
            kernel: &self.matrix,
            n,
            signs,
            linear,
            cost: self.cost,
        };
        let solution = problem.solve();
        if !solution.has_converged {
            self.n_unconverged.set(self.n_unconverged.get() + 1);
        }
        let support = (0..n).filter(|&row| solution.coefficients[row] != 0.0);
        let (coefficients, vectors) = match self.kernel {
            Kernel::Gaussian { .. } => (
                support
                    .clone()
                    .map(|row| solution.coefficients[row])
                    .collect(),
                support
                    .flat_map(|row| self.records.row(row).to_vec())
                    .collect(),
            ),
            Kernel::Linear => {
                let mut weights = vec![0.0; self.records.ncols()];
                for row in support {
                    for (weight, value) in weights.iter_mut().zip(self.records.row(row)) {
                        *weight += solution.coefficients[row] * value;
                    }
                }
                (vec![1.0], weights)
            }
        };
        let numbers = vec![self.kernel.width(), solution.offset, scale, shift];
        let machine = Machine {
            numbers,
            coefficients,
            vectors,
        };
        if machine.is_consistent(self.records.ncols()) {
            Ok(machine)
        } else {
            Err(FitFailure::CoefficientsNotFinite)
        }
    }

    fn finish(
        &self,
        machines: Vec<Machine>,
        n_rows: usize,
    ) -> Result<(SvmModel, Option<String>), FitFailure> {
        let mut remarks = Vec::new();
        if self.records.nrows() < n_rows {
            remarks.push(format!(
                "fitted on {} of {n_rows} training rows",
                self.records.nrows()
            ));
        }
        if self.n_unconverged.get() > 0 {
            remarks.push("the solver stopped before its tolerance".to_owned());
        }
        let note = (!remarks.is_empty()).then(|| remarks.join("; "));
        Ok((SvmModel { machines }, note))
    }
}
