//! What a chain of convolutions does to the size of images, which no weight shows, and which input
//! size it makes likely.
//!
//! Sizes are pairs of rows and columns. Everything here assumes stride 1 and no pooling.

use cntflow_network::Layer;

use crate::image_size;

/// How many rows and columns the convolutions so far take away where nothing is padded.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageExtent {
    /// Rows and columns lost between the input and here; negative where transposed convolutions add
    /// some.
    lost: [i64; 2],
    /// The most that was lost at any point.
    most_lost: [i64; 2],
    /// Rows and columns that a dense layer takes at the end of the convolutions; `None` if there is
    /// no such layer.
    end: Option<[usize; 2]>,
    /// Whether there are transposed convolutions.
    has_transposed: bool,
}

/// What could be found out about the size of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtentGuess {
    /// There is no image whose size is to be found: there are no convolutions, or the size is
    /// known, as it is for patches.
    NoImage,
    /// Exactly one assumption on padding leads to a common size.
    Likely {
        /// Whether images are padded so that sizes stay.
        padded: bool,
        /// Rows, and columns.
        size: usize,
    },
    /// Nothing: the size is merely one that fits the weights.
    Unknown,
}

impl ImageExtent {
    /// Records what a convolution with this kernel takes away or, transposed, adds.
    pub(super) fn record_convolution(&mut self, kernel: &[usize], transposed: bool) {
        let kernel = match *kernel {
            [columns] => [1, columns],
            [rows, columns, ..] => [rows, columns],
            [] => [1, 1],
        };
        for (axis, size) in kernel.into_iter().enumerate() {
            let lost = i64::try_from(size.saturating_sub(1)).unwrap_or(i64::MAX);
            let lost = if transposed { -lost } else { lost };
            self.lost[axis] = self.lost[axis].saturating_add(lost);
            self.most_lost[axis] = self.most_lost[axis].max(self.lost[axis]);
        }
        self.has_transposed |= transposed;
    }

    /// Records that a dense layer takes so many places of each channel. Gives their rows and
    /// columns: a square if there is one, else the two factors that differ least.
    pub(super) fn set_end(&mut self, dimensions: usize, places: usize) -> [usize; 2] {
        let rows = if dimensions == 1 {
            1
        } else {
            (1..=places.isqrt())
                .rev()
                .find(|rows| places.is_multiple_of(*rows))
                .unwrap_or(1)
        };
        let end = [rows, places / rows];
        self.end = Some(end);
        end
    }

    /// Fills in the rows and columns of an input `[channels, 0, ...]`, and pads the layers where
    /// that is likely.
    pub(super) fn settle(&self, input: &mut [usize], layers: &mut [Layer]) -> ExtentGuess {
        let Some(open) = input.get_mut(1..).filter(|open| !open.is_empty()) else {
            return ExtentGuess::NoImage;
        };
        if open.iter().any(|&size| size != 0) {
            return ExtentGuess::NoImage;
        }
        let guess = self.guess(open.len());
        let sizes = match guess {
            ExtentGuess::Likely { size, .. } => [size, size],
            _ => self.unpadded_input(),
        };
        // Of one dimension only the columns count.
        open.copy_from_slice(&sizes[2 - open.len()..]);
        if let ExtentGuess::Likely { padded: true, .. } = guess {
            layers.iter_mut().for_each(pad_to_keep_size);
        }
        guess
    }

    /// The size of the input without padding: the one that leads to `end`, if that is known; else
    /// the smallest with which all kernels fit.
    fn unpadded_input(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let end = self.end.map_or(1, |end| end[axis] as i64);
            let by_end = end.saturating_add(self.lost[axis]);
            let by_kernels = self.most_lost[axis].saturating_add(1);
            // A known end fixes the size, whatever the kernels in between would need.
            let size = if self.end.is_some() {
                by_end
            } else {
                by_end.max(by_kernels)
            };
            usize::try_from(size.max(1)).unwrap_or(1)
        })
    }

    /// Whether unpadded or padded convolutions, but not both, lead from a common size to the end.
    fn guess(&self, dimensions: usize) -> ExtentGuess {
        let Some(end) = self.end.filter(|_| dimensions == 2 && !self.has_transposed) else {
            return ExtentGuess::Unknown;
        };
        let unpadded = self.unpadded_input();
        let is_evidence =
            |[rows, columns]: [usize; 2]| rows == columns && image_size::is_evidence(rows);
        match (is_evidence(unpadded), is_evidence(end)) {
            (true, false) => ExtentGuess::Likely {
                padded: false,
                size: unpadded[0],
            },
            (false, true) => ExtentGuess::Likely {
                padded: true,
                size: end[0],
            },
            _ => ExtentGuess::Unknown,
        }
    }
}

/// Pads a convolution of stride 1 so that it keeps the size of its images.
pub(super) fn pad_to_keep_size(layer: &mut Layer) {
    if let Layer::Conv2d(layer) = layer {
        let sides = layer.kernel.map(|kernel| {
            let both = kernel.saturating_sub(1);
            [both / 2, both - both / 2]
        });
        layer.padding = sides.into();
    }
}
