//! Semi-orthogonal matrices, as Keras' `Orthogonal` draws them.

/// Number of partial sums in [`dot`].
const PARTIAL_SUMS: usize = 8;

/// A random matrix `[n_rows, n_columns]`, row-major: orthonormal rows where there are at most as
/// many rows as columns, otherwise orthonormal columns; all times `gain`. `normal` draws from the
/// standard normal distribution.
///
/// The vectors come from the QR decomposition of a normal matrix with the diagonal of R positive,
/// so that every orthonormal system is equally likely (Saxe et al. 2013, Keras). Gram and Schmidt's
/// method gives just this decomposition.
pub(super) fn semi_orthogonal(
    [n_rows, n_columns]: [usize; 2],
    gain: f64,
    mut normal: impl FnMut() -> f64,
) -> Vec<f32> {
    let (n_vectors, length) = (n_rows.min(n_columns), n_rows.max(n_columns));
    let mut vectors: Vec<f64> = (0..n_vectors * length).map(|_| normal()).collect();
    orthonormalise(&mut vectors, length);
    let scaled = |index: usize| (gain * vectors[index]) as f32;
    if n_rows <= n_columns {
        return (0..vectors.len()).map(scaled).collect();
    }
    // The vectors are columns.
    (0..vectors.len())
        .map(|index| scaled(index % n_columns * length + index / n_columns))
        .collect()
}

/// Makes the vectors of `length` that follow one another in `vectors` orthonormal.
fn orthonormalise(vectors: &mut [f64], length: usize) {
    for start in (0..vectors.len()).step_by(length) {
        let (before, rest) = vectors.split_at_mut(start);
        let vector = &mut rest[..length];
        // Rounding leaves parts of the vectors before; a second pass removes them.
        for _ in 0..2 {
            for other in before.chunks_exact(length) {
                let share = dot(vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(value, other)| *value -= share * other);
            }
        }
        let norm = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|value| *value /= norm);
    }
}

/// The dot product. Partial sums let it run in vector registers; their order is fixed.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut partial = [0.0; PARTIAL_SUMS];
    let (left_chunks, left_rest) = left.as_chunks::<PARTIAL_SUMS>();
    let (right_chunks, right_rest) = right.as_chunks::<PARTIAL_SUMS>();
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for (sum, (a, b)) in partial.iter_mut().zip(left.iter().zip(right)) {
            *sum += a * b;
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    partial.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Gram matrix of the shorter side of a matrix `[n_rows, n_columns]`.
    fn gram(values: &[f32], [n_rows, n_columns]: [usize; 2]) -> Vec<f64> {
        let at = |vector: usize, index: usize| {
            let position = if n_rows <= n_columns {
                vector * n_columns + index
            } else {
                index * n_columns + vector
            };
            f64::from(values[position])
        };
        let (n, length) = (n_rows.min(n_columns), n_rows.max(n_columns));
        let product = |i: usize, j: usize| (0..length).map(|k| at(i, k) * at(j, k)).sum();
        (0..n * n)
            .map(|index| product(index / n, index % n))
            .collect()
    }

    #[test]
    fn the_shorter_side_of_an_orthogonal_matrix_is_orthonormal_times_the_gain() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for shape in [[5, 12], [12, 5], [9, 9], [1, 3], [130, 100]] {
            let values = semi_orthogonal(shape, 1.5, || random.random::<f64>() - 0.5);
            assert_eq!(values.len(), shape[0] * shape[1]);
            let n = shape[0].min(shape[1]);
            for (index, product) in gram(&values, shape).into_iter().enumerate() {
                let expected = if index / n == index % n { 2.25 } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-5,
                    "{shape:?}: {product} instead of {expected}"
                );
            }
        }
    }

    /// `numpy.linalg.qr` of the matrix with the columns (1, 2, 2) and (3, 0, -1), R's diagonal made
    /// positive.
    #[test]
    fn orthogonal_matrices_are_q_of_a_decomposition_with_positive_diagonal() {
        let mut drawn = [1.0, 2.0, 2.0, 3.0, 0.0, -1.0].into_iter();
        let values = semi_orthogonal([3, 2], 1.0, || drawn.next().unwrap());
        let expected = [
            0.333_333_3,
            0.918_664_8,
            0.666_666_7,
            -0.070_666_5,
            0.666_666_7,
            -0.388_665_9,
        ];
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{values:?}");
        }
    }
}
