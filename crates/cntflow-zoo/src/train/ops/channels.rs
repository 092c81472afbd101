//! Two orders of the values of `n_images` images. Image-major, `[n_images, channels, positions]`,
//! is how layers pass them on; channel-major, `[channels, n_images, positions]`, is how products
//! with columns of patches read and write them.

use crate::train::ops::matrix::sum;

/// `[n_images, n_channels, n_positions]` to `[n_channels, n_images, n_positions]`.
#[inline(always)]
pub(crate) fn to_channel_major(
    images: &[f32],
    n_channels: usize,
    n_positions: usize,
    target: &mut [f32],
) {
    let n_images = images.len() / (n_channels * n_positions);
    for (image, values) in images.chunks_exact(n_channels * n_positions).enumerate() {
        for (channel, values) in values.chunks_exact(n_positions).enumerate() {
            target[(channel * n_images + image) * n_positions..][..n_positions]
                .copy_from_slice(values);
        }
    }
}

/// `[n_channels, n_images, n_positions]` to `[n_images, n_channels, n_positions]`.
#[inline(always)]
pub(crate) fn to_image_major(
    channels: &[f32],
    n_channels: usize,
    n_positions: usize,
    target: &mut [f32],
) {
    let n_images = channels.len() / (n_channels * n_positions);
    for (image, target) in target
        .chunks_exact_mut(n_channels * n_positions)
        .enumerate()
    {
        for (channel, target) in target.chunks_exact_mut(n_positions).enumerate() {
            target.copy_from_slice(
                &channels[(channel * n_images + image) * n_positions..][..n_positions],
            );
        }
    }
}

/// Adds the sum of each row of `values` to `sums`.
#[inline(always)]
pub(crate) fn add_row_sums(values: &[f32], sums: &mut [f32]) {
    let length = values.len() / sums.len();
    for (row, total) in values.chunks_exact(length).zip(sums) {
        *total += sum(row);
    }
}
