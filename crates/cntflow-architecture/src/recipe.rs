//! How the tensors that an architecture expects are made of those that a file holds.

use std::borrow::Cow;

use cntflow_formats::StridedLayout;

use crate::normed_kernel::NormedKernel;

/// How a tensor of the architecture is made.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorRecipe {
    /// A slice of one tensor of the file.
    Slice(TensorSlice),
    /// Several slices, one after the other along the first dimension.
    Concat(Vec<TensorSlice>),
    /// A slice of a kernel that the file holds in parts, under the slice's name.
    Normed(NormedKernel, TensorSlice),
    /// Zeros: a bias that the file's framework does not store separately.
    Zeros,
    /// Ones: the scale of a norm that the file's framework leaves out.
    Ones,
}

/// Part of a tensor of the file, laid out anew: the tensor is reshaped, sliced, its dimensions are
/// permuted, and it is reshaped again.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSlice {
    /// Name of the file's tensor.
    pub tensor: String,
    /// Shape that the tensor is read as, with as many values; `None` keeps its own.
    pub read_as: Option<Vec<usize>>,
    /// Ranges of indices that are kept; a dimension without one is kept whole.
    pub ranges: Vec<DimensionRange>,
    /// Which dimension becomes the first, the second, ...; `None` keeps the order.
    pub permutation: Option<Vec<usize>>,
    /// Final shape; `None` keeps the shape after slicing and reordering.
    pub final_shape: Option<Vec<usize>>,
    /// What the tensor's numbers stand for; `None` if they are the weights themselves.
    pub scaling: Option<Scaling>,
}

/// What numbers stand for that are not the weights themselves: `factor * scale * (number - zero
/// point)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// A factor of all weights.
    pub factor: f32,
    /// Names of tensors that the weights are multiplied with, each of one number, or of one for
    /// each index of `axis`.
    pub scales: Vec<String>,
    /// Name of the tensor of whole numbers that stand for 0, as many as a scale has.
    pub zero_point: Option<String>,
    /// The dimension of the tensor, as the file has it, along which scales and zero points lie.
    pub axis: usize,
}

impl Scaling {
    /// A factor of all weights.
    pub(crate) fn factor(factor: f32) -> Self {
        Self {
            factor,
            scales: Vec::new(),
            zero_point: None,
            axis: 0,
        }
    }

    /// Scales the numbers of a tensor of this shape, in place. `scales` and `zero_points` are the
    /// values of its tensors.
    ///
    /// # Errors
    /// There are not as many scales or zero points as the dimension has indices.
    pub(crate) fn apply(
        &self,
        tensor: &str,
        shape: &[usize],
        numbers: &mut [f32],
        [scales, zero_points]: [&[Vec<f32>]; 2],
    ) -> Result<(), RecipeError> {
        let along = shape.get(self.axis).copied().unwrap_or(1);
        let inner: usize = shape.iter().skip(self.axis + 1).product();
        for list in scales.iter().chain(zero_points) {
            if list.len() != 1 && list.len() != along {
                return Err(RecipeError::Scales {
                    tensor: tensor.to_owned(),
                    shape: shape.to_vec(),
                    axis: self.axis,
                    found: list.len(),
                });
            }
        }
        let of_index = |list: &[f32], index: usize| match list {
            [one] => *one,
            list => list[index],
        };
        for (number, value) in numbers.iter_mut().enumerate() {
            let index = number / inner.max(1) % along.max(1);
            for zero_point in zero_points {
                *value -= of_index(zero_point, index);
            }
            *value *= self.factor;
            for scale in scales {
                *value *= of_index(scale, index);
            }
        }
        Ok(())
    }
}

/// Indices `start..end` of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DimensionRange {
    /// The dimension, from 0.
    pub dimension: usize,
    /// Its first index.
    pub start: usize,
    /// One past its last index.
    pub end: usize,
}

