//! The two orders of a batch of images: by image, as layers pass them on, and by channel, as matrix products with
//! columns of patches need them.

use crate::train::ops::sum;

/// `[n, n_channels, places]` to `[n_channels, n, places]`.
#[inline(always)]
pub(crate) fn by_channel(by_image: &[f32], n_channels: usize, places: usize, target: &mut [f32]) {
    let n = by_image.len() / (n_channels * places);
    for (image, values) in by_image.chunks_exact(n_channels * places).enumerate() {
        for (channel, values) in values.chunks_exact(places).enumerate() {
            target[(channel * n + image) * places..][..places].copy_from_slice(values);
        }
    }
}

/// `[n_channels, n, places]` to `[n, n_channels, places]`.
#[inline(always)]
pub(crate) fn by_image(by_channel: &[f32], n_channels: usize, places: usize, target: &mut [f32]) {
    let n = by_channel.len() / (n_channels * places);
    for (image, target) in target.chunks_exact_mut(n_channels * places).enumerate() {
        for (channel, target) in target.chunks_exact_mut(places).enumerate() {
            target.copy_from_slice(&by_channel[(channel * n + image) * places..][..places]);
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
