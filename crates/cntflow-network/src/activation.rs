//! Activation functions: `z = phi(s)`, applied to the pre-activations of a layer.

use serde::{Deserialize, Serialize};

use crate::Real;

/// Slope of [`Activation::LeakyRelu`] below zero: PyTorch's default.
pub const DEFAULT_LEAKY_SLOPE: f64 = 0.01;

/// An activation function. As JSON its name: `"relu"`, `"leaky_relu"`, ...
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
    /// `min(max(s, 0), 6)`
    Relu6,
    /// `1 / (1 + exp(-s))`
    Sigmoid,
    /// `tanh(s)`
    Tanh,
    /// `s` above zero, [`DEFAULT_LEAKY_SLOPE`]` * s` below
    LeakyRelu,
    /// `s` above zero, `exp(s) - 1` below
    Elu,
    /// `lambda s` above zero, `lambda alpha (exp(s) - 1)` below, with the constants of arXiv
    /// 1706.02515
    Selu,
    /// `s * Phi(s)` with the standard normal distribution function, by its erf form
    Gelu,
    /// `s / 2 (1 + tanh(sqrt(2 / pi) (s + 0.044715 s^3)))`
    GeluTanh,
    /// `s / (1 + exp(-s))`, also called swish
    Silu,
    /// `ln(1 + exp(s))`
    Softplus,
    /// `s * min(max(s + 3, 0), 6) / 6`
    Hardswish,
    /// `exp(s_j) / sum_k exp(s_k)` over the units of a dense layer
    Softmax,
}

impl Activation {
    /// All activation functions.
    pub const ALL: [Self; 14] = [
        Self::Linear,
        Self::Relu,
        Self::Relu6,
        Self::Sigmoid,
        Self::Tanh,
        Self::LeakyRelu,
        Self::Elu,
        Self::Selu,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Softplus,
        Self::Hardswish,
        Self::Softmax,
    ];

    /// The name in study files, architectures and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::LeakyRelu => "leaky_relu",
            Self::Elu => "elu",
            Self::Selu => "selu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Softplus => "softplus",
            Self::Hardswish => "hardswish",
            Self::Softmax => "softmax",
        }
    }

    /// Post-activations of pre-activations: `post[i] = phi(pre[i])`, for softmax over each run of
    /// `n_units` values.
    ///
    /// `pre` and `post` are `[n_inputs, n_units]`. NaN gives NaN. In softmax, NaN or positive
    /// infinity makes the whole run NaN. Sigmoid and softmax do not overflow. Gelu is
    /// `s * erfc(-s / sqrt(2)) / 2`, which is accurate on both sides.
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
            Self::Relu6 => each(post, relu6),
            Self::Sigmoid => each(post, sigmoid),
            Self::Tanh => each(post, T::tanh),
            Self::LeakyRelu => each(post, leaky_relu),
            Self::Elu => each(post, elu),
            Self::Selu => each(post, selu),
            Self::Gelu => each(post, gelu),
            Self::GeluTanh => each(post, gelu_tanh),
            Self::Silu => each(post, |s| s * sigmoid(s)),
            Self::Softplus => each(post, softplus),
            Self::Hardswish => each(post, hardswish),
            Self::Softmax => post.chunks_mut(n_units.max(1)).for_each(softmax),
        }
    }
}

fn each<T: Real>(values: &mut [T], phi: impl Fn(T) -> T) {
    for value in values {
        *value = phi(*value);
    }
}

/// `max` would turn NaN into 0; this comparison keeps it.
fn relu<T: Real>(s: T) -> T {
    let zero = T::default();
    if s <= zero { zero } else { s }
}

/// Comparisons keep NaN.
fn relu6<T: Real>(s: T) -> T {
    let six = T::from_f64(6.0);
    if s >= six { six } else { relu(s) }
}

fn leaky_relu<T: Real>(s: T) -> T {
    let below = s < T::default();
    if below {
        T::from_f64(DEFAULT_LEAKY_SLOPE) * s
    } else {
        s
    }
}

/// Takes the exp of a negative number only, which cannot overflow.
fn sigmoid<T: Real>(s: T) -> T {
    let one = T::from_f64(1.0);
    if s >= T::default() {
        one / (one + (-s).exp())
    } else {
        let e = s.exp();
        e / (one + e)
    }
}

fn elu<T: Real>(s: T) -> T {
    let below = s < T::default();
    if below { s.exp_m1() } else { s }
}

fn selu<T: Real>(s: T) -> T {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    let below = s < T::default();
    if below {
        T::from_f64(LAMBDA * ALPHA) * s.exp_m1()
    } else {
        T::from_f64(LAMBDA) * s
    }
}

fn gelu_tanh<T: Real>(s: T) -> T {
    let root = T::from_f64((2.0 / std::f64::consts::PI).sqrt());
    let inner = root * (s + T::from_f64(0.044715) * s * s * s);
    s * T::from_f64(0.5) * (T::from_f64(1.0) + inner.tanh())
}

/// `max(s, 0) + ln(1 + exp(-|s|))`, which cannot overflow.
fn softplus<T: Real>(s: T) -> T {
    let below = s < T::default();
    let (above, negative) = if below { (T::default(), s) } else { (s, -s) };
    above + negative.exp().ln_1p()
}

fn hardswish<T: Real>(s: T) -> T {
    let (three, six) = (T::from_f64(3.0), T::from_f64(6.0));
    if s <= -three {
        T::default()
    } else if s >= three {
        s
    } else {
        s * (s + three) / six
    }
}

fn gelu<T: Real>(s: T) -> T {
    let scaled = -s * T::from_f64(std::f64::consts::FRAC_1_SQRT_2);
    s * T::from_f64(0.5) * scaled.erfc()
}

/// Subtracts the largest value first, so that no exp overflows.
fn softmax<T: Real>(run: &mut [T]) {
    let largest = run.iter().fold(
        T::from_f64(f64::NEG_INFINITY),
        |m, &s| {
            if s > m { s } else { m }
        },
    );
    let mut sum = T::default();
    for value in run.iter_mut() {
        *value = (*value - largest).exp();
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

    /// Values of the C library, computed with Python, to 16 digits.
    #[test]
    fn values_equal_those_of_the_c_library() {
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
            Activation::Elu,
            &[-1.0, 2.0],
            &[-0.632_120_558_828_557_7, 2.0],
        );
        check(
            Activation::Selu,
            &[-1.0, 1.0],
            &[-1.111_330_737_812_563, 1.050_700_987_355_480_5],
        );
        check(
            Activation::GeluTanh,
            &[1.0, -1.0],
            &[0.841_191_990_608_276_8, -0.158_808_009_391_723_24],
        );
        check(Activation::Silu, &[1.0], &[0.731_058_578_630_004_9]);
        check(
            Activation::Softplus,
            &[0.0, 800.0, -40.0],
            &[std::f64::consts::LN_2, 800.0, 4.248_354_255_291_589e-18],
        );
        check(
            Activation::Hardswish,
            &[-4.0, -1.0, 1.0, 4.0],
            &[0.0, -1.0 / 3.0, 2.0 / 3.0, 4.0],
        );
        check(
            Activation::Softmax,
            &[0.0, std::f64::consts::LN_2, -1000.0],
            &[1.0 / 3.0, 2.0 / 3.0, 0.0],
        );
    }

    #[test]
    fn nan_stays_nan() {
        for activation in Activation::ALL {
            let mut post = [0.0];
            activation.apply(&[f64::NAN], &mut post, 1);
            assert!(post[0].is_nan(), "{activation:?}");
        }
    }
}
