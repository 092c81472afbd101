//! Activation functions: `z = phi(s)`, applied to the pre-activations of a layer.

use serde::{Deserialize, Serialize};

use crate::Real;

/// Slope of [`Activation::LeakyRelu`] below zero where none is given, PyTorch's default.
pub const DEFAULT_LEAKY_SLOPE: f64 = 0.01;

/// An activation function, by its field name (`"relu"`, `"leaky_relu"`, ...).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `s`
    #[default]
    Linear,
    /// `max(s, 0)`
    Relu,
    /// `1 / (1 + exp(-s))`
    Sigmoid,
    /// `tanh(s)`
    Tanh,
    /// `s` above zero, [`DEFAULT_LEAKY_SLOPE`]` * s` below
    LeakyRelu,
    /// `s * Phi(s)` with the standard normal distribution function, by its erf form
    Gelu,
    /// `exp(s_j) / sum_k exp(s_k)` over the units of a dense layer
    Softmax,
}

impl Activation {
    /// Post-activations of pre-activations: `post[i] = phi(pre[i])`, for softmax over each run of `n_units` values.
    ///
    /// `pre` and `post` are `[n_inputs, n_units]`. NaN gives NaN; in softmax it takes its whole run with it, as does an
    /// infinity above zero. Sigmoid and softmax do not overflow; gelu is `s * erfc(-s / sqrt(2)) / 2`, accurate on both sides.
    ///
    /// # Panics
    /// `pre` and `post` differ in length.
    ///
    /// ```
    /// use cntflow_network::Activation;
    ///
    /// let mut post = [0.0; 3];
    /// Activation::LeakyRelu.apply(&[-1.0_f64, 0.0, 2.0], &mut post, 3);
    /// assert_eq!(post, [-0.01, 0.0, 2.0]);
    /// ```
    pub fn apply<T: Real>(self, pre: &[T], post: &mut [T], n_units: usize) {
        post.copy_from_slice(pre);
        match self {
            Self::Linear => {}
            Self::Relu => each(post, relu),
            Self::Sigmoid => each(post, sigmoid),
            Self::Tanh => each(post, T::hyperbolic_tangent),
            Self::LeakyRelu => each(post, leaky_relu),
            Self::Gelu => each(post, gelu),
            Self::Softmax => post.chunks_mut(n_units.max(1)).for_each(softmax),
        }
    }
}

fn each<T: Real>(values: &mut [T], phi: impl Fn(T) -> T) {
    for value in values {
        *value = phi(*value);
    }
}

/// Written so that NaN stays NaN.
fn relu<T: Real>(s: T) -> T {
    let zero = T::default();
    if s <= zero { zero } else { s }
}

fn leaky_relu<T: Real>(s: T) -> T {
    let below = s < T::default();
    if below {
        T::from_f64(DEFAULT_LEAKY_SLOPE) * s
    } else {
        s
    }
}

/// Takes the exponential of a negative number only, which cannot overflow.
fn sigmoid<T: Real>(s: T) -> T {
    let one = T::from_f64(1.0);
    if s >= T::default() {
        one / (one + (-s).exponential())
    } else {
        let e = s.exponential();
        e / (one + e)
    }
}

fn gelu<T: Real>(s: T) -> T {
    let scaled = -s * T::from_f64(std::f64::consts::FRAC_1_SQRT_2);
    s * T::from_f64(0.5) * scaled.complementary_error_function()
}

fn softmax<T: Real>(run: &mut [T]) {
    let largest = run.iter().fold(
        T::from_f64(f64::NEG_INFINITY),
        |m, &s| {
            if s > m { s } else { m }
        },
    );
    let mut sum = T::default();
    for value in run.iter_mut() {
        *value = (*value - largest).exponential();
        sum += *value;
    }
    for value in run {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(activation: Activation, pre: &[f64], expected: &[f64]) {
        let mut post = vec![0.0; pre.len()];
        activation.apply(pre, &mut post, pre.len());
        for (found, expected) in post.iter().zip(expected) {
            let close = (found - expected).abs() <= 2e-15 * expected.abs();
            assert!(close, "{activation:?} {pre:?}: {post:?}, not {expected:?}");
        }
    }

    /// Values of the C library by way of Python, to 16 digits.
    #[test]
    fn known_values() {
        check(Activation::Relu, &[-1.5, 0.0, 2.5], &[0.0, 0.0, 2.5]);
        check(
            Activation::Sigmoid,
            &[-1.0, 0.0, 1.0, -800.0],
            &[0.268_941_421_369_995_1, 0.5, 0.731_058_578_630_004_9, 0.0],
        );
        check(Activation::Tanh, &[0.5], &[0.462_117_157_260_009_76]);
        check(
            Activation::Gelu,
            &[1.0, -1.0, 0.0],
            &[0.841_344_746_068_542_9, -0.158_655_253_931_457_05, 0.0],
        );
        check(
            Activation::Softmax,
            &[0.0, std::f64::consts::LN_2, -1000.0],
            &[1.0 / 3.0, 2.0 / 3.0, 0.0],
        );
    }

    #[test]
    fn nan_stays_nan() {
        for activation in [
            Activation::Linear,
            Activation::Relu,
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::LeakyRelu,
            Activation::Gelu,
            Activation::Softmax,
        ] {
            let mut post = [0.0];
            activation.apply(&[f64::NAN], &mut post, 1);
            assert!(post[0].is_nan(), "{activation:?}");
        }
    }
}
