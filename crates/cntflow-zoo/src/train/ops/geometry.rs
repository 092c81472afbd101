//! How a window moves over an image: sizes, and which values of the image lie under it.

use std::ops::Range;

use cntflow_network::{Conv2d, ConvTranspose2d, Pool2d};

/// How a window moves over an image. All pairs are rows and columns; `input` and `result` are the
/// sizes of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) channels: usize,
    pub(crate) input: [usize; 2],
    pub(crate) window: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) result: [usize; 2],
}

impl Geometry {
    /// The geometry of a convolution over images `[channels, rows, columns]`; `None` if its kernel
    /// does not fit, or the paddings of two sides differ.
    pub(crate) fn of_convolution(layer: &Conv2d, image: [usize; 3]) -> Option<Self> {
        let padding = layer.padding.both_sides()?;
        Self::new(image, layer.kernel, layer.stride, padding)
    }

    /// A transposed convolution is described by the geometry of the ordinary convolution that it
    /// transposes. That one runs the other way: its input is the result of `layer`, its result is
    /// the input of `layer`, `[channels, rows, columns]`. `None` if `layer` would have an empty
    /// result, if the ordinary convolution would not give exactly `[rows, columns]`, or if the
    /// paddings of two sides differ.
    pub(crate) fn of_transposed(
        layer: &ConvTranspose2d,
        [_, rows, columns]: [usize; 3],
    ) -> Option<Self> {
        let padding = layer.padding.both_sides()?;
        let size = |input: usize, axis: usize| {
            let grown = input.checked_sub(1)?.checked_mul(layer.stride[axis])?;
            let whole = grown.checked_add(layer.kernel[axis] + layer.output_padding[axis])?;
            whole
                .checked_sub(2 * padding[axis])
                .filter(|&size| size > 0)
        };
        let result = [layer.filters, size(rows, 0)?, size(columns, 1)?];
        let geometry = Self::new(result, layer.kernel, layer.stride, padding)?;
        (geometry.result == [rows, columns]).then_some(geometry)
    }

    /// The geometry of a pooling. `None` if the window does not fit, if the paddings of two sides
    /// differ, if `count_padding` is off (averages that leave out the padding), or if `ceil_mode`
    /// is on (windows that reach beyond the padding).
    pub(crate) fn of_pool(layer: &Pool2d, image: [usize; 3]) -> Option<Self> {
        if !layer.count_padding || layer.ceil_mode {
            return None;
        }
        Self::new(
            image,
            layer.window,
            layer.stride.unwrap_or(layer.window),
            layer.padding.both_sides()?,
        )
    }

    fn new(
        [channels, rows, columns]: [usize; 3],
        window: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Option<Self> {
        let size = |input: usize, axis: usize| {
            let room = (input + 2 * padding[axis]).checked_sub(window[axis])?;
            Some(room.checked_div(stride[axis])? + 1)
        };
        let result = [size(rows, 0)?, size(columns, 1)?];
        Some(Self {
            channels,
            input: [rows, columns],
            window,
            stride,
            padding,
            result,
        })
    }

    /// Number of values in one image.
    pub(crate) fn image_size(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    /// Number of positions of the window. It is also the number of values in one channel of the
    /// result.
    pub(crate) fn n_positions(&self) -> usize {
        self.result[0] * self.result[1]
    }

    /// Number of values under the window, in all channels.
    pub(crate) fn patch_size(&self) -> usize {
        self.channels * self.window[0] * self.window[1]
    }

    /// The window positions along `axis` (0: rows, 1: columns) for which row or column `offset` of
    /// the window lies in the image and not in the padding.
    #[inline(always)]
    pub(super) fn inside(&self, axis: usize, offset: usize) -> Range<usize> {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        let first = padding
            .saturating_sub(offset)
            .div_ceil(stride)
            .min(self.result[axis]);
        let end = (self.input[axis] + padding)
            .saturating_sub(offset)
            .div_ceil(stride)
            .min(self.result[axis]);
        first..end.max(first)
    }

    /// All taps, in the order of a kernel's weights `[channels, rows, columns]`.
    #[inline(always)]
    pub(super) fn taps(&self) -> impl Iterator<Item = Tap> {
        let [n_rows, n_columns] = self.window;
        let channel_size = self.input[0] * self.input[1];
        (0..self.patch_size()).map(move |index| {
            let offset = [index / n_columns % n_rows, index % n_columns];
            let columns = self.inside(1, offset[1]);
            Tap {
                channel_start: index / (n_rows * n_columns) * channel_size,
                offset,
                // Where no column is inside, no row has anything to read.
                rows: if columns.is_empty() {
                    0..0
                } else {
                    self.inside(0, offset[0])
                },
                columns,
            }
        })
    }

    /// The row of the image under the window's row `offset` at position `row`; it must be inside.
    #[inline(always)]
    pub(super) fn input_row(&self, row: usize, offset: usize) -> usize {
        row * self.stride[0] + offset - self.padding[0]
    }

    /// The column of the image under the window's column `offset` at position `column`; it must be
    /// inside.
    #[inline(always)]
    pub(super) fn input_column(&self, column: usize, offset: usize) -> usize {
        column * self.stride[1] + offset - self.padding[1]
    }
}

/// One value under a window.
pub(super) struct Tap {
    /// Index in an image of the first value of the tap's channel.
    pub(super) channel_start: usize,
    /// Row and column in the window.
    pub(super) offset: [usize; 2],
    /// Rows of the positions at which the tap lies in the image, not in the padding.
    pub(super) rows: Range<usize>,
    /// Columns of those positions.
    pub(super) columns: Range<usize>,
}
