//! A value that is made of tensors alone.

use cntflow_formats::onnx::node::Node;

use crate::onnx::weight::{Weight, n_values};
use crate::recipe::{DimensionRange, TensorRecipe, TensorSlice};

/// A value that is made of tensors.
#[derive(Clone, Debug)]
pub(super) struct Known<'m> {
    /// The tensors, before a change of the order of the axes.
    pub(super) weight: Weight<'m>,
    /// The part of one tensor that is kept, where it does not lie in one stretch.
    range: Option<DimensionRange>,
    /// Which axis becomes the first, the second, ...; `None` keeps the order.
    permutation: Option<Vec<usize>>,
    /// Its shape behind that.
    pub(super) shape: Vec<usize>,
}

impl<'m> Known<'m> {
    pub(super) fn new(weight: Weight<'m>) -> Self {
        let shape = weight.shape.clone();
        Self {
            weight,
            range: None,
            permutation: None,
            shape,
        }
    }

    pub(super) fn name(&self) -> &'m str {
        self.weight.name()
    }

    pub(super) fn n_values(&self) -> usize {
        n_values(&self.shape)
    }

    /// Whether its values are those of its pieces, in their order.
    pub(super) fn is_plain(&self) -> bool {
        self.permutation.is_none() && self.range.is_none()
    }

    /// The sizes of the tensor's axes, of which a part may be kept.
    pub(super) fn kept(&self) -> Vec<usize> {
        let mut sizes = self.weight.shape.clone();
        if let Some(range) = self.range
            && let Some(size) = sizes.get_mut(range.dimension)
        {
            *size = range.end - range.start;
        }
        sizes
    }

    /// The transpose of a matrix.
    pub(super) fn turned(&self) -> Option<Self> {
        self.transposed(&[1, 0])
    }

    pub(super) fn reshaped(&self, shape: Vec<usize>) -> Option<Self> {
        if self.is_plain() {
            return self.weight.reshaped(shape).map(Self::new);
        }
        let fits = n_values(&shape) == self.n_values();
        fits.then(|| Self {
            shape,
            ..self.clone()
        })
    }

    pub(super) fn transposed(&self, permutation: &[usize]) -> Option<Self> {
        let mut sorted = permutation.to_vec();
        sorted.sort_unstable();
        if sorted != (0..self.shape.len()).collect::<Vec<_>>() {
            return None;
        }
        let before = match &self.permutation {
            None => sorted,
            // A change of the shape in between cannot be told by one order of axes.
            Some(before) if before.len() == permutation.len() => before.clone(),
            Some(_) => return None,
        };
        let whole: Vec<usize> = permutation.iter().map(|&axis| before[axis]).collect();
        let kept = self.kept();
        let sizes = whole.iter().map(|&axis| kept.get(axis).copied());
        let shape: Vec<usize> = permutation.iter().map(|&axis| self.shape[axis]).collect();
        if sizes.collect::<Option<Vec<usize>>>()? != shape {
            return None;
        }
        Some(Self {
            weight: self.weight.clone(),
            range: self.range,
            permutation: (!whole.is_sorted()).then_some(whole),
            shape,
        })
    }

    /// The values as a weight of this shape, if they are in the tensors' order or a transposed
    /// matrix.
    pub(super) fn as_weight(&self, shape: &[usize]) -> Option<Weight<'m>> {
        if self.range.is_some() {
            return None;
        }
        match self.permutation.as_deref() {
            None => self.weight.reshaped(shape.to_vec()),
            Some([1, 0]) if self.shape == shape => Some(self.weight.transpose()),
            Some(_) => None,
        }
    }

    /// The recipe of a tensor of this shape that is part of one tensor, or has its values in
    /// another order of axes; `None` where it is made of several pieces.
    pub(super) fn slice_recipe(&self, shape: &[usize]) -> Option<TensorRecipe> {
        let tensor = self.weight.tensor().map(|_| self.weight.name())?;
        let mut slice = TensorSlice::whole(tensor).read_as(&self.weight.shape);
        slice.permutation.clone_from(&self.permutation);
        if let Some(range) = self.range {
            slice = slice.keep(range.dimension, range.start, range.end);
        }
        Some(TensorRecipe::Slice(slice.shaped(shape)))
    }

    pub(super) fn part(&self, axis: usize, start: usize, end: usize) -> Option<Self> {
        if !self.is_plain() || start >= end || end > *self.shape.get(axis)? {
            return None;
        }
        if let Some(cut) = self.weight.cut(axis, start, end) {
            return Some(Self::new(cut));
        }
        self.weight.tensor()?;
        let mut part = self.clone();
        part.shape[axis] = end - start;
        part.range = Some(DimensionRange {
            dimension: axis,
            start,
            end,
        });
        Some(part)
    }

    /// Size of what is remembered of it.
    pub(super) fn cost(&self) -> usize {
        self.weight.pieces.len() + 2 * self.shape.len() + 1
    }
}

/// The order of axes of a `Transpose`.
pub(super) fn permutation(node: &Node<'_>, rank: usize) -> Option<Vec<usize>> {
    match node.ints("perm") {
        Some(axes) => axes
            .iter()
            .map(|&axis| usize::try_from(axis).ok())
            .collect(),
        None => Some((0..rank).rev().collect()),
    }
}
