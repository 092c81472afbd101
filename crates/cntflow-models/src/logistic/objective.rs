//! The penalised log losses as functions of their parameters.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::Array2;

/// A convex function with its gradient, and products of its second derivatives with a direction.
pub(super) trait Objective {
    fn n_parameters(&self) -> usize;
    /// An upper limit, roughly, of the gradient's norm at zeros: all rows pull the same way. Its
    /// rounding error is a small share of this, however small the gradient itself is.
    fn gradient_scale(&self) -> f64;
    /// The value at the parameters. Fills in the gradient, and keeps what
    /// [`Objective::curvature`] needs.
    fn evaluate(&mut self, parameters: &[f64], gradient: &mut [f64]) -> f64;
    /// `H direction`, with the matrix H of second derivatives at the parameters of the latest
    /// [`Objective::evaluate`].
    fn curvature(&mut self, direction: &[f64], product: &mut [f64]);
}

/// Features and the two products that all objectives are made of.
struct Design<'a> {
    features: &'a Array2<f64>,
    ridge: f64,
    n_functions: usize,
    /// `[rows, functions]`, the functions one after the other.
    outputs: Vec<f64>,
}

impl Design<'_> {
    fn n_rows(&self) -> usize {
        self.features.nrows()
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        let (n_rows, n_columns) = self.features.dim();
        // Prepared features lie row by row.
        MatRef::from_row_major_slice(
            self.features.as_slice().unwrap_or_default(),
            n_rows,
            n_columns,
        )
    }

    /// Outputs of all functions: `intercept + features weights`.
    fn apply(&mut self, parameters: &[f64]) {
        let (n_rows, n_columns) = self.features.dim();
        let mut outputs = std::mem::take(&mut self.outputs);
        for (outputs, function) in outputs
            .chunks_exact_mut(n_rows)
            .zip(parameters.chunks_exact(n_columns + 1))
        {
            outputs.fill(function[0]);
        }
        let weights = MatRef::from_column_major_slice(parameters, n_columns + 1, self.n_functions)
            .submatrix(1, 0, n_columns, self.n_functions);
        let out = MatMut::from_column_major_slice_mut(&mut outputs, n_rows, self.n_functions);
        matmul(out, Accum::Add, self.matrix(), weights, 1.0, Par::Seq);
        self.outputs = outputs;
    }

    /// `features^T residuals + ridge weights`, and the sums of the residuals for the intercepts.
    fn gather(&self, residuals: &[f64], parameters: &[f64], out: &mut [f64]) {
        let (n_rows, n_columns) = self.features.dim();
        let size = n_columns + 1;
        for ((out, function), residuals) in out
            .chunks_exact_mut(size)
            .zip(parameters.chunks_exact(size))
            .zip(residuals.chunks_exact(n_rows))
        {
            out[0] = residuals.iter().sum();
            for (out, weight) in out[1..].iter_mut().zip(&function[1..]) {
                *out = self.ridge * weight;
            }
        }
        let residuals = MatRef::from_column_major_slice(residuals, n_rows, self.n_functions);
        let out = MatMut::from_column_major_slice_mut(out, size, self.n_functions).submatrix_mut(
            1,
            0,
            n_columns,
            self.n_functions,
        );
        matmul(
            out,
            Accum::Add,
            self.matrix().transpose(),
            residuals,
            1.0,
            Par::Seq,
        );
    }

    /// `ridge / 2 |weights|^2`.
    fn penalty(&self, parameters: &[f64]) -> f64 {
        let functions = parameters.chunks_exact(self.features.ncols() + 1);
        let squares = functions
            .flat_map(|function| &function[1..])
            .map(|weight| weight * weight);
        self.ridge / 2.0 * squares.sum::<f64>()
    }
}

/// Standardised features have a mean magnitude of at most 1, and so have residuals.
fn gradient_scale(n_rows: usize, n_parameters: usize) -> f64 {
    n_rows as f64 * (n_parameters as f64).sqrt()
}

/// Two classes: `sum_i log(1 + exp(z_i)) - y_i z_i + ridge / 2 |weights|^2`.
pub(super) struct Binary<'a> {
    design: Design<'a>,
    classes: &'a [u32],
    /// `p (1 - p)` of each row.
    row_curvatures: Vec<f64>,
    residuals: Vec<f64>,
}

impl<'a> Binary<'a> {
    pub(super) fn new(features: &'a Array2<f64>, classes: &'a [u32], ridge: f64) -> Self {
        let n_rows = features.nrows();
        let design = Design {
            features,
            ridge,
            n_functions: 1,
            outputs: vec![0.0; n_rows],
        };
        Self {
            design,
            classes,
            row_curvatures: vec![0.0; n_rows],
            residuals: vec![0.0; n_rows],
        }
    }
}

