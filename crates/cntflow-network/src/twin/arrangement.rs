//! Where the channels of a layer stand in one dimension of a tensor.

use crate::{Shape, View};

/// How one dimension of a tensor runs over the channels of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// This many neighbours belong to each channel: positions, or columns of an image.
    Blocks(usize),
    /// All channels, again and again: the steps of a flattened sequence.
    Repeated,
}

impl Arrangement {
    /// That of a kernel's columns, by the shape of the layer before and how links see it.
    pub(super) fn of_columns(shape: Shape, view: View) -> Self {
        match (shape, view) {
            (Shape::Steps { .. }, View::Flat) => Self::Repeated,
            (_, View::Same | View::Flat) => Self::Blocks(shape.positions()),
            (_, View::Rows) => Self::Blocks(shape.columns()),
            (_, View::Positions | View::Step(_) | View::Attended { .. }) => Self::Blocks(1),
        }
    }

    /// For each of `n` places, the place whose values go there. Channel `c` takes the values of
    /// channel `channels[c]`.
    pub(super) fn places(self, channels: &[usize], n: usize) -> Vec<usize> {
        let place = |place: usize| match self {
            Self::Blocks(size) => channels[place / size] * size + place % size,
            Self::Repeated => {
                let first = place - place % channels.len();
                first + channels[place % channels.len()]
            }
        };
        (0..n).map(place).collect()
    }
}

/// Permutes the rows and columns of a matrix of blocks of `block` values.
pub(super) fn permute_matrix(values: &mut [f32], rows: &[usize], columns: &[usize], block: usize) {
    let old = values.to_vec();
    let mut places = values.chunks_exact_mut(block);
    for row in rows {
        for (column, place) in columns.iter().zip(&mut places) {
            let first = (row * columns.len() + column) * block;
            place.copy_from_slice(&old[first..][..block]);
        }
    }
}
