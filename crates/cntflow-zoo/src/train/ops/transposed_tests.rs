//! Transposed convolutions and the squared error against plain loops and finite differences.

use candle_core::{Device, Tensor, Var};
use cntflow_network::{Activation, ConvTranspose2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::WeightGradients;
use super::patches::{Geometry, Patches};
use super::squared_error::{SquaredError, sum_of_squares};
use super::tests::{ACTIVATIONS, check_gradient, check_layer_of, flat, random_values};
use super::transposed_convolution::TransposedConvolution;

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

/// A transposed convolution by its definition, in `f64`: every value of the input is put down, times the kernel.
fn plain(geometry: &Geometry, channels: usize, n: usize, [x, w, b]: [&[f32]; 3]) -> Vec<f64> {
    let Geometry {
        channels: filters,
        input: [rows, columns],
        window,
        stride,
        padding,
        result,
    } = *geometry;
    let mut z = vec![0.0; n * filters * rows * columns];
    for (place, z) in z.iter_mut().enumerate() {
        *z = f64::from(b[place / (rows * columns) % filters]);
    }
    for (place, &value) in x.iter().enumerate() {
        let (image, rest) = (
            place / (channels * result[0] * result[1]),
            place % (channels * result[0] * result[1]),
        );
        let (channel, rest) = (
            rest / (result[0] * result[1]),
            rest % (result[0] * result[1]),
        );
        let (row, column) = (rest / result[1], rest % result[1]);
        for tap in 0..filters * window[0] * window[1] {
            let (filter, tap_row) = (tap / (window[0] * window[1]), tap / window[1] % window[0]);
            let row = (row * stride[0] + tap_row).wrapping_sub(padding[0]);
            let column = (column * stride[1] + tap % window[1]).wrapping_sub(padding[1]);
            if row < rows && column < columns {
                let weight = w[channel * filters * window[0] * window[1] + tap];
                z[((image * filters + filter) * rows + row) * columns + column] +=
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
        let (n, channels, filters) = (up_to(3), up_to(3), up_to(4));
        let Some(geometry) = geometry(filters, input, kernel, stride, paddings) else {
            continue;
        };
        n_checked += 1;
        let x = random_values(&mut random, n * channels * geometry.n_places());
        let w = random_values(&mut random, channels * geometry.patch_size());
        let b = random_values(&mut random, filters);
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
        };
        let operation = TransposedConvolution::new(
            Patches::new(geometry),
            channels,
            Activation::Linear,
            WeightGradients::shared(0, 0),
        );
        let z = tensor(&x, &[n, channels, input[0], input[1]])
            .apply_op3(
                &tensor(&w, &[channels, filters, kernel[0], kernel[1]]),
                &tensor(&b, &[filters]),
                operation,
            )
            .unwrap();
        assert_eq!(z.dims(), [n, filters, geometry.input[0], geometry.input[1]]);
        for (found, expected) in flat(&z)
            .iter()
            .zip(plain(&geometry, channels, n, [&x, &w, &b]))
        {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "case {case}: {geometry:?}"
            );
        }
    }
    assert!(n_checked > 200, "{n_checked}");
}

#[test]
fn gradients_of_transposed_convolutions_are_right() {
    let strided = geometry(2, [2, 2], [3, 2], [2, 2], [[1, 0], [1, 1]]).unwrap();
    let by_rows = geometry(1, [2, 11], [3, 3], [1, 1], [[1, 1], [0, 0]]).unwrap();
    for (geometry, activations) in [(strided, &ACTIVATIONS[..]), (by_rows, &ACTIVATIONS[3..4])] {
        let ([rows, columns], [window_rows, window_columns]) = (geometry.result, geometry.window);
        for &activation in activations {
            check_layer_of(
                geometry.channels,
                &format!("transposed convolution {activation:?}"),
                [
                    &[2, 3, rows, columns],
                    &[3, geometry.channels, window_rows, window_columns],
                ],
                |x, w, b, gradients| {
                    let patches = Patches::new(geometry);
                    let operation = TransposedConvolution::new(patches, 3, activation, gradients);
                    x.apply_op3(w, b, operation)
                },
            );
        }
    }
}

#[test]
fn the_squared_error_is_a_mean_over_pixels_and_the_batch() {
    let (x, targets) = ([0.5, 1.0, 0.0, 0.25], vec![0.0, 1.0, 1.0, 0.25]);
    assert_eq!(sum_of_squares(&x, &targets), 1.25);
    let loss = |x: &[f32]| {
        let x = Var::from_vec(x.to_vec(), (2, 2), &Device::Cpu).unwrap();
        let error = SquaredError::new(targets.clone(), 2, 5);
        let loss = x.apply_op1(error).unwrap();
        (x, loss)
    };
    let (at, value) = loss(&x);
    assert_eq!(flat(&value), [1.25 / 10.0]);
    let gradients = value.backward().unwrap();
    check_gradient(
        "squared error",
        &x,
        &flat(gradients.get(&at).unwrap()),
        |x| f64::from(flat(&loss(x).1)[0]),
    );
}