/// Why a tensor cannot be made by its recipe. The architecture, or the file, is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A tensor has another number of values than the shape it is read as.
    #[error("tensor {tensor} {shape:?} cannot be read as {read_as:?}")]
    ReadAs {
        /// Name of the file's tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The shape it is read as.
        read_as: Vec<usize>,
    },
    /// A range reaches beyond a dimension, or there is no such dimension.
    #[error("tensor {tensor} {shape:?} has no {}..{} in dimension {}", range.start, range.end, range.dimension)]
    Range {
        /// Name of the file's tensor.
        tensor: String,
        /// The shape it is read as.
        shape: Vec<usize>,
        /// The range.
        range: DimensionRange,
    },
    /// The new order of the dimensions leaves one out, or names one twice.
    #[error("tensor {tensor} {shape:?}: {permutation:?} is no permutation of its dimensions")]
    Permutation {
        /// Name of the file's tensor.
        tensor: String,
        /// The shape it is read as.
        shape: Vec<usize>,
        /// The order of the dimensions.
        permutation: Vec<usize>,
    },
    /// A slice has another number of values than its final shape.
    #[error(
        "the slice of tensor {tensor} has {found} values, its shape {shape:?} asks for another number"
    )]
    FinalShape {
        /// Name of the file's tensor.
        tensor: String,
        /// Number of values of the slice.
        found: usize,
        /// The final shape.
        shape: Vec<usize>,
    },
    /// A scale or zero point has not one number for each index of its dimension.
    #[error("tensor {tensor} {shape:?} has {found} scales or zero points for dimension {axis}")]
    Scales {
        /// Name of the file's tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The dimension.
        axis: usize,
        /// Number of scales or zero points.
        found: usize,
    },
    /// Slices that are concatenated differ in a dimension behind the first.
    #[error("tensor {name} cannot be concatenated: after {before:?} comes {tensor} {shape:?}")]
    Concat {
        /// Name of the architecture's tensor.
        name: String,
        /// Shape of the slices before.
        before: Vec<usize>,
        /// Name of the file's tensor that follows.
        tensor: String,
        /// Shape of its slice.
        shape: Vec<usize>,
    },
}

impl TensorRecipe {
    /// The slices of the file's tensors that it is made of.
    pub(crate) fn slices_mut(&mut self) -> &mut [TensorSlice] {
        match self {
            Self::Slice(slice) | Self::Normed(_, slice) => std::slice::from_mut(slice),
            Self::Concat(slices) => slices,
            Self::Zeros | Self::Ones => &mut [],
        }
    }
}

impl TensorSlice {
    /// The whole tensor as it is.
    pub fn whole(tensor: impl Into<String>) -> Self {
        Self {
            tensor: tensor.into(),
            read_as: None,
            ranges: Vec::new(),
            permutation: None,
            final_shape: None,
            scaling: None,
        }
    }

    /// The tensor with its dimensions in another order: `[1, 0]` makes a kernel `[n_in, n_out]` one
    /// of `[n_out, n_in]`.
    pub fn permuted(tensor: impl Into<String>, permutation: &[usize]) -> Self {
        Self {
            permutation: Some(permutation.to_vec()),
            ..Self::whole(tensor)
        }
    }

    /// Keeps the indices `start..end` of a dimension, counted before the dimensions are permuted.
    #[must_use]
    pub fn keep(mut self, dimension: usize, start: usize, end: usize) -> Self {
        self.ranges.push(DimensionRange {
            dimension,
            start,
            end,
        });
        self
    }

    /// Reads the tensor as another shape first.
    #[must_use]
    pub fn read_as(mut self, shape: &[usize]) -> Self {
        self.read_as = Some(shape.to_vec());
        self
    }

    /// Sets the final shape.
    #[must_use]
    pub fn shaped(mut self, shape: &[usize]) -> Self {
        self.final_shape = Some(shape.to_vec());
        self
    }

    /// Shape and values of the slice of a tensor of this shape; borrowed where the values stay in
    /// their order.
    ///
    /// # Errors
    /// A shape, a range or a permutation does not fit the tensor.
    pub(crate) fn apply<'a>(
        &self,
        shape: &[usize],
        values: Cow<'a, [f32]>,
    ) -> Result<(Vec<usize>, Cow<'a, [f32]>), RecipeError> {
        let whole = self.read_as.as_deref().unwrap_or(shape);
        if n_values(whole) != Some(values.len()) {
            return Err(RecipeError::ReadAs {
                tensor: self.tensor.clone(),
                shape: shape.to_vec(),
                read_as: whole.to_vec(),
            });
        }
        let (starts, kept) = self.kept(whole)?;
        let permutation = self.checked_permutation(whole)?;
        let permuted: Vec<usize> = permutation.iter().map(|&dim| kept[dim]).collect();
        let values = if kept == whole && permutation.is_sorted() {
            values
        } else {
            gather(&values, whole, &starts, &permutation, &permuted).into()
        };
        let shape = self.final_shape.clone().unwrap_or(permuted);
        if n_values(&shape) != Some(values.len()) {
            return Err(RecipeError::FinalShape {
                tensor: self.tensor.clone(),
                found: values.len(),
                shape,
            });
        }
        Ok((shape, values))
    }

    /// First index of every dimension, and how many of its indices are kept.
    fn kept(&self, whole: &[usize]) -> Result<(Vec<usize>, Vec<usize>), RecipeError> {
        let (mut starts, mut sizes) = (vec![0; whole.len()], whole.to_vec());
        for &range in &self.ranges {
            let DimensionRange {
                dimension,
                start,
                end,
            } = range;
            match sizes.get_mut(dimension) {
                Some(size) if start <= end && end - start <= *size && end <= whole[dimension] => {
                    (*size, starts[dimension]) = (end - start, start);
                }
                _ => {
                    return Err(RecipeError::Range {
                        tensor: self.tensor.clone(),
                        shape: whole.to_vec(),
                        range,
                    });
                }
            }
        }
        Ok((starts, sizes))
    }

    fn checked_permutation(&self, whole: &[usize]) -> Result<Vec<usize>, RecipeError> {
        let own_order: Vec<usize> = (0..whole.len()).collect();
        let Some(permutation) = &self.permutation else {
            return Ok(own_order);
        };
        let mut sorted = permutation.clone();
        sorted.sort_unstable();
        if sorted != own_order {
            return Err(RecipeError::Permutation {
                tensor: self.tensor.clone(),
                shape: whole.to_vec(),
                permutation: permutation.clone(),
            });
        }
        Ok(permutation.clone())
    }
}

