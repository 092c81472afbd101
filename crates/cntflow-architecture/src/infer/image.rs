//! The size of images, which no weight of a convolution shows.

use cntflow_network::Layer;

/// Sides of the images that data sets commonly have.
const COMMON: [usize; 8] = [28, 32, 48, 64, 96, 128, 224, 256];

/// How many rows and columns the convolutions so far take away, with stride 1 and no padding.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// Places taken from the input up to here; negative where transposed convolutions add.
    taken: [i64; 2],
    /// The most that was taken at any point.
    most: [i64; 2],
    /// Rows and columns at the end, where a dense layer tells.
    end: Option<[usize; 2]>,
    /// Whether there are transposed convolutions.
    grows: bool,
}

/// What could be told of the size of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There are no convolutions.
    NoImage,
    /// The size that one assumption, and no other, makes a common one.
    Likely {
        /// Whether images are padded so that sizes stay.
        same: bool,
        /// Rows and columns.
        side: usize,
    },
    /// Nothing: some size on which strides, paddings and poolings fit the weights.
    Assumed,
}

impl Sizes {
    /// Goes through a kernel.
    pub(super) fn slide(&mut self, kernel: &[usize], transposed: bool) {
        let sides = match *kernel {
            [columns] => [1, columns],
            [rows, columns, ..] => [rows, columns],
            [] => [1, 1],
        };
        for (axis, side) in sides.into_iter().enumerate() {
            let reach = i64::try_from(side.saturating_sub(1)).unwrap_or(i64::MAX);
            let reach = if transposed { -reach } else { reach };
            self.taken[axis] = self.taken[axis].saturating_add(reach);
            self.most[axis] = self.most[axis].max(self.taken[axis]);
        }
        self.grows |= transposed;
    }

    /// Rows and columns of so many places: a square if there is one, else the sides that differ least.
    pub(super) fn end(&mut self, dimensions: usize, places: usize) -> [usize; 2] {
        let rows = match dimensions {
            1 => 1,
            _ => (1..=places.isqrt())
                .rev()
                .find(|rows| places.is_multiple_of(*rows))
                .unwrap_or(1),
        };
        let end = [rows, places / rows];
        self.end = Some(end);
        end
    }

    /// Sizes of the input `[channels, ...]` that fit, and what they rest on. Layers are padded where that is likely.
    pub(super) fn settle(&self, input: &mut [usize], layers: &mut [Layer]) -> Told {
        let dimensions = input.len().saturating_sub(1);
        let mut told = Told::NoImage;
        if input
            .get(1..)
            .is_some_and(|sizes| !sizes.is_empty() && sizes.iter().all(|&size| size == 0))
        {
            told = self.likely(dimensions);
            let sizes = match told {
                Told::Likely { side, .. } => [side, side],
                _ => [0, 1].map(|axis| self.fitting(axis)),
            };
            input[1..].copy_from_slice(&sizes[2 - dimensions..]);
            if let Told::Likely { same: true, .. } = told {
                layers.iter_mut().for_each(pad);
            }
        }
        told
    }

    /// The least size of an axis with which all kernels fit.
    fn fitting(&self, axis: usize) -> usize {
        let end = self.end.map_or(1, |end| end[axis] as i64);
        let before = end.saturating_add(self.taken[axis]);
        let least = self.most[axis].saturating_add(1);
        let size = if self.end.is_some() {
            before
        } else {
            before.max(least)
        };
        usize::try_from(size.max(1)).unwrap_or(1)
    }

    fn likely(&self, dimensions: usize) -> Told {
        let Some([rows, columns]) = self.end.filter(|_| dimensions == 2 && !self.grows) else {
            return Told::Assumed;
        };
        let without = [0, 1].map(|axis| self.fitting(axis));
        let common = |[rows, columns]: [usize; 2]| rows == columns && COMMON.contains(&rows);
        match (common(without), common([rows, columns])) {
            (true, false) => Told::Likely {
                same: false,
                side: without[0],
            },
            (false, true) => Told::Likely {
                same: true,
                side: rows,
            },
            _ => Told::Assumed,
        }
    }
}

/// Padding with which a convolution of stride 1 keeps the size of its images.
pub(super) fn pad(layer: &mut Layer) {
    if let Layer::Conv2d(layer) = layer {
        let sides = layer.kernel.map(|kernel| {
            let all = kernel.saturating_sub(1);
            [all / 2, all - all / 2]
        });
        layer.padding = sides.into();
    }
}
