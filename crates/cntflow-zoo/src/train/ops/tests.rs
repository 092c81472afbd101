//! Operations against plain loops and finite differences.

use std::sync::{Arc, Mutex};

use candle_core::{CustomOp1, Device, Result, Tensor, Var};
use cntflow_network::Activation;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::convolution::Convolution;
use super::cross_entropy::{CrossEntropy, loss_and_hits};
use super::linear::Linear;
use super::patches::{Geometry, Patches};
use super::pool::{AveragePool, MaxPool};
use super::{WeightGradients, cpu_values};

pub(super) const ACTIVATIONS: [Activation; 12] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::LeakyRelu,
    Activation::Gelu,
    Activation::Elu,
    Activation::Selu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Softplus,
    Activation::Hardswish,
];

pub(super) fn random_values(random: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.random::<f32>() * 2.0 - 1.0).collect()
}

pub(super) fn flat(tensor: &Tensor) -> Vec<f32> {
    let (storage, layout) = tensor.storage_and_layout();
    cpu_values(&storage, layout).unwrap().to_vec()
}

/// The dot product with fixed factors: makes one number of any result, with those factors as its gradient.
pub(super) struct Weigh(pub(super) Vec<f32>);

impl CustomOp1 for Weigh {
    fn name(&self) -> &'static str {
        "weigh"
    }

    fn cpu_fwd(
        &self,
        s: &candle_core::CpuStorage,
        l: &candle_core::Layout,
    ) -> Result<(candle_core::CpuStorage, candle_core::Shape)> {
        super::output(vec![weigh(&self.0, super::values(s, l)?) as f32], ())
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        super::gradient(self.0.clone(), x)
    }
}

pub(super) fn weigh(factors: &[f32], values: &[f32]) -> f64 {
    factors
        .iter()
        .zip(values)
        .map(|(f, v)| f64::from(*f) * f64::from(*v))
        .sum()
}

/// Checks `gradient` of `function` at `at` by central differences in every coordinate.
pub(super) fn check_gradient(
    what: &str,
    at: &[f32],
    gradient: &[f32],
    function: impl Fn(&[f32]) -> f64,
) {
    const STEP: f32 = 1.0 / 256.0;
    assert_eq!(at.len(), gradient.len(), "{what}");
    for index in 0..at.len() {
        let moved = |by: f32| {
            let mut at = at.to_vec();
            at[index] += by;
            function(&at)
        };
        let (up, middle, down) = (moved(STEP), moved(0.0), moved(-STEP));
        let (right, left) = (
            (up - middle) / f64::from(STEP),
            (middle - down) / f64::from(STEP),
        );
        // At a kink the derivative is one of both sides'; in between it would be wrong.
        let error = [right, left, (right + left) / 2.0]
            .map(|slope| (slope - f64::from(gradient[index])).abs());
        let allowed = 3e-3 * (1.0 + right.abs().max(left.abs()));
        let best = error.into_iter().fold(f64::INFINITY, f64::min);
        assert!(
            best < allowed,
            "{what}[{index}]: {} instead of {left}..{right}",
            gradient[index]
        );
    }
}

/// Checks the gradients of a product with weights; `apply` makes its operation and applies it.
fn check_layer(
    what: &str,
    [x_shape, w_shape]: [&[usize]; 2],
    apply: impl Fn(&Tensor, &Tensor, &Tensor, Arc<Mutex<WeightGradients>>) -> Result<Tensor>,
) {
    check_layer_of(w_shape[0], what, [x_shape, w_shape], apply);
}