impl Objective for Binary<'_> {
    fn n_parameters(&self) -> usize {
        self.design.features.ncols() + 1
    }

    fn gradient_scale(&self) -> f64 {
        gradient_scale(self.design.n_rows(), self.n_parameters())
    }

    fn evaluate(&mut self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        self.design.apply(parameters);
        let mut loss = 0.0;
        for (row, &z) in self.design.outputs.iter().enumerate() {
            let class = f64::from(self.classes[row]);
            // exp of a negative number alone: nothing overflows, and both shares keep their digits.
            let small = (-z.abs()).exp();
            let (larger, smaller) = (1.0 / (1.0 + small), small / (1.0 + small));
            loss += small.ln_1p() + z.max(0.0) - class * z;
            let share = if z >= 0.0 { larger } else { smaller };
            self.residuals[row] = share - class;
            self.row_curvatures[row] = larger * smaller;
        }
        self.design.gather(&self.residuals, parameters, gradient);
        loss + self.design.penalty(parameters)
    }

    fn curvature(&mut self, direction: &[f64], product: &mut [f64]) {
        self.design.apply(direction);
        for (output, curvature) in self.design.outputs.iter_mut().zip(&self.row_curvatures) {
            *output *= curvature;
        }
        self.design.gather(&self.design.outputs, direction, product);
    }
}

/// Many classes: `sum_i log(sum_k exp(z_ik)) - z_i(class of i) + ridge / 2 |weights|^2`.
///
/// Adding a number to all intercepts changes nothing. The solver never moves along that direction,
/// because gradients have no part along it, so that the intercepts sum to 0.
pub(super) struct Multinomial<'a> {
    design: Design<'a>,
    classes: &'a [u32],
    /// `[rows, functions]`, the functions one after the other.
    shares: Vec<f64>,
    residuals: Vec<f64>,
}

impl<'a> Multinomial<'a> {
    pub(super) fn new(
        features: &'a Array2<f64>,
        classes: &'a [u32],
        n_classes: usize,
        ridge: f64,
    ) -> Self {
        let outputs = vec![0.0; features.nrows() * n_classes];
        let (shares, residuals) = (outputs.clone(), outputs.clone());
        let design = Design {
            features,
            ridge,
            n_functions: n_classes,
            outputs,
        };
        Self {
            design,
            classes,
            shares,
            residuals,
        }
    }
}

impl Objective for Multinomial<'_> {
    fn n_parameters(&self) -> usize {
        self.design.n_functions * (self.design.features.ncols() + 1)
    }

    fn gradient_scale(&self) -> f64 {
        gradient_scale(self.design.n_rows(), self.n_parameters())
    }

    fn evaluate(&mut self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        self.design.apply(parameters);
        let (n_rows, n_functions) = (self.design.n_rows(), self.design.n_functions);
        let mut loss = 0.0;
        for row in 0..n_rows {
            let index = |function: usize| function * n_rows + row;
            let output = |function: usize| self.design.outputs[index(function)];
            let first = (0..n_functions).fold(0, |first, function| {
                if output(function) > output(first) {
                    function
                } else {
                    first
                }
            });
            let largest = output(first);
            let others = (0..n_functions).filter(|&function| function != first);
            let rest: f64 = others
                .map(|function| (output(function) - largest).exp())
                .sum();
            let sum = 1.0 + rest;
            let class = self.classes[row] as usize;
            // The logarithm of 1 + rest without the 1: a small loss keeps its digits.
            loss += rest.ln_1p() + (largest - output(class));
            for function in 0..n_functions {
                let share = (self.design.outputs[index(function)] - largest).exp() / sum;
                self.shares[index(function)] = share;
                self.residuals[index(function)] = share - f64::from(u8::from(function == class));
            }
        }
        self.design.gather(&self.residuals, parameters, gradient);
        loss + self.design.penalty(parameters)
    }

    fn curvature(&mut self, direction: &[f64], product: &mut [f64]) {
        self.design.apply(direction);
        let (n_rows, n_functions) = (self.design.n_rows(), self.design.n_functions);
        for row in 0..n_rows {
            let index = |function: usize| function * n_rows + row;
            let mean: f64 = (0..n_functions)
                .map(|function| self.shares[index(function)] * self.design.outputs[index(function)])
                .sum();
            for function in 0..n_functions {
                let output = &mut self.design.outputs[index(function)];
                *output = self.shares[index(function)] * (*output - mean);
            }
        }
        self.design.gather(&self.design.outputs, direction, product);
    }
}
