//! Initial weights, as TensorFlow's initialisers define them.
//!
//! All biases start at zero, those of forget gates too. Recurrent kernels are drawn as all others
//! are: they are not made orthogonal.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Standard deviation of a standard normal distribution cut at two standard deviations. Variance
/// scaling divides by it, so that weights have the intended variance after the cut.
const TRUNCATED_STANDARD_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// A distribution of initial weights and its scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initialisation {
    /// The distribution.
    pub kind: InitialisationKind,
    /// Normal and truncated normal: the standard deviation (before truncation). Uniform: weights
    /// are within `[-scale, scale]`. Variance scaling: the variance times the fan.
    pub scale: f64,
}

/// A distribution of initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InitialisationKind {
    /// Normal around zero.
    Normal,
    /// Uniform around zero.
    Uniform,
    /// Normal around zero; values beyond two standard deviations are drawn again.
    TruncatedNormal,
    /// Variance `scale / fan`.
    VarianceScaling {
        /// What the fan counts.
        mode: FanMode,
        /// The shape of the distribution.
        distribution: Distribution,
    },
}

/// What variance scaling divides by.
///
/// - Dense kernel `[n_out, n_in]`: fan-in `n_in`, fan-out `n_out`.
/// - Convolution, kernel `[filters, channels, rows, columns]`, and transposed convolution, kernel
///   `[channels, filters, rows, columns]`: fan-in `channels * rows * columns`, fan-out
///   `filters * rows * columns`, whatever the stride.
/// - Recurrent layer: each gate has its own fans. Those of its input kernel are `n_in` and `units`,
///   those of its recurrent kernel `units` and `units`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// Links into a unit.
    #[default]
    FanIn,
    /// Links out of a unit.
    FanOut,
    /// The mean of both.
    Average,
}

/// The distribution of variance scaling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Truncated normal, widened so that its variance is right after truncation.
    #[default]
    Normal,
    /// Uniform within `sqrt(3 * scale / fan)`.
    Uniform,
}

impl InitialisationKind {
    /// The label of checkpoints: `normal`, `uniform`, `truncated_normal`, `fan_in_normal`,
    /// `average_uniform`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
            Self::TruncatedNormal => "truncated_normal",
            Self::VarianceScaling { mode, distribution } => match (mode, distribution) {
                (FanMode::FanIn, Distribution::Normal) => "fan_in_normal",
                (FanMode::FanIn, Distribution::Uniform) => "fan_in_uniform",
                (FanMode::FanOut, Distribution::Normal) => "fan_out_normal",
                (FanMode::FanOut, Distribution::Uniform) => "fan_out_uniform",
                (FanMode::Average, Distribution::Normal) => "average_normal",
                (FanMode::Average, Distribution::Uniform) => "average_uniform",
            },
        }
    }
}

impl Initialisation {
    /// Draws a kernel of `shape`: `[out, in]` or `[filters, channels, rows, columns]`.
    #[cfg(test)]
    fn kernel(self, shape: &[usize], random: &mut impl Rng) -> Vec<f32> {
        self.weights(shape.iter().product(), shape, random)
    }

    /// Draws `n_weights` weights. For variance scaling their variance follows from `fan_shape`, the
    /// shape of one kernel. `n_weights` may be several such kernels: the gates of a recurrent layer
    /// are drawn together, each with its own fans.
    pub(crate) fn weights(
        self,
        n_weights: usize,
        fan_shape: &[usize],
        random: &mut impl Rng,
    ) -> Vec<f32> {
        match self.kind {
            InitialisationKind::Normal => draw(n_weights, || self.scale * normal(random)),
            InitialisationKind::Uniform => draw(n_weights, || self.scale * symmetric(random)),
            InitialisationKind::TruncatedNormal => {
                draw(n_weights, || self.scale * truncated(random))
            }
            InitialisationKind::VarianceScaling { mode, distribution } => {
                let variance = self.scale / fan(mode, fan_shape);
                let deviation = variance.sqrt() / TRUNCATED_STANDARD_DEVIATION;
                match distribution {
                    Distribution::Normal => draw(n_weights, || deviation * truncated(random)),
                    // Uniform values in [-a, a] have the variance a^2 / 3.
                    Distribution::Uniform => {
                        draw(n_weights, || (3.0 * variance).sqrt() * symmetric(random))
                    }
                }
            }
        }
    }
}

/// The fan of a kernel `[out, in]` or `[filters, channels, rows, columns]`, at least 1.
fn fan(mode: FanMode, shape: &[usize]) -> f64 {
    let window_size: usize = shape[2..].iter().product();
    let fan_in = (shape[1] * window_size) as f64;
    let fan_out = (shape[0] * window_size) as f64;
    let fan = match mode {
        FanMode::FanIn => fan_in,
        FanMode::FanOut => fan_out,
        FanMode::Average => (fan_in + fan_out) / 2.0,
    };
    // A layer without inputs or outputs would divide by 0. TensorFlow also uses at least 1.
    fan.max(1.0)
}

fn draw(n_weights: usize, mut weight: impl FnMut() -> f64) -> Vec<f32> {
    (0..n_weights).map(|_| weight() as f32).collect()
}

/// Uniform in `[-1, 1)`.
fn symmetric(random: &mut impl Rng) -> f64 {
    2.0 * random.random::<f64>() - 1.0
}

/// Standard normal, by the polar method.
fn normal(random: &mut impl Rng) -> f64 {
    loop {
        let (x, y) = (symmetric(random), symmetric(random));
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// Standard normal, drawn again beyond two standard deviations.
fn truncated(random: &mut impl Rng) -> f64 {
    loop {
        let value = normal(random);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Standard deviation and largest magnitude of 100,000 weights of a kernel `[100, 40, 5, 5]`.
    fn check(kind: InitialisationKind, scale: f64, deviation: f64, largest: f64) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let kernel = Initialisation { kind, scale }.kernel(&[100, 40, 5, 5], &mut random);
        let found = (kernel.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>()
            / kernel.len() as f64)
            .sqrt();
        assert!(
            (found / deviation - 1.0).abs() < 0.01,
            "{kind:?}: {found} instead of {deviation}"
        );
        assert!(
            kernel.iter().all(|w| f64::from(w.abs()) <= largest),
            "{kind:?}"
        );
    }

    #[test]
    fn weights_have_the_deviation_asked_for() {
        use InitialisationKind::{Normal, TruncatedNormal, Uniform, VarianceScaling};
        check(Normal, 0.1, 0.1, f64::INFINITY);
        check(Uniform, 0.3, 0.3 / 3.0_f64.sqrt(), 0.300_001);
        check(
            TruncatedNormal,
            0.1,
            0.1 * TRUNCATED_STANDARD_DEVIATION,
            0.2,
        );
        let scaling = |mode, distribution| VarianceScaling { mode, distribution };
        let fan_in = (2.0_f64 / 1000.0).sqrt();
        check(
            scaling(FanMode::FanIn, Distribution::Normal),
            2.0,
            fan_in,
            2.0 * fan_in / 0.8796,
        );
        check(
            scaling(FanMode::FanIn, Distribution::Uniform),
            2.0,
            fan_in,
            1.7321 * fan_in,
        );
        check(
            scaling(FanMode::FanOut, Distribution::Normal),
            2.5,
            (2.5_f64 / 2500.0).sqrt(),
            f64::INFINITY,
        );
        check(
            scaling(FanMode::Average, Distribution::Uniform),
            1.0,
            (1.0_f64 / 1750.0).sqrt(),
            f64::INFINITY,
        );
    }
}
