//! Random numbers of the distributions that initial weights are drawn from.

use rand::{Rng, RngExt};

/// Standard deviation of a standard normal distribution cut at two standard deviations. Variance
/// scaling divides by it, so that weights have the intended variance after the cut.
pub(super) const TRUNCATED_STANDARD_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// Uniform in `[-1, 1)`.
pub(super) fn symmetric(random: &mut impl Rng) -> f64 {
    2.0 * random.random::<f64>() - 1.0
}

/// Standard normal, by the polar method.
pub(super) fn normal(random: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (symmetric(random), symmetric(random));
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// Standard normal, drawn again beyond two standard deviations.
pub(super) fn truncated(random: &mut impl Rng) -> f64 {
    loop {
        let value = normal(random);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}
