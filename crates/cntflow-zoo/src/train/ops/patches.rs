//! Images as columns of patches (im2col) and back: the form in which a convolution is a matrix product.

use std::ops::Range;
use std::sync::Arc;

use cntflow_network::{Conv2d, ConvTranspose2d, Pool2d};

/// Values copied at a time where rows are copied.
const LANES: usize = 8;

/// A place that lies in no image: the padding, whose value is 0.
const PADDED: u32 = u32::MAX;

/// Where a window is applied to an image: sizes of one input channel, of the window and of the result.
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
    /// The geometry of a convolution over images `[channels, rows, columns]`; `None` where its kernel does not fit, or the
    /// paddings of two sides differ.
    pub(crate) fn of_convolution(layer: &Conv2d, image: [usize; 3]) -> Option<Self> {
        let padding = layer.padding.both_sides()?;
        Self::new(image, layer.kernel, layer.stride, padding)
    }

    /// The geometry of the convolution that `layer` over images `[channels, rows, columns]` is the transpose of: from
    /// its results to its images. `None` where the sizes leave no result, or one that the convolution would not
    /// take back to the images.
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

    /// The geometry of a pooling; `None` also where a mean would not count its padding, or a window reach beyond it.
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

    /// Values of one image.
    pub(crate) fn image_size(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    /// Places where the window is applied.
    pub(crate) fn n_places(&self) -> usize {
        self.result[0] * self.result[1]
    }

    /// Values under the window.
    pub(crate) fn patch_size(&self) -> usize {
        self.channels * self.window[0] * self.window[1]
    }

    /// The results on `axis` whose tap `offset` of the window falls into the image.
    #[inline(always)]
    pub(crate) fn inside(&self, axis: usize, offset: usize) -> Range<usize> {
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
}

/// Copies between images and columns of patches, `[patch_size, n_images * n_places]`.
#[derive(Clone, Debug)]
pub(crate) struct Patches {
    pub(crate) geometry: Geometry,
    /// For each value of `[patch_size, n_places]` its place in the image, or [`PADDED`]. Empty where whole rows are
    /// copied.
    sources: Arc<[u32]>,
}

impl Patches {
    pub(crate) fn new(geometry: Geometry) -> Self {
        let by_rows = geometry.stride[1] == 1 && geometry.result[1] >= LANES;
        let sources = if by_rows {
            Vec::new()
        } else {
            sources(&geometry)
        };
        Self {
            geometry,
            sources: sources.into(),
        }
    }

    /// Fills `columns` from `images`.
    #[inline(always)]
    pub(crate) fn gather(&self, images: &[f32], columns: &mut [f32]) {
        let (size, places) = (self.geometry.image_size(), self.geometry.n_places());
        if self.sources.is_empty() {
            return self.gather_rows(images, columns);
        }
        let mut targets = columns.chunks_exact_mut(places);
        for sources in self.sources.chunks_exact(places) {
            for (image, target) in images.chunks_exact(size).zip(&mut targets) {
                for (target, &source) in target.iter_mut().zip(sources) {
                    *target = image.get(source as usize).copied().unwrap_or(0.0);
                }
            }
        }
    }

    /// Adds `columns` to the places of `images` that [`Patches::gather`] took them from.
    #[inline(always)]
    pub(crate) fn scatter_add(&self, columns: &[f32], images: &mut [f32]) {
        let (size, places) = (self.geometry.image_size(), self.geometry.n_places());
        if self.sources.is_empty() {
            return self.scatter_rows(columns, images);
        }
        let mut values = columns.chunks_exact(places);
        for sources in self.sources.chunks_exact(places) {
            for (image, values) in images.chunks_exact_mut(size).zip(&mut values) {
                for (value, &source) in values.iter().zip(sources) {
                    if let Some(target) = image.get_mut(source as usize) {
                        *target += value;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn gather_rows(&self, images: &[f32], columns: &mut [f32]) {
        let geometry = &self.geometry;
        let mut targets = columns.chunks_exact_mut(geometry.n_places());
        geometry.each_tap(|channel_start, offset, [rows, columns]| {
            for (image, target) in images.chunks_exact(geometry.image_size()).zip(&mut targets) {
                if rows.len() * columns.len() < target.len() {
                    target.fill(0.0);
                }
                for row in rows.clone() {
                    let start =
                        channel_start + geometry.input_row(row, offset[0]) * geometry.input[1];
                    let source = &image[start + columns.start + offset[1] - geometry.padding[1]..]
                        [..columns.len()];
                    let target = &mut target[row * geometry.result[1]..][columns.clone()];
                    copy_row(source, target);
                }
            }
        });
    }

    #[inline(always)]
    fn scatter_rows(&self, columns: &[f32], images: &mut [f32]) {
        let geometry = &self.geometry;
        let mut values = columns.chunks_exact(geometry.n_places());
        geometry.each_tap(|channel_start, offset, [rows, columns]| {
            for (image, values) in images
                .chunks_exact_mut(geometry.image_size())
                .zip(&mut values)
            {
                for row in rows.clone() {
                    let start =
                        channel_start + geometry.input_row(row, offset[0]) * geometry.input[1];
                    let target =
                        &mut image[start + columns.start + offset[1] - geometry.padding[1]..];
                    let values = &values[row * geometry.result[1]..][columns.clone()];
                    target
                        .iter_mut()
                        .zip(values)
                        .for_each(|(target, value)| *target += value);
                }
            }
        });
    }
}

impl Geometry {
    /// Calls `tap` for each value under the window, with where its channel starts in an image, its offset in the
    /// window, and the rows and columns of results for which it lies in the image.
    #[inline(always)]
    fn each_tap(&self, mut tap: impl FnMut(usize, [usize; 2], [Range<usize>; 2])) {
        for channel in 0..self.channels {
            for row in 0..self.window[0] {
                for column in 0..self.window[1] {
                    let channel_start = channel * self.input[0] * self.input[1];
                    tap(
                        channel_start,
                        [row, column],
                        [self.inside(0, row), self.inside(1, column)],
                    );
                }
            }
        }
    }

    /// The row of the image under the window's row `offset` where the result is `row`; it must be inside.
    #[inline(always)]
    pub(crate) fn input_row(&self, row: usize, offset: usize) -> usize {
        row * self.stride[0] + offset - self.padding[0]
    }
}

fn sources(geometry: &Geometry) -> Vec<u32> {
    let mut sources = vec![PADDED; geometry.patch_size() * geometry.n_places()];
    let mut targets = sources.chunks_exact_mut(geometry.n_places());
    geometry.each_tap(|channel_start, offset, [rows, columns]| {
        let target = targets.next().expect("one for each tap");
        for row in rows {
            let start = channel_start + geometry.input_row(row, offset[0]) * geometry.input[1];
            for column in columns.clone() {
                let source = start + column * geometry.stride[1] + offset[1] - geometry.padding[1];
                target[row * geometry.result[1] + column] = source as u32;
            }
        }
    });
    sources
}

/// Copies a row of an image, 8 values at a time and the last 8 once more where they overlap: a call of `memcpy` costs
/// more than so short a copy.
#[inline(always)]
fn copy_row(source: &[f32], target: &mut [f32]) {
    let Some(last) = target.len().checked_sub(LANES) else {
        return target.copy_from_slice(source);
    };
    let mut start = 0;
    while start < last {
        target[start..start + LANES].copy_from_slice(&source[start..start + LANES]);
        start += LANES;
    }
    target[last..].copy_from_slice(&source[last..last + LANES]);
}