/// [`check_layer`] of a layer with so many biases.
pub(super) fn check_layer_of(
    n_biases: usize,
    what: &str,
    [x_shape, w_shape]: [&[usize]; 2],
    apply: impl Fn(&Tensor, &Tensor, &Tensor, Arc<Mutex<WeightGradients>>) -> Result<Tensor>,
) {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let x = random_values(&mut random, count(x_shape));
    let w = random_values(&mut random, count(w_shape));
    let b = random_values(&mut random, n_biases);
    let shared = WeightGradients::shared(w.len(), b.len());
    let var = |values: &[f32], shape: &[usize]| {
        Var::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
    };
    let run = |x: &[f32], w: &[f32], b: &[f32]| {
        let x = var(x, x_shape);
        let z = apply(&x, &var(w, w_shape), &var(b, &[b.len()]), shared.clone()).unwrap();
        (x, z)
    };
    let (x_var, z) = run(&x, &w, &b);
    let factors = random_values(&mut random, z.elem_count());
    let gradients = z
        .apply_op1(Weigh(factors.clone()))
        .unwrap()
        .backward()
        .unwrap();
    let sum = |x: &[f32], w: &[f32], b: &[f32]| weigh(&factors, &flat(&run(x, w, b).1));
    check_gradient(
        &format!("{what} x"),
        &x,
        &flat(gradients.get(&x_var).unwrap()),
        |x| sum(x, &w, &b),
    );
    let found = shared.lock().unwrap();
    check_gradient(&format!("{what} w"), &w, &found.kernel, |w| sum(&x, w, &b));
    check_gradient(&format!("{what} b"), &b, &found.biases, |b| sum(&x, &w, b));
}

#[test]
fn gradients_of_linear_layers_are_right() {
    for activation in ACTIVATIONS {
        check_layer(
            &format!("linear {activation:?}"),
            [&[3, 5], &[4, 5]],
            |x, w, b, gradients| x.apply_op3(w, b, Linear::new(5, 4, activation, gradients)),
        );
    }
}

fn geometry(
    channels: usize,
    input: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Geometry {
    let pool = cntflow_network::Pool2d {
        name: String::new(),
        window,
        stride: Some(stride),
        padding: padding.into(),
        count_padding: true,
        ceil_mode: false,
    };
    Geometry::of_pool(&pool, [channels, input[0], input[1]]).unwrap()
}

#[test]
fn gradients_of_convolutions_are_right() {
    let strided = geometry(2, [6, 5], [3, 2], [2, 1], [1, 0]);
    let by_rows = geometry(1, [4, 11], [2, 3], [1, 1], [1, 1]);
    for (geometry, activations) in [(strided, &ACTIVATIONS[..]), (by_rows, &ACTIVATIONS[3..4])] {
        for &activation in activations {
            let [rows, columns] = geometry.input;
            let x_shape = [2, geometry.channels, rows, columns];
            let w_shape = [3, geometry.channels, geometry.window[0], geometry.window[1]];
            check_layer(
                &format!("convolution {activation:?}"),
                [&x_shape, &w_shape],
                |x, w, b, gradients| {
                    x.apply_op3(
                        w,
                        b,
                        Convolution::new(Patches::new(geometry), 3, activation, gradients),
                    )
                },
            );
        }
    }
}

/// A convolution by its definition, in `f64`.
fn plain_convolution(
    geometry: &Geometry,
    n: usize,
    filters: usize,
    [x, w, b]: [&[f32]; 3],
) -> Vec<f64> {
    let Geometry {
        channels,
        input,
        window,
        stride,
        padding,
        result,
    } = *geometry;
    let mut z = Vec::new();
    for (image, filter) in (0..n).flat_map(|image| (0..filters).map(move |filter| (image, filter)))
    {
        for (row, column) in
            (0..result[0]).flat_map(|row| (0..result[1]).map(move |column| (row, column)))
        {
            let mut sum = f64::from(b[filter]);
            for place in 0..geometry.patch_size() {
                let (channel, tap) = (
                    place / (window[0] * window[1]),
                    place % (window[0] * window[1]),
                );
                let row = (row * stride[0] + tap / window[1]).wrapping_sub(padding[0]);
                let column = (column * stride[1] + tap % window[1]).wrapping_sub(padding[1]);
                if row < input[0] && column < input[1] {
                    let value =
                        x[((image * channels + channel) * input[0] + row) * input[1] + column];
                    sum += f64::from(value) * f64::from(w[filter * geometry.patch_size() + place]);
                }
            }
            z.push(sum);
        }
    }
    z
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
        let (n, filters) = (up_to(3), up_to(4));
        let geometry = geometry(channels, input, window, stride, padding);
        let x = random_values(&mut random, n * geometry.image_size());
        let w = random_values(&mut random, filters * geometry.patch_size());
        let b = random_values(&mut random, filters);
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
        };
        let operation = Convolution::new(
            Patches::new(geometry),
            filters,
            Activation::Linear,
            WeightGradients::shared(0, 0),
        );
        let x_tensor = tensor(&x, &[n, channels, input[0], input[1]]);
        let z = x_tensor
            .apply_op3(
                &tensor(&w, &[filters, channels, window[0], window[1]]),
                &tensor(&b, &[filters]),
                operation,
            )
            .unwrap();
        assert_eq!(
            z.dims(),
            [n, filters, geometry.result[0], geometry.result[1]]
        );
        for (found, expected) in
            flat(&z)
                .iter()
                .zip(plain_convolution(&geometry, n, filters, [&x, &w, &b]))
        {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "case {case}: {geometry:?}"
            );
        }
    }
}

