//! Weights of the graph: tensors of the file, whole or cut along the first dimension and
//! concatenated again; matrices also transposed.

/// The most pieces that a weight may have: hostile graphs double them without end.
const MAX_PIECES: usize = 64;

/// Values of the file's tensors, one piece after the other, in a shape of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weight<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// Shape that the graph gives it.
    pub(super) shape: Vec<usize>,
    /// Whether it is a matrix whose pieces hold its transpose.
    pub(super) transposed: bool,
}

/// Values `start..end` of a tensor, in the tensor's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Index of the tensor in the model's list.
    pub(super) tensor: usize,
    /// Name of the tensor.
    pub(super) name: &'a str,
    /// Number of the tensor's values.
    pub(super) n: usize,
    /// First value of the piece.
    pub(super) start: usize,
    /// One past its last value.
    pub(super) end: usize,
}

impl Piece<'_> {
    /// Whether the piece is the whole tensor.
    pub(super) fn is_whole(&self) -> bool {
        self.start == 0 && self.end == self.n
    }
}

impl<'a> Weight<'a> {
    /// A tensor of the file as it is.
    pub(super) fn new(tensor: usize, name: &'a str, shape: &[usize]) -> Self {
        let n = n_values(shape);
        let whole = Piece {
            tensor,
            name,
            n,
            start: 0,
            end: n,
        };
        Self {
            pieces: vec![whole],
            shape: shape.to_vec(),
            transposed: false,
        }
    }

    /// The name of its first tensor.
    pub(super) fn name(&self) -> &'a str {
        self.pieces.first().map_or("", |piece| piece.name)
    }

    /// Index of the one tensor that the weight is, with its values in the tensor's order.
    pub(super) fn tensor(&self) -> Option<usize> {
        match self.pieces[..] {
            [piece] if piece.is_whole() && !self.transposed => Some(piece.tensor),
            _ => None,
        }
    }

    /// The transpose of a matrix.
    pub(super) fn transpose(&self) -> Self {
        Self {
            shape: self.shape.iter().rev().copied().collect(),
            transposed: !self.transposed,
            ..self.clone()
        }
    }

    /// The same values under another shape.
    pub(super) fn reshaped(&self, shape: Vec<usize>) -> Option<Self> {
        let sizes = shape
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        let fits = !self.transposed && sizes == Some(n_values(&self.shape));
        fits.then(|| Self {
            shape,
            ..self.clone()
        })
    }

    /// Indices `start..end` of a dimension. The values must lie in one stretch: all dimensions
    /// before it have size 1, or it is the second of a transposed matrix.
    pub(super) fn cut(&self, axis: usize, start: usize, end: usize) -> Option<Self> {
        let size = *self.shape.get(axis)?;
        if start >= end || end > size {
            return None;
        }
        // Values of one index of the dimension.
        let inner: usize = if self.transposed {
            (axis == 1).then(|| self.shape[0])?
        } else if self.shape[..axis].iter().all(|&before| before == 1) {
            n_values(&self.shape[axis + 1..])
        } else {
            return None;
        };
        let mut shape = self.shape.clone();
        shape[axis] = end - start;
        Some(Self {
            pieces: self.pieces_of(start.checked_mul(inner)?, end.checked_mul(inner)?),
            shape,
            transposed: self.transposed,
        })
    }

    /// The pieces that hold its values `first..end`.
    fn pieces_of(&self, first: usize, end: usize) -> Vec<Piece<'a>> {
        let mut before = 0;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let n = piece.end - piece.start;
            let from = first.clamp(before, before + n) - before;
            let until = end.clamp(before, before + n) - before;
            if from < until {
                let part = Piece {
                    start: piece.start + from,
                    end: piece.start + until,
                    ..*piece
                };
                push(&mut pieces, part);
            }
            before += n;
        }
        pieces
    }

    /// Several weights, one after the other along a dimension; all dimensions before it have size
    /// 1.
    pub(super) fn concatenated(weights: &[Self], axis: usize) -> Option<Self> {
        let first = weights.first()?;
        let mut whole = Self {
            pieces: Vec::new(),
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
        *whole.shape.get_mut(axis)? = n;
        for &piece in weights.iter().flat_map(|weight| &weight.pieces) {
            push(&mut whole.pieces, piece);
        }
        (whole.pieces.len() <= MAX_PIECES).then_some(whole)
    }
}

/// The number of values of a shape; the largest number there is where it overflows.
pub(super) fn n_values(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        0
    } else {
        shape
            .iter()
            .fold(1, |n: usize, &size| n.saturating_mul(size))
    }
}

/// Adds a piece, or extends the last one that it continues.
fn push<'a>(pieces: &mut Vec<Piece<'a>>, piece: Piece<'a>) {
    match pieces.last_mut() {
        Some(last) if last.tensor == piece.tensor && last.end == piece.start => {
            last.end = piece.end
        }
        _ => pieces.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_pieces_become_one_again() {
        let whole = Weight::new(0, "w", &[6, 2]);
        let [first, last] = [(0, 2), (2, 6)].map(|(start, end)| whole.cut(0, start, end).unwrap());
        assert_eq!(
            Weight::concatenated(&[first.clone(), last.clone()], 0),
            Some(whole.clone())
        );
        let turned = Weight::concatenated(&[last, first], 0).unwrap();
        assert_eq!((turned.pieces.len(), &turned.shape[..]), (2, &[6, 2][..]));
        assert_eq!(
            turned.cut(0, 4, 6).unwrap().pieces,
            whole.cut(0, 0, 2).unwrap().pieces
        );
        let deeper = turned.reshaped(vec![1, 6, 2]).unwrap();
        assert_eq!(
            deeper.cut(1, 0, 4).unwrap().pieces,
            whole.cut(0, 2, 6).unwrap().pieces
        );
        assert_eq!(whole.cut(1, 0, 1), None);
        assert_eq!(whole.cut(0, 5, 7), None);
        let halves = whole.transpose().cut(1, 3, 6).unwrap();
        assert_eq!(halves.pieces, whole.cut(0, 3, 6).unwrap().pieces);
        assert_eq!(whole.transpose().cut(0, 0, 1), None);
        assert_eq!(whole.reshaped(vec![5, 2]), None);
    }

    #[test]
    fn the_number_of_pieces_is_limited() {
        let mut weight = Some(Weight::new(0, "w", &[2]));
        let mut rounds = 0;
        while let Some(own) = weight {
            weight = Weight::concatenated(&[own.clone(), own], 0);
            rounds += 1;
        }
        assert_eq!(rounds, 7);
    }
}
