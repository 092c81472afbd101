//! Transposed convolutions.

use cntflow_network::{Activation, ConvTranspose2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ACTIVATIONS, check_gradients_of_layer, check_values, random_values};
use crate::train::ops::geometry::Geometry;
use crate::train::ops::patches::Patches;
use crate::train::ops::tape::{Operation, Weights};
use crate::train::ops::transposed_convolution::TransposedConvolution;

fn geometry(
    filters: usize,
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    [padding, output_padding]: [[usize; 2]; 2],
) -> Option<Geometry> {
    let layer = ConvTranspose2d {
        name: String::new(),
        filters,
        kernel,
        stride,
        padding: padding.into(),
        output_padding,
        dilation: [1, 1],
        groups: 1,
        bias: true,
        activation: None,
    };
    Geometry::of_transposed(&layer, [0, input[0], input[1]])
}

fn layer(geometry: Geometry, channels: usize, activation: Activation) -> TransposedConvolution {
    TransposedConvolution {
        patches: Patches::new(geometry),
        channels,
        activation,
    }
}

/// A transposed convolution by its definition: every value of the input adds itself times the
/// kernel to the result.
fn plain_transposed_convolution(
    geometry: &Geometry,
    channels: usize,
    weights: &Weights,
    x: &[f32],
) -> Vec<f64> {
    let mut z = Vec::new();
    for image in x.chunks_exact(channels * geometry.n_positions()) {
        z.extend(plain_image(geometry, weights, image));
    }
    z
}

fn plain_image(geometry: &Geometry, weights: &Weights, image: &[f32]) -> Vec<f64> {
    let Geometry {
        input: [rows, columns],
        window,
        stride,
        padding,
        result,
        ..
    } = *geometry;
    let plane_size = rows * columns;
    let mut z: Vec<f64> = (0..geometry.image_size())
        .map(|index| f64::from(weights.biases[index / plane_size]))
        .collect();
    for (index, &value) in image.iter().enumerate() {
        let channel = index / geometry.n_positions();
        let position = [index / result[1] % result[0], index % result[1]];
        let kernel = &weights.kernel[channel * geometry.patch_size()..][..geometry.patch_size()];
        for (tap, &weight) in kernel.iter().enumerate() {
            let filter = tap / (window[0] * window[1]);
            let tap = [tap / window[1] % window[0], tap % window[1]];
            // Rows and columns before the image wrap round to huge numbers, and are left out as
            // those after it are.
            let row = (position[0] * stride[0] + tap[0]).wrapping_sub(padding[0]);
            let column = (position[1] * stride[1] + tap[1]).wrapping_sub(padding[1]);
            if row < rows && column < columns {
                z[filter * plane_size + row * columns + column] +=
                    f64::from(value) * f64::from(weight);
            }
        }
    }
    z
}

#[test]
fn transposed_convolutions_equal_plain_loops() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let mut n_checked = 0;
    for case in 0..300 {
        let mut up_to = |largest: usize| random.random_range(1..=largest as u64) as usize;
        let (input, kernel) = ([up_to(9), up_to(14)], [up_to(4), up_to(4)]);
        let stride = [up_to(3), up_to(3)];
        let paddings = [
            [up_to(3) - 1, up_to(3) - 1],
            [up_to(stride[0]) - 1, up_to(stride[1]) - 1],
        ];
        let (n_images, channels, filters) = (up_to(3), up_to(3), up_to(4));
        let Some(geometry) = geometry(filters, input, kernel, stride, paddings) else {
            continue;
        };
        n_checked += 1;
        let x = random_values(&mut random, n_images * channels * geometry.n_positions());
        let weights = Weights {
            kernel: random_values(&mut random, channels * geometry.patch_size()),
            biases: random_values(&mut random, filters),
        };
        let expected = plain_transposed_convolution(&geometry, channels, &weights, &x);
        let layer = layer(geometry, channels, Activation::Linear);
        let (z, _) = layer.forward(&[weights], &x);
        check_values(&format!("case {case}: {geometry:?}"), &z, &expected);
    }
    assert!(n_checked > 200, "{n_checked}");
}

#[test]
fn gradients_of_transposed_convolutions_are_right() {
    let strided = geometry(2, [2, 2], [3, 2], [2, 2], [[1, 0], [1, 1]]).unwrap();
    let copied_by_rows = geometry(1, [2, 11], [3, 3], [1, 1], [[1, 1], [0, 0]]).unwrap();
    let cases = [
        (strided, &ACTIVATIONS[..]),
        (copied_by_rows, &[Activation::Tanh][..]),
    ];
    for (geometry, activations) in cases {
        for &activation in activations {
            check_gradients_of_layer(
                &format!("transposed convolution {activation:?}"),
                &layer(geometry, 3, activation),
                [3 * geometry.patch_size(), geometry.channels],
                2 * 3 * geometry.n_positions(),
            );
        }
    }
}
