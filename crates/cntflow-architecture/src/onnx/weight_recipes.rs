//! Recipes of the architecture's tensors, made of weights of the graph.

use super::translator::Translator;
use super::weight::{Piece, Weight, n_values};
use crate::error::{Translated, TranslationError, unsupported};
use crate::recipe::{TensorRecipe, TensorSlice};

/// The `n` rows of a weight from row `first` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'w, 'a> {
    pub(super) weight: &'w Weight<'a>,
    /// The first row.
    pub(super) first: usize,
    /// Number of rows.
    pub(super) n: usize,
}

impl<'a> Rows<'_, 'a> {
    /// One past the last row.
    fn end(&self) -> usize {
        self.first.saturating_add(self.n)
    }

    /// The rows as a weight; `None` where they do not lie in one stretch.
    fn cut(&self) -> Option<Weight<'a>> {
        if self.weight.transposed {
            return None;
        }
        self.weight.cut(0, self.first, self.end())
    }
}

impl<'a> Translator<'_, 'a> {
    /// The recipe of a tensor that is a weight of the graph.
    pub(super) fn weight_recipe(&self, weight: &Weight<'a>) -> Translated<TensorRecipe> {
        let mut slices = self.slices(weight)?;
        Ok(if slices.len() == 1 {
            TensorRecipe::Slice(slices.remove(0))
        } else {
            TensorRecipe::Concat(slices)
        })
    }

    /// The recipe of a tensor that is rows of several kernels, one after the other.
    pub(super) fn rows_recipe(&self, parts: &[Rows<'_, 'a>]) -> Translated<TensorRecipe> {
        let cuts: Option<Vec<Weight<'a>>> = parts.iter().map(Rows::cut).collect();
        if let Some(whole) = cuts.and_then(|cuts| Weight::concatenated(&cuts, 0)) {
            return self.weight_recipe(&whole);
        }
        // All rows of one transposed kernel, in their order, are the kernel itself.
        if let [first, ..] = parts
            && first.first == 0
            && parts.last().map(Rows::end).as_ref() == first.weight.shape.first()
            && follow_each_other(parts)
        {
            return self.weight_recipe(first.weight);
        }
        let mut slices = Vec::new();
        for rows in parts {
            let kernel = rows.weight;
            if !kernel.transposed {
                let reason = format!("{} is cut in too many pieces", kernel.name());
                return Err(unsupported(reason));
            }
            // The file has the kernel's rows as columns.
            let of_kernel = self.slices(kernel)?.into_iter();
            slices.extend(of_kernel.map(|slice| slice.keep(1, rows.first, rows.end())));
        }
        Ok(TensorRecipe::Concat(slices))
    }

    fn slices(&self, weight: &Weight<'a>) -> Translated<Vec<TensorSlice>> {
        if weight.transposed {
            return Ok(vec![self.transposed_slice(weight)?]);
        }
        let (first, inner) = match weight.shape.split_first() {
            Some((&first, inner)) => (first, inner),
            None => (1, &[][..]),
        };
        let inner_size = n_values(inner).max(1);
        let slice = |piece: &Piece<'a>| {
            let n = piece.end - piece.start;
            let rows = if weight.pieces.len() == 1 {
                first
            } else if n.is_multiple_of(inner_size) {
                n / inner_size
            } else {
                return Err(cut_across_rows(weight));
            };
            let shape = if weight.shape.is_empty() {
                Vec::new()
            } else {
                [&[rows], inner].concat()
            };
            let whole = TensorSlice::whole(piece.name);
            Ok(if !piece.is_whole() {
                whole
                    .read_as(&[piece.n])
                    .keep(0, piece.start, piece.end)
                    .shaped(&shape)
            } else if *self.tensor_shape(piece) == shape {
                whole
            } else {
                whole.shaped(&shape)
            })
        };
        weight.pieces.iter().map(slice).collect()
    }

    /// A matrix `[units, n_in]` whose transpose is rows of a tensor.
    fn transposed_slice(&self, weight: &Weight<'a>) -> Translated<TensorSlice> {
        let [piece] = weight.pieces[..] else {
            return Err(cut_across_rows(weight));
        };
        let width = weight.shape.first().copied().unwrap_or(0).max(1);
        let bounds = [piece.start, piece.end, piece.n];
        if bounds.iter().any(|bound| bound % width != 0) {
            return Err(cut_across_rows(weight));
        }
        let matrix = [piece.n / width, width];
        let mut slice = TensorSlice::permuted(piece.name, &[1, 0]);
        if self.tensor_shape(&piece)[..] != matrix {
            slice = slice.read_as(&matrix);
        }
        if !piece.is_whole() {
            slice = slice.keep(0, piece.start / width, piece.end / width);
        }
        Ok(slice)
    }

    /// The shape that the file gives a piece's tensor.
    fn tensor_shape(&self, piece: &Piece<'a>) -> &Vec<usize> {
        &self.model.tensors[piece.tensor].tensor.shape
    }
}

fn cut_across_rows(weight: &Weight<'_>) -> TranslationError {
    unsupported(format!("{} is cut across its rows", weight.name()))
}

/// Whether all parts are of one kernel, and each begins where the one before it ends.
fn follow_each_other(parts: &[Rows<'_, '_>]) -> bool {
    parts
        .array_windows()
        .all(|[part, next]| part.weight == next.weight && part.end() == next.first)
}
