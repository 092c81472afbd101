//! Operations against plain loops and finite differences.

mod convolution;
mod dense;
mod losses;
mod pool;
mod recurrent;
mod tape;
mod transposed_convolution;

use cntflow_network::Activation;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::tape::{BackwardPass, Operation, WeightGradients, Weights};

/// All activations of hidden layers.
const ACTIVATIONS: [Activation; 13] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Relu6,
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

/// `n` values in `[-1, 1)`.
fn random_values(random: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.random::<f32>() * 2.0 - 1.0).collect()
}

/// Makes one number of any result: a loss whose gradient of the values is `factors`.
fn dot(factors: &[f32], values: &[f32]) -> f64 {
    let pairs = factors.iter().zip(values);
    pairs.map(|(f, v)| f64::from(*f) * f64::from(*v)).sum()
}

/// Checks `gradient`, that of `function` at `point`, by finite differences in every coordinate.
fn check_gradient(what: &str, point: &[f32], gradient: &[f32], function: impl Fn(&[f32]) -> f64) {
    const STEP: f32 = 1.0 / 256.0;
    assert_eq!(point.len(), gradient.len(), "{what}");
    let value_at = |index: usize, shift: f32| {
        let mut shifted = point.to_vec();
        shifted[index] += shift;
        function(&shifted)
    };
    for (index, &derivative) in gradient.iter().enumerate() {
        let [down, middle, up] = [-STEP, 0.0, STEP].map(|shift| value_at(index, shift));
        let right = (up - middle) / f64::from(STEP);
        let left = (middle - down) / f64::from(STEP);
        // At a kink the derivative is that of one side; the mean of both would be wrong.
        let errors =
            [right, left, (right + left) / 2.0].map(|slope| (slope - f64::from(derivative)).abs());
        let smallest = errors.into_iter().fold(f64::INFINITY, f64::min);
        assert!(
            smallest < 3e-3 * (1.0 + right.abs().max(left.abs())),
            "{what}[{index}]: {derivative} instead of {left}..{right}"
        );
    }
}

/// Checks the gradients of an operation by `x` and by all of its weights.
fn check_gradients<O: Operation>(what: &str, operation: &O, weights: &[Weights], x: &[f32]) {
    let (z, saved) = operation.forward(weights, x);
    let factors: Vec<f32> = (0..z.len()).map(|i| 0.5 - (i % 5) as f32 / 3.0).collect();
    let mut gradients: Vec<_> = weights.iter().map(WeightGradients::zeros).collect();
    let pass = BackwardPass {
        x,
        z: &z,
        saved,
        z_gradient: factors.clone(),
        needs_x_gradient: true,
    };
    let x_gradient = operation.backward(weights, pass, &mut gradients);
    let loss = |weights: &[Weights], x: &[f32]| dot(&factors, &operation.forward(weights, x).0);
    // A recurrent stack reads the images, and gives no gradient of them.
    if !x_gradient.is_empty() {
        check_gradient(&format!("{what}: x"), x, &x_gradient, |x| loss(weights, x));
    }
    for (index, gradients) in gradients.iter().enumerate() {
        let Weights { kernel, biases } = &weights[index];
        check_gradient(
            &format!("{what}: kernel {index}"),
            kernel,
            &gradients.kernel,
            |kernel| {
                let mut weights = weights.to_vec();
                weights[index].kernel = kernel.to_vec();
                loss(&weights, x)
            },
        );
        check_gradient(
            &format!("{what}: biases {index}"),
            biases,
            &gradients.biases,
            |biases| {
                let mut weights = weights.to_vec();
                weights[index].biases = biases.to_vec();
                loss(&weights, x)
            },
        );
    }
}

/// [`check_gradients`] at random weights and `n_x` random inputs, the same in each call.
fn check_gradients_of_layer<O: Operation>(
    what: &str,
    operation: &O,
    [n_weights, n_biases]: [usize; 2],
    n_x: usize,
) {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let x = random_values(&mut random, n_x);
    let weights = Weights {
        kernel: random_values(&mut random, n_weights),
        biases: random_values(&mut random, n_biases),
    };
    check_gradients(what, operation, &[weights], &x);
}

/// Checks single precision results against those of a plain loop in double precision.
fn check_values(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(
            error < 1e-5 * (1.0 + expected.abs()),
            "{what}[{index}]: {found} instead of {expected}"
        );
    }
}
