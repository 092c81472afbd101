//! The two orders of a batch of images: by image, as layers pass them on, and by channel, as matrix
//! products with columns of patches need them.

use crate::train::ops::matrix::sum;

/// `[n, n_channels, n_positions]` to `[n_channels, n, n_positions]`.
#[inline(always)]
pub(crate) fn by_channel(
    by_image: &[f32],
    n_channels: usize,
    n_positions: usize,
    target: &mut [f32],
) {
    let n = by_image.len() / (n_channels * n_positions);
    for (image, values) in by_image.chunks_exact(n_channels * n_positions).enumerate() {
        for (channel, values) in values.chunks_exact(n_positions).enumerate() {
            target[(channel * n + image) * n_positions..][..n_positions].copy_from_slice(values);
        }
    }
}

/// `[n_channels, n, n_positions]` to `[n, n_channels, n_positions]`.
#[inline(always)]
pub(crate) fn by_image(
    by_channel: &[f32],
    n_channels: usize,
    n_positions: usize,
    target: &mut [f32],
) {
    let n = by_channel.len() / (n_channels * n_positions);
    for (image, target) in target
        .chunks_exact_mut(n_channels * n_positions)
        .enumerate()
    {
        for (channel, target) in target.chunks_exact_mut(n_positions).enumerate() {
            target
                .copy_from_slice(&by_channel[(channel * n + image) * n_positions..][..n_positions]);
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
