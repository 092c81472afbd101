//! Tensors of the file as the graph sees them: whole, or cut along the first dimension and joined again; matrices also transposed.

use super::{Path, Told};
use crate::{TensorRecipe, TensorSlice};

/// Most pieces that a weight is made of.
const MOST_BLOCKS: usize = 64;

/// Values of the file's tensors, one piece after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weight<'a> {
    blocks: Vec<Block<'a>>,
    /// As the graph sees it.
    pub(super) shape: Vec<usize>,
    /// Whether it is a matrix that the pieces have the other way round.
    pub(super) transposed: bool,
}

/// Values `start..end` of the `n` of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block<'a> {
    tensor: usize,
    name: &'a str,
    n: usize,
    start: usize,
    end: usize,
}

impl Block<'_> {
    fn is_whole(&self) -> bool {
        self.start == 0 && self.end == self.n
    }
}

impl<'a> Weight<'a> {
    /// A tensor of the file as it is.
    pub(super) fn new(tensor: usize, name: &'a str, shape: &[usize]) -> Self {
        let n = n_values(shape);
        let whole = Block {
            tensor,
            name,
            n,
            start: 0,
            end: n,
        };
        Self {
            blocks: vec![whole],
            shape: shape.to_vec(),
            transposed: false,
        }
    }

    /// The name of its first tensor.
    pub(super) fn name(&self) -> &'a str {
        self.blocks.first().map_or("", |block| block.name)
    }

    /// The one tensor that it is the whole of, in that tensor's order.
    pub(super) fn tensor(&self) -> Option<usize> {
        match self.blocks[..] {
            [block] if block.is_whole() && !self.transposed => Some(block.tensor),
            _ => None,
        }
    }

    /// A matrix the other way round.
    pub(super) fn transpose(&self) -> Self {
        Self {
            shape: self.shape.iter().rev().copied().collect(),
            transposed: !self.transposed,
            ..self.clone()
        }
    }

    /// The same values under another shape.
    pub(super) fn seen_as(&self, shape: Vec<usize>) -> Option<Self> {
        let sizes = shape
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        let fits = !self.transposed && sizes == Some(n_values(&self.shape));
        fits.then(|| Self {
            shape,
            ..self.clone()
        })
    }

    /// Indices `start..end` of a dimension before which all are 1; of a transposed matrix its second.
    pub(super) fn cut(&self, axis: usize, start: usize, end: usize) -> Option<Self> {
        let size = *self.shape.get(axis)?;
        if start >= end || end > size {
            return None;
        }
        let inner: usize = match self.transposed {
            true => (axis == 1).then(|| self.shape[0])?,
            false if self.shape[..axis].iter().all(|&before| before == 1) => {
                n_values(&self.shape[axis + 1..])
            }
            false => return None,
        };
        let mut shape = self.shape.clone();
        shape[axis] = end - start;
        Some(Self {
            blocks: self.values(start.checked_mul(inner)?, end.checked_mul(inner)?),
            shape,
            transposed: self.transposed,
        })
    }

    /// The pieces of its values `first..end`.
    fn values(&self, first: usize, end: usize) -> Vec<Block<'a>> {
        let mut before = 0;
        let mut blocks = Vec::new();
        for block in &self.blocks {
            let n = block.end - block.start;
            let from = first.clamp(before, before + n) - before;
            let until = end.clamp(before, before + n) - before;
            if from < until {
                let (start, end) = (block.start + from, block.start + until);
                push(
                    &mut blocks,
                    Block {
                        start,
                        end,
                        ..*block
                    },
                );
            }
            before += n;
        }
        blocks
    }

    /// Several, one after the other along a dimension before which all are 1.
    pub(super) fn joined(weights: &[Self], axis: usize) -> Option<Self> {
        let first = weights.first()?;
        let mut joined = Self {
            blocks: Vec::new(),
            ..first.clone()
        };
        let ones = first.shape.get(..axis)?.iter().all(|&before| before == 1);
        let n: usize = weights.iter().try_fold(0_usize, |n, weight| {
            let same = weight.shape.len() == first.shape.len()
                && weight.shape.get(axis + 1..) == first.shape.get(axis + 1..)
                && weight.shape.get(..axis) == first.shape.get(..axis);
            let fits = same && !weight.transposed && ones;
            fits.then(|| n.checked_add(*weight.shape.get(axis)?))?
        })?;
        *joined.shape.get_mut(axis)? = n;
        for &block in weights.iter().flat_map(|weight| &weight.blocks) {
            push(&mut joined.blocks, block);
        }
        (joined.blocks.len() <= MOST_BLOCKS).then_some(joined)
    }
}

/// The number of values of a shape; of one that no memory could hold the largest there is.
pub(super) fn n_values(shape: &[usize]) -> usize {
    match shape.contains(&0) {
        true => 0,
        false => shape
            .iter()
            .fold(1, |n: usize, &size| n.saturating_mul(size)),
    }
}

/// Adds a piece, or makes the last one longer that it goes on.
fn push<'a>(blocks: &mut Vec<Block<'a>>, block: Block<'a>) {
    match blocks.last_mut() {
        Some(last) if last.tensor == block.tensor && last.end == block.start => {
            last.end = block.end
        }
        _ => blocks.push(block),
    }
}