/// Number of values of a shape; `None` where it overflows.
fn n_values(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// Values of a row-major tensor of shape `whole`, from the indices `starts` on, its dimensions
/// permuted to the shape `permuted`.
fn gather(
    values: &[f32],
    whole: &[usize],
    starts: &[usize],
    permutation: &[usize],
    permuted: &[usize],
) -> Vec<f32> {
    let mut row_major = vec![1; whole.len()];
    for dimension in (1..whole.len()).rev() {
        row_major[dimension - 1] = row_major[dimension] * whole[dimension];
    }
    let strides: Vec<usize> = permutation.iter().map(|&dim| row_major[dim]).collect();
    let layout = StridedLayout {
        width: 1,
        offset: starts.iter().zip(&row_major).map(|(a, b)| a * b).sum(),
        shape: permuted,
        strides: &strides,
    };
    layout.gather(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(n: usize) -> Cow<'static, [f32]> {
        Cow::Owned((0..n).map(|i| i as f32).collect())
    }

    #[test]
    fn a_slice_is_read_kept_permuted_and_reshaped() {
        let check = |slice: TensorSlice, shape: &[usize], expected: (&[usize], &[f32])| {
            let (found, values) = slice.apply(shape, counted(shape.iter().product())).unwrap();
            assert_eq!((&*found, &*values), expected, "{slice:?}");
        };
        check(
            TensorSlice::whole("a"),
            &[2, 2],
            (&[2, 2], &[0., 1., 2., 3.]),
        );
        check(
            TensorSlice::permuted("a", &[1, 0]),
            &[2, 3],
            (&[3, 2], &[0., 3., 1., 4., 2., 5.]),
        );
        check(
            TensorSlice::permuted("a", &[1, 0]).keep(1, 1, 3),
            &[2, 3],
            (&[2, 2], &[1., 4., 2., 5.]),
        );
        // A dense kernel [rows x columns x channels, units] behind a channels-last flatten, 1 x 2 x
        // 2 and 1 unit.
        check(
            TensorSlice::permuted("a", &[3, 2, 0, 1])
                .read_as(&[1, 2, 2, 1])
                .shaped(&[1, 4]),
            &[4, 1],
            (&[1, 4], &[0., 2., 1., 3.]),
        );
        check(TensorSlice::whole("a"), &[], (&[], &[0.]));
        check(TensorSlice::permuted("a", &[1, 0]), &[0, 3], (&[3, 0], &[]));
    }

    #[test]
    fn quantised_numbers_become_what_they_stand_for() {
        let scaling = Scaling {
            factor: 2.0,
            scales: vec!["s".to_owned()],
            zero_point: Some("z".to_owned()),
            axis: 1,
        };
        let mut numbers: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let lists = [[vec![1.0, 0.5, 0.25]], [vec![1.0]]];
        scaling
            .apply("w", &[2, 3], &mut numbers, [&lists[0], &lists[1]])
            .unwrap();
        assert_eq!(numbers, [-2., 0., 0.5, 4., 3., 2.]);
        let error = scaling
            .apply("w", &[3, 2], &mut numbers, [&lists[0], &[]])
            .unwrap_err()
            .to_string();
        assert!(error.contains("w [3, 2] has 3 scales"), "{error}");
    }

    #[test]
    fn slices_that_do_not_fit_are_errors() {
        let check = |slice: TensorSlice, expected: &str| {
            let text = slice.apply(&[2, 3], counted(6)).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        };
        check(
            TensorSlice::whole("a").read_as(&[7]),
            "a [2, 3] cannot be read as [7]",
        );
        check(
            TensorSlice::whole("a").keep(1, 2, 4),
            "no 2..4 in dimension 1",
        );
        check(
            TensorSlice::whole("a").keep(1, 3, 2),
            "no 3..2 in dimension 1",
        );
        check(
            TensorSlice::whole("a").keep(2, 0, 1),
            "no 0..1 in dimension 2",
        );
        check(
            TensorSlice::permuted("a", &[0, 0]),
            "[0, 0] is no permutation",
        );
        check(TensorSlice::whole("a").shaped(&[4]), "6 values");
    }
}
