//! Convolutions.

use cntflow_network::Activation;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::pool::geometry;
use super::{ACTIVATIONS, check_gradients_of_layer, check_values, random_values};
use crate::train::ops::convolution::Convolution;
use crate::train::ops::geometry::Geometry;
use crate::train::ops::patches::Patches;
use crate::train::ops::tape::{Operation, Weights};

fn layer(geometry: Geometry, filters: usize, activation: Activation) -> Convolution {
    Convolution {
        patches: Patches::new(geometry),
        filters,
        activation,
    }
}

#[test]
fn padding_may_be_wider_than_the_image() {
    let geometry = geometry(1, [1, 1], [30, 30], [1, 1], [20, 20]);
    let weights = Weights {
        kernel: (0..900).map(|index| (index % 7) as f32).collect(),
        biases: vec![0.5],
    };
    let x = [2.0];
    let expected = plain_convolution(&geometry, 1, &weights, &x);
    let layer = layer(geometry, 1, Activation::Linear);
    check_values("wide padding", &layer.forward(&[weights], &x).0, &expected);
}

#[test]
fn gradients_of_convolutions_are_right() {
    let strided = geometry(2, [6, 5], [3, 2], [2, 1], [1, 0]);
    let copied_by_rows = geometry(1, [4, 11], [2, 3], [1, 1], [1, 1]);
    let cases = [
        (strided, &ACTIVATIONS[..]),
        (copied_by_rows, &[Activation::Tanh][..]),
    ];
    for (geometry, activations) in cases {
        for &activation in activations {
            check_gradients_of_layer(
                &format!("convolution {activation:?}"),
                &layer(geometry, 3, activation),
                [3 * geometry.patch_size(), 3],
                2 * geometry.image_size(),
            );
        }
    }
}

/// A convolution by its definition.
fn plain_convolution(
    geometry: &Geometry,
    filters: usize,
    weights: &Weights,
    x: &[f32],
) -> Vec<f64> {
    let mut z = Vec::new();
    for image in x.chunks_exact(geometry.image_size()) {
        for filter in 0..filters {
            let kernel = &weights.kernel[filter * geometry.patch_size()..][..geometry.patch_size()];
            for row in 0..geometry.result[0] {
                for column in 0..geometry.result[1] {
                    let sum = plain_patch(geometry, kernel, image, [row, column]);
                    z.push(f64::from(weights.biases[filter]) + sum);
                }
            }
        }
    }
    z
}

/// The kernel times the patch of an image that gives the result at `[row, column]`.
fn plain_patch(
    geometry: &Geometry,
    kernel: &[f32],
    image: &[f32],
    [row, column]: [usize; 2],
) -> f64 {
    let Geometry {
        input,
        window,
        stride,
        padding,
        ..
    } = *geometry;
    let mut sum = 0.0;
    for (index, &weight) in kernel.iter().enumerate() {
        let channel = index / (window[0] * window[1]);
        let tap = [index / window[1] % window[0], index % window[1]];
        // Rows and columns before the image wrap round to huge numbers, and are left out as those
        // after it are.
        let row = (row * stride[0] + tap[0]).wrapping_sub(padding[0]);
        let column = (column * stride[1] + tap[1]).wrapping_sub(padding[1]);
        if row < input[0] && column < input[1] {
            let value = image[(channel * input[0] + row) * input[1] + column];
            sum += f64::from(value) * f64::from(weight);
        }
    }
    sum
}

#[test]
fn convolutions_equal_plain_loops() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for case in 0..200 {
        let mut up_to = |largest: usize| random.random_range(1..=largest as u64) as usize;
        let window = [up_to(4), up_to(4)];
        let input = [window[0] + up_to(12), window[1] + up_to(24)];
        let (channels, stride, padding) =
            (up_to(3), [up_to(3), up_to(3)], [up_to(4) - 1, up_to(4) - 1]);
        let (n_images, filters) = (up_to(3), up_to(4));
        let geometry = geometry(channels, input, window, stride, padding);
        let x = random_values(&mut random, n_images * geometry.image_size());
        let weights = Weights {
            kernel: random_values(&mut random, filters * geometry.patch_size()),
            biases: random_values(&mut random, filters),
        };
        let expected = plain_convolution(&geometry, filters, &weights, &x);
        let layer = layer(geometry, filters, Activation::Linear);
        let (z, _) = layer.forward(&[weights], &x);
        check_values(&format!("case {case}: {geometry:?}"), &z, &expected);
    }
}
