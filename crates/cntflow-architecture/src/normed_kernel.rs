//! Kernels that a file holds in parts, as the reparametrisations of `torch.nn.utils` leave them:
//! `weight_norm` and `spectral_norm`. They are put together as PyTorch does for evaluation.

use cntflow_formats::{CheckpointError, OpenCheckpoint};
use cntflow_network::Tensor;

/// A kernel by the tensors of the file that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NormedKernel {
    /// Weight normalisation (Salimans and Kingma 2016, arXiv:1602.07868): `g v / ||v||`, a norm for
    /// each index of one dimension.
    Weight {
        /// The tensor `g`.
        length: String,
        /// The tensor `v`.
        direction: String,
        /// The dimension of whose indices each has a norm; `None` if there is one norm in all.
        dimension: Option<usize>,
    },
    /// Spectral normalisation (Miyato et al. 2018, arXiv:1802.05957): `w / (u w v)`, where `w` is
    /// read as a matrix, and `u` and `v` are what power iteration has come to.
    Spectral {
        /// The tensor `w`.
        weight: String,
        /// The tensor `u`.
        left: String,
        /// The tensor `v`.
        right: String,
        /// The dimension that is the rows of the matrix.
        dimension: usize,
    },
}

impl NormedKernel {
    /// The tensors of the file, with what each is of the kernel.
    pub fn parts(&self) -> Vec<(&str, &'static str)> {
        match self {
            Self::Weight {
                length, direction, ..
            } => vec![(direction, "direction"), (length, "norm")],
            Self::Spectral {
                weight,
                left,
                right,
                ..
            } => vec![
                (weight, "unnormalised values"),
                (left, "left singular vector"),
                (right, "right singular vector"),
            ],
        }
    }

    /// The kernel, in the shape of its largest part.
    ///
    /// # Errors
    /// The elements of a part cannot be read.
    pub(crate) fn compose(
        &self,
        checkpoint: &OpenCheckpoint,
    ) -> Result<Tensor<'static>, CheckpointError> {
        let shape_of = |name: &str| {
            checkpoint
                .tensor(name)
                .map_or(&[][..], |entry| &entry.shape)
        };
        match self {
            Self::Weight {
                length,
                direction,
                dimension,
            } => {
                let (shape, v) = (shape_of(direction), checkpoint.values(direction)?);
                let g = checkpoint.values(length)?;
                let values = weight_normed(&v, &g, |index| row_of(index, shape, *dimension));
                Ok(Tensor::owned(shape, values))
            }
            Self::Spectral {
                weight,
                left,
                right,
                dimension,
            } => {
                let (shape, w) = (shape_of(weight), checkpoint.values(weight)?);
                let (u, v) = (checkpoint.values(left)?, checkpoint.values(right)?);
                let place = |index| matrix_place(index, shape, *dimension);
                Ok(Tensor::owned(shape, spectral_normed(&w, &u, &v, place)))
            }
        }
    }
}

/// `g v / ||v||`; `row` is the index of the norm that an element has.
fn weight_normed(v: &[f32], g: &[f32], row: impl Fn(usize) -> usize) -> Vec<f32> {
    let mut squares = vec![0.0_f64; g.len()];
    for (index, &value) in v.iter().enumerate() {
        squares[row(index)] += f64::from(value).powi(2);
    }
    let scales = g.iter().zip(&squares);
    let scales: Vec<f64> = scales.map(|(&g, sum)| f64::from(g) / sum.sqrt()).collect();
    let scaled = v.iter().enumerate();
    scaled
        .map(|(index, &value)| (f64::from(value) * scales[row(index)]) as f32)
        .collect()
}

/// `w / (u w v)`; `place` is the row and column that an element has in the matrix.
fn spectral_normed(
    w: &[f32],
    u: &[f32],
    v: &[f32],
    place: impl Fn(usize) -> (usize, usize),
) -> Vec<f32> {
    let terms = w.iter().enumerate().map(|(index, &value)| {
        let (row, column) = place(index);
        f64::from(u[row]) * f64::from(value) * f64::from(v[column])
    });
    let sigma: f64 = terms.sum();
    w.iter()
        .map(|&value| (f64::from(value) / sigma) as f32)
        .collect()
}

/// The index along a dimension of an element of a row-major tensor; 0 where there is no dimension.
fn row_of(index: usize, shape: &[usize], dimension: Option<usize>) -> usize {
    dimension.map_or(0, |dimension| {
        let inner: usize = shape[dimension + 1..].iter().product();
        index / inner % shape[dimension]
    })
}

/// Row and column of an element in the matrix whose rows are the indices of a dimension. The other
/// dimensions, in their order, are the columns.
fn matrix_place(index: usize, shape: &[usize], dimension: usize) -> (usize, usize) {
    let inner: usize = shape[dimension + 1..].iter().product();
    let row = index / inner % shape[dimension];
    let outer = index / inner / shape[dimension];
    (row, outer * inner + index % inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gets_its_norm() {
        // [2, 2]: norms of the rows are 5 and 13.
        let v = [3.0, 4.0, 5.0, 12.0];
        let by = |dimension| move |index| row_of(index, &[2, 2], dimension);
        assert_eq!(
            weight_normed(&v, &[10.0, 13.0], by(Some(0))),
            [6.0, 8.0, 5.0, 12.0]
        );
        let columns = weight_normed(&v, &[1.0, 1.0], by(Some(1)));
        assert!((columns[0].hypot(columns[2]) - 1.0).abs() < 1e-6);
        let whole = weight_normed(&v, &[2.0], by(None));
        let norm: f32 = whole.iter().map(|value| value * value).sum();
        assert!((norm.sqrt() - 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_largest_singular_value_divides() {
        let w = [4.0, 0.0, 0.0, 2.0];
        let place = |index| matrix_place(index, &[2, 2], 0);
        let normed = spectral_normed(&w, &[1.0, 0.0], &[1.0, 0.0], place);
        assert_eq!(normed, [1.0, 0.0, 0.0, 0.5]);
    }

    #[test]
    fn other_dimensions_are_columns_in_their_order() {
        let places: Vec<_> = (0..8)
            .map(|index| matrix_place(index, &[2, 2, 2], 1))
            .collect();
        let expected = [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (0, 2),
            (0, 3),
            (1, 2),
            (1, 3),
        ];
        assert_eq!(places, expected);
    }
}
