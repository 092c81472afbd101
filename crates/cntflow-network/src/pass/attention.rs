//! Multi-head attention, which mixes values over steps by queries and keys.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::{Activation, Real};

/// `softmax(Q K^T / sqrt(d)) V` for every input and head, where d is the number of units of a head.
/// All are `[n_inputs, steps, units]`.
pub(super) fn attend<T: Real>(
    [queries, keys, values]: [&[T]; 3],
    [steps, units]: [usize; 2],
    heads: usize,
    mixed: &mut [T],
) {
    let width = units / heads;
    let scale = T::from_f64(1.0 / (width as f64).sqrt());
    let mut scores = vec![T::default(); steps * steps];
    let mut weights = scores.clone();
    let size = steps * units;
    for (input, mixed) in mixed.chunks_exact_mut(size).enumerate() {
        let matrix = |all| input_matrix(all, input, [steps, units]);
        let [q, k, v] = [queries, keys, values].map(matrix);
        let mut mixed = MatMut::from_row_major_slice_mut(mixed, steps, units);
        for head in 0..heads {
            let columns = head * width;
            matmul(
                MatMut::from_row_major_slice_mut(&mut scores, steps, steps),
                Accum::Replace,
                q.subcols(columns, width),
                k.subcols(columns, width).transpose(),
                scale,
                Par::Seq,
            );
            Activation::Softmax.apply(&scores, &mut weights, steps);
            matmul(
                mixed.as_mut().subcols_mut(columns, width),
                Accum::Replace,
                MatRef::from_row_major_slice(&weights, steps, steps),
                v.subcols(columns, width),
                T::from_f64(1.0),
                Par::Seq,
            );
        }
    }
}

/// The values of one input as a matrix `[steps, units]`.
fn input_matrix<T>(all: &[T], input: usize, [steps, units]: [usize; 2]) -> MatRef<'_, T> {
    let size = steps * units;
    MatRef::from_row_major_slice(&all[input * size..][..size], steps, units)
}