impl<'a> Path<'_, 'a> {
    /// What recipes a tensor with a weight as it is seen.
    pub(super) fn filled(&self, weight: &Weight<'a>) -> Told<TensorRecipe> {
        let mut excerpts = self.excerpts(weight)?;
        Ok(match (excerpts.len(), excerpts.pop()) {
            (1, Some(only)) => TensorRecipe::Tensor(only),
            (_, last) => TensorRecipe::Joined(excerpts.into_iter().chain(last).collect()),
        })
    }

    /// What recipes a tensor with rows of several kernels, one after the other.
    pub(super) fn filled_by_rows(
        &self,
        parts: &[(&Weight<'a>, usize, usize)],
    ) -> Told<TensorRecipe> {
        let cut = |&(kernel, first, n): &(&Weight<'a>, usize, usize)| match kernel.transposed {
            true => None,
            false => kernel.cut(0, first, first.saturating_add(n)),
        };
        let cuts: Option<Vec<Weight<'a>>> = parts.iter().map(cut).collect();
        if let Some(joined) = cuts.and_then(|cuts| Weight::joined(&cuts, 0)) {
            return self.filled(&joined);
        }
        if let [(kernel, 0, n), rest @ ..] = parts
            && let all = rest
                .iter()
                .fold(*n, |sum, (_, _, n)| sum.saturating_add(*n))
            && kernel.shape.first() == Some(&all)
            && follow_each_other(parts)
        {
            return self.filled(kernel);
        }
        let mut joined = Vec::new();
        for &(kernel, first, n) in parts {
            for excerpt in self.excerpts(kernel)? {
                joined.push(match kernel.transposed {
                    true => excerpt.cut(1, first, first.saturating_add(n)),
                    false => return Err(format!("{} is cut in too many pieces", kernel.name())),
                });
            }
        }
        Ok(TensorRecipe::Joined(joined))
    }

    fn excerpts(&self, weight: &Weight<'a>) -> Told<Vec<TensorSlice>> {
        let scattered = || format!("{} is cut across its rows", weight.name());
        let own = |block: &Block<'a>| &self.model.tensors[block.tensor].tensor.shape;
        if weight.transposed {
            let [block] = weight.blocks[..] else {
                return Err(scattered());
            };
            let width = weight.shape.first().copied().unwrap_or(0).max(1);
            if [block.start, block.end, block.n]
                .iter()
                .any(|at| at % width != 0)
            {
                return Err(scattered());
            }
            let matrix = [block.n / width, width];
            let mut excerpt = TensorSlice::reordered(block.name, &[1, 0]);
            if own(&block)[..] != matrix {
                excerpt = excerpt.read_as(&matrix);
            }
            if !block.is_whole() {
                excerpt = excerpt.cut(0, block.start / width, block.end / width);
            }
            return Ok(vec![excerpt]);
        }
        let (&first, inner) = weight.shape.split_first().unwrap_or((&1, &[]));
        let inner_size = n_values(inner).max(1);
        let excerpt = |block: &Block<'a>| {
            let n = block.end - block.start;
            let rows = match weight.blocks.len() {
                1 => first,
                _ if n.is_multiple_of(inner_size) => n / inner_size,
                _ => return Err(scattered()),
            };
            let shape = match weight.shape.is_empty() {
                true => Vec::new(),
                false => [&[rows], inner].concat(),
            };
            Ok(match block.is_whole() {
                true if *own(block) == shape => TensorSlice::whole(block.name),
                true => TensorSlice::whole(block.name).shaped(&shape),
                false => TensorSlice::whole(block.name)
                    .read_as(&[block.n])
                    .cut(0, block.start, block.end)
                    .shaped(&shape),
            })
        };
        weight.blocks.iter().map(excerpt).collect()
    }
}

/// Whether all are of one kernel, and each begins where the one before it ends.
fn follow_each_other(parts: &[(&Weight<'_>, usize, usize)]) -> bool {
    parts.windows(2).all(|pair| {
        let ((kernel, first, n), (next, start, _)) = (pair[0], pair[1]);
        kernel == next && first.checked_add(n) == Some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_follow_each_other_are_one_again() {
        let whole = Weight::new(0, "w", &[6, 2]);
        let [first, last] = [(0, 2), (2, 6)].map(|(start, end)| whole.cut(0, start, end).unwrap());
        assert_eq!(
            Weight::joined(&[first.clone(), last.clone()], 0),
            Some(whole.clone())
        );
        let turned = Weight::joined(&[last, first], 0).unwrap();
        assert_eq!((turned.blocks.len(), &turned.shape[..]), (2, &[6, 2][..]));
        assert_eq!(
            turned.cut(0, 4, 6).unwrap().blocks,
            whole.cut(0, 0, 2).unwrap().blocks
        );
        let deeper = turned.seen_as(vec![1, 6, 2]).unwrap();
        assert_eq!(
            deeper.cut(1, 0, 4).unwrap().blocks,
            whole.cut(0, 2, 6).unwrap().blocks
        );
        assert_eq!(whole.cut(1, 0, 1), None);
        assert_eq!(whole.cut(0, 5, 7), None);
        let halves = whole.transpose().cut(1, 3, 6).unwrap();
        assert_eq!(halves.blocks, whole.cut(0, 3, 6).unwrap().blocks);
        assert_eq!(whole.transpose().cut(0, 0, 1), None);
        assert_eq!(whole.seen_as(vec![5, 2]), None);
    }

    #[test]
    fn pieces_are_not_doubled_without_end() {
        let mut weight = Some(Weight::new(0, "w", &[2]));
        let mut rounds = 0;
        while let Some(own) = weight {
            weight = Weight::joined(&[own.clone(), own], 0);
            rounds += 1;
        }
        assert_eq!(rounds, 7);
    }
}
