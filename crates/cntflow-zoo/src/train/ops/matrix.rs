//! Products of row-major matrices, and sums of slices, always on the caller's thread.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Number of partial sums in [`sum`].
const PARTIAL_SUMS: usize = 16;

/// A row-major view `[n_rows, n_columns]`.
pub(super) fn matrix(values: &[f32], n_rows: usize, n_columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, n_rows, n_columns)
}

/// A row-major view `[n_rows, n_columns]`, to be changed.
pub(super) fn matrix_mut(values: &mut [f32], n_rows: usize, n_columns: usize) -> MatMut<'_, f32> {
    MatMut::from_row_major_slice_mut(values, n_rows, n_columns)
}

/// `target = left * right`; `target` is row-major, `[left.nrows(), right.ncols()]`.
pub(super) fn multiply(target: &mut [f32], left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    let target = matrix_mut(target, left.nrows(), right.ncols());
    matmul(target, Accum::Replace, left, right, 1.0, Par::Seq);
}

/// `target += left * right`; `target` is row-major, `[left.nrows(), right.ncols()]`.
pub(super) fn multiply_add(target: &mut [f32], left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    multiply_add_into(matrix_mut(target, left.nrows(), right.ncols()), left, right);
}

/// `target += left * right`, for a target that is part of a larger matrix.
pub(super) fn multiply_add_into(
    target: MatMut<'_, f32>,
    left: MatRef<'_, f32>,
    right: MatRef<'_, f32>,
) {
    matmul(target, Accum::Add, left, right, 1.0, Par::Seq);
}

/// The sum of `values`. Partial sums let it run in vector registers; their order is fixed.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut partial = [0.0_f32; PARTIAL_SUMS];
    let chunks = values.chunks_exact(PARTIAL_SUMS);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        partial
            .iter_mut()
            .zip(chunk)
            .for_each(|(sum, &value)| *sum += value);
    }
    partial.iter().sum::<f32>() + rest
}

/// `sums += row` for each row of `values`, `[n_rows, sums.len()]`.
#[inline(always)]
pub(super) fn add_column_sums(values: &[f32], sums: &mut [f32]) {
    for row in values.chunks_exact(sums.len()) {
        add(sums, row);
    }
}

/// `row += biases` for each row of `values`, `[n_rows, biases.len()]`.
pub(super) fn add_biases(values: &mut [f32], biases: &[f32]) {
    for row in values.chunks_exact_mut(biases.len()) {
        row.iter_mut()
            .zip(biases)
            .for_each(|(value, bias)| *value += bias);
    }
}

/// `target += values`
#[inline(always)]
pub(super) fn add(target: &mut [f32], values: &[f32]) {
    target.iter_mut().zip(values).for_each(
        #[inline(always)]
        |(target, value)| *target += value,
    );
}
