//! What keeps a network from fitting its training images too closely: L2 penalty and dropout.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::train::ops::tape::{WeightGradients, Weights};

/// Adds to `gradients` the gradient of the penalty `l2 * sum(w^2)` over the kernel's weights,
/// `2 * l2 * w`, as `keras.regularizers.l2` defines it. Biases have no penalty.
pub(crate) fn add_l2_gradient(weights: &Weights, gradients: &mut WeightGradients, l2: f64) {
    let factor = (2.0 * l2) as f32;
    for (gradient, weight) in gradients.kernel.iter_mut().zip(&weights.kernel) {
        *gradient += factor * weight;
    }
}

/// Inverted dropout: each value becomes zero with probability `rate`, and the others are divided by
/// `1 - rate`, so that the expectation stays the same. The rate is rounded to a multiple of 2^-16:
/// two random bytes for each value cost half of four.
pub(crate) struct Dropout {
    /// A 16-bit random number below this one drops its value.
    drops_below: u16,
    /// `1 / (1 - rate)`
    kept_factor: f32,
    random: ChaCha8Rng,
    /// Random bytes for the next factors; memory that is used again.
    bytes: Vec<u8>,
}

impl Dropout {
    /// Dropout by `random`. `rate` is in `[0, 1)`; `None` if it is 0.
    pub(crate) fn new(rate: f64, random: ChaCha8Rng) -> Option<Self> {
        (rate > 0.0).then(|| Self {
            drops_below: (rate * 2.0_f64.powi(16)).round() as u16,
            kept_factor: (1.0 / (1.0 - rate)) as f32,
            random,
            bytes: Vec::new(),
        })
    }

    /// What the next `n` values are multiplied by.
    pub(crate) fn factors(&mut self, n: usize) -> Vec<f32> {
        self.bytes.resize(2 * n, 0);
        self.random.fill_bytes(&mut self.bytes);
        let factor = |&bytes: &[u8; 2]| {
            if u16::from_le_bytes(bytes) < self.drops_below {
                0.0
            } else {
                self.kept_factor
            }
        };
        self.bytes.as_chunks().0.iter().map(factor).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_l2_gradient_is_that_of_the_sum_of_squared_kernel_weights() {
        let mut weights = Weights {
            kernel: vec![0.5, -2.0, 0.0],
            biases: vec![3.0],
        };
        let mut gradients = WeightGradients {
            kernel: vec![1.0; 3],
            biases: vec![1.0],
        };
        add_l2_gradient(&weights, &mut gradients, 0.125);
        assert_eq!(gradients.kernel, [1.125, 0.5, 1.0]);
        assert_eq!(gradients.biases, [1.0]);
        let penalty = |weights: &Weights| 0.125 * weights.kernel.iter().map(|w| w * w).sum::<f32>();
        let (before, step) = (penalty(&weights), 1.0 / 256.0);
        weights.kernel[1] += step;
        let slope = (penalty(&weights) - before) / step;
        assert!(
            (slope - (gradients.kernel[1] - 1.0)).abs() < 1e-3,
            "{slope}"
        );
    }

    #[test]
    fn dropout_drops_the_share_asked_for_and_keeps_the_mean() {
        assert!(Dropout::new(0.0, ChaCha8Rng::seed_from_u64(1)).is_none());
        for rate in [0.1, 0.5, 0.7] {
            let mut dropout = Dropout::new(rate, ChaCha8Rng::seed_from_u64(1)).unwrap();
            let factors = dropout.factors(100_000);
            assert_ne!(factors, dropout.factors(100_000));
            let n_dropped = factors.iter().filter(|&&factor| factor == 0.0).count();
            assert!((n_dropped as f64 / 1e5 - rate).abs() < 0.005, "{n_dropped}");
            let mean = factors.iter().map(|&f| f64::from(f)).sum::<f64>() / 1e5;
            assert!((mean - 1.0).abs() < 0.02, "{mean}");
        }
    }
}