#[test]
fn gradients_of_pooling_and_loss_are_right() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let geometry = geometry(2, [5, 6], [2, 3], [2, 2], [1, 1]);
    let check = |what: &str, shape: &[usize], x: Vec<f32>, apply: &dyn Fn(&Tensor) -> Tensor| {
        let var = |x: &[f32]| Var::from_vec(x.to_vec(), shape, &Device::Cpu).unwrap();
        let at = var(&x);
        let z = apply(&at);
        let factors: Vec<f32> = (0..z.elem_count()).map(|i| 0.5 + (i % 5) as f32).collect();
        let gradients = z
            .apply_op1(Weigh(factors.clone()))
            .unwrap()
            .backward()
            .unwrap();
        let gradient = flat(gradients.get(&at).unwrap());
        check_gradient(what, &x, &gradient, |x| {
            weigh(&factors, &flat(&apply(&var(x))))
        });
    };
    let x = random_values(&mut random, 2 * 2 * 30);
    check("max", &[2, 2, 5, 6], x.clone(), &|x| {
        x.apply_op1(MaxPool::new(geometry)).unwrap()
    });
    check("average", &[2, 2, 5, 6], x, &|x| {
        x.apply_op1(AveragePool::new(geometry)).unwrap()
    });
    let logits = random_values(&mut random, 12);
    let expected: f64 = {
        let rows = logits.chunks(4).zip([3, 0, 2]);
        rows.map(|(row, label)| {
            row.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln() - f64::from(row[label])
        })
        .sum()
    };
    let (loss, _) = loss_and_hits(&logits, &[3, 0, 2]);
    assert!((loss - expected).abs() < 1e-5);
    check("loss", &[3, 4], logits, &|x| {
        x.apply_op1(CrossEntropy::new(vec![3, 0, 2], 3)).unwrap()
    });
}

#[test]
fn pooled_values_are_right() {
    let x = Tensor::from_vec(
        (0..12).map(|i| i as f32).collect(),
        (1, 1, 3, 4),
        &Device::Cpu,
    )
    .unwrap();
    let geometry = geometry(1, [3, 4], [2, 2], [2, 2], [1, 0]);
    assert_eq!(
        flat(&x.apply_op1(MaxPool::new(geometry)).unwrap()),
        [1.0, 3.0, 9.0, 11.0]
    );
    assert_eq!(
        flat(&x.apply_op1(AveragePool::new(geometry)).unwrap()),
        [0.25, 1.25, 6.5, 8.5]
    );
}

#[test]
fn the_first_of_equal_logits_counts() {
    assert_eq!(loss_and_hits(&[1.0, 1.0, 0.0], &[0]).1, 1);
    assert_eq!(loss_and_hits(&[1.0, 1.0, 0.0], &[1]).1, 0);
    assert_eq!(loss_and_hits(&[0.0, 1.0, f32::NAN], &[2]).1, 0);
}
