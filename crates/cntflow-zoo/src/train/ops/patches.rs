//! Images as columns of patches (im2col) and back. In this form a convolution is a matrix product.

use crate::train::ops::geometry::{Geometry, Tap};

/// Number of values copied at a time when whole rows are copied.
const LANES: usize = 8;

/// The source of a value that lies in the padding, not in the image. Padding is 0.
const PADDED: u32 = u32::MAX;

/// Copies between images, `[n_images, image_size]`, and columns of patches,
/// `[patch_size, n_images * n_positions]`.
#[derive(Clone, Debug)]
pub(crate) struct Patches {
    pub(crate) geometry: Geometry,
    /// For each value of `[patch_size, n_positions]` its index in the image, or [`PADDED`]. Empty
    /// if whole rows are copied, which is faster where rows are long and the stride is 1.
    sources: Vec<u32>,
}

impl Patches {
    pub(crate) fn new(geometry: Geometry) -> Self {
        let copies_rows = geometry.stride[1] == 1 && geometry.result[1] >= LANES;
        let sources = if copies_rows {
            Vec::new()
        } else {
            sources(&geometry)
        };
        Self { geometry, sources }
    }

    /// Fills `columns` from `images`.
    #[inline(always)]
    pub(super) fn gather(&self, images: &[f32], columns: &mut [f32]) {
        if self.sources.is_empty() {
            return self.gather_rows(images, columns);
        }
        let n_positions = self.geometry.n_positions();
        let mut targets = columns.chunks_exact_mut(n_positions);
        for sources in self.sources.chunks_exact(n_positions) {
            let images = images.chunks_exact(self.geometry.image_size());
            for (image, target) in images.zip(&mut targets) {
                for (target, &source) in target.iter_mut().zip(sources) {
                    // PADDED lies beyond every image.
                    *target = image.get(source as usize).copied().unwrap_or(0.0);
                }
            }
        }
    }

    /// The reverse of [`Patches::gather`]: adds each value of `columns` to the place in `images`
    /// that `gather` would copy it from.
    #[inline(always)]
    pub(super) fn scatter_add(&self, columns: &[f32], images: &mut [f32]) {
        if self.sources.is_empty() {
            return self.scatter_rows(columns, images);
        }
        let n_positions = self.geometry.n_positions();
        let mut values = columns.chunks_exact(n_positions);
        for sources in self.sources.chunks_exact(n_positions) {
            let images = images.chunks_exact_mut(self.geometry.image_size());
            for (image, values) in images.zip(&mut values) {
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
        let mut targets = columns.chunks_exact_mut(geometry.n_positions());
        for tap in geometry.taps() {
            let images = images.chunks_exact(geometry.image_size());
            for (image, target) in images.zip(&mut targets) {
                if tap.rows.len() * tap.columns.len() < target.len() {
                    // Some positions see padding; the rows below overwrite the others.
                    target.fill(0.0);
                }
                for row in tap.rows.clone() {
                    let source = &image[row_start(geometry, &tap, row)..][..tap.columns.len()];
                    let target = &mut target[row * geometry.result[1]..][tap.columns.clone()];
                    copy_row(source, target);
                }
            }
        }
    }

    #[inline(always)]
    fn scatter_rows(&self, columns: &[f32], images: &mut [f32]) {
        let geometry = &self.geometry;
        let mut values = columns.chunks_exact(geometry.n_positions());
        for tap in geometry.taps() {
            let images = images.chunks_exact_mut(geometry.image_size());
            for (image, values) in images.zip(&mut values) {
                for row in tap.rows.clone() {
                    let target = &mut image[row_start(geometry, &tap, row)..];
                    let values = &values[row * geometry.result[1]..][tap.columns.clone()];
                    target
                        .iter_mut()
                        .zip(values)
                        .for_each(|(target, value)| *target += value);
                }
            }
        }
    }
}

/// Index in an image of the first value that `tap` sees when the window is at `row`, with a column
/// stride of 1.
#[inline(always)]
fn row_start(geometry: &Geometry, tap: &Tap, row: usize) -> usize {
    let input_row = geometry.input_row(row, tap.offset[0]);
    let input_column = geometry.input_column(tap.columns.start, tap.offset[1]);
    tap.channel_start + input_row * geometry.input[1] + input_column
}

/// [`Patches::sources`] of a geometry.
fn sources(geometry: &Geometry) -> Vec<u32> {
    let mut sources = vec![PADDED; geometry.patch_size() * geometry.n_positions()];
    let targets = sources.chunks_exact_mut(geometry.n_positions());
    for (tap, target) in geometry.taps().zip(targets) {
        for row in tap.rows {
            let input_row = geometry.input_row(row, tap.offset[0]);
            let start = tap.channel_start + input_row * geometry.input[1];
            for column in tap.columns.clone() {
                let source = start + geometry.input_column(column, tap.offset[1]);
                target[row * geometry.result[1] + column] = source as u32;
            }
        }
    }
    sources
}

/// Copies a row of an image in blocks of 8 values. The last block ends at the end of the row and
/// may overlap the block before it. Rows are so short that a call of `memcpy` would take longer.
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
