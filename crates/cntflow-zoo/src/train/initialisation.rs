//! Initial weights, as TensorFlow's initialisers define them.
//!
//! Biases start at zero, those of forget gates too, or are drawn by the initialisation of their
//! kernels. Recurrent kernels are drawn as all others are: they are orthogonal only if all are.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::train::distributions::{TRUNCATED_STANDARD_DEVIATION, normal, symmetric, truncated};
use crate::train::layer_plan::KernelSpec;
use crate::train::orthogonal::semi_orthogonal;

/// A distribution of initial weights and its scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Initialisation {
    /// The distribution.
    pub kind: InitialisationKind,
    /// Normal and truncated normal: the standard deviation (before truncation). Uniform: weights
    /// are within `[-scale, scale]`. Variance scaling: the variance times the fan. Orthogonal: the
    /// length of each orthogonal vector.
    pub scale: f64,
}

/// How biases start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BiasInitialisation {
    /// At zero.
    #[default]
    Zeros,
    /// Drawn by the initialisation of their kernel, as TensorFlow does where the bias initialiser
    /// is the kernel's. For variance scaling the fans of `n` biases are `n` and `n`; of a recurrent
    /// layer these are the biases of one gate.
    LikeKernels,
}

impl BiasInitialisation {
    /// `zeros` or `like_kernels`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::LikeKernels => "like_kernels",
        }
    }
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
    /// Semi-orthogonal: the kernel's tensor as a matrix, first dimension by all others, has
    /// orthogonal rows of length `scale`; orthogonal columns where it has more rows than columns.
    /// Each gate of a recurrent layer is a matrix of its own.
    Orthogonal,
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
    /// `average_uniform`, ..., `orthogonal`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
            Self::TruncatedNormal => "truncated_normal",
            Self::Orthogonal => "orthogonal",
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
    /// Draws the weights of `kernel`: the gates of a recurrent layer are drawn together, each with
    /// its own fans.
    pub(crate) fn kernel(self, kernel: &KernelSpec, random: &mut impl Rng) -> Vec<f32> {
        if self.kind == InitialisationKind::Orthogonal {
            let gates = 0..kernel.n_gates();
            let gate = |_| semi_orthogonal(kernel.gate_matrix(), self.scale, || normal(random));
            return gates.flat_map(gate).collect();
        }
        let n_weights = kernel.shape.iter().product();
        self.independent(n_weights, &kernel.fan_shape, random)
    }

    /// Draws the biases of `kernel`, those of all gates together. They are zero where kernels are
    /// orthogonal: populations refuse this, because a vector is orthogonal to nothing.
    pub(crate) fn biases(self, kernel: &KernelSpec, random: &mut impl Rng) -> Vec<f32> {
        let n_of_gate = kernel.n_biases / kernel.n_gates();
        self.independent(kernel.n_biases, &[n_of_gate, n_of_gate], random)
    }

    /// Draws `n_weights` weights that do not depend on one another; orthogonal ones, which do, are
    /// zero. For variance scaling their variance follows from `fan_shape`, the shape of one kernel.
    fn independent(self, n_weights: usize, fan_shape: &[usize], random: &mut impl Rng) -> Vec<f32> {
        match self.kind {
            InitialisationKind::Normal => draw(n_weights, || self.scale * normal(random)),
            InitialisationKind::Uniform => draw(n_weights, || self.scale * symmetric(random)),
            InitialisationKind::Orthogonal => vec![0.0; n_weights],
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Standard deviation and largest magnitude of 100,000 weights of a kernel `[100, 40, 5, 5]`.
    fn check(kind: InitialisationKind, scale: f64, deviation: f64, largest: f64) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let kernel = KernelSpec::new("layer", vec![100, 40, 5, 5]);
        let kernel = Initialisation { kind, scale }.kernel(&kernel, &mut random);
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

    /// The standard deviations are those of `tf.keras.initializers` for a vector of 400 values.
    #[test]
    fn biases_like_kernels_have_the_deviation_of_a_vector() {
        let kernel = KernelSpec::new("layer", vec![400, 10]);
        let scaling = |mode| InitialisationKind::VarianceScaling {
            mode,
            distribution: Distribution::Uniform,
        };
        for (kind, scale, expected) in [
            (InitialisationKind::Normal, 0.3, 0.3),
            (scaling(FanMode::FanIn), 2.0, 0.070_71),
            (scaling(FanMode::FanOut), 2.0, 0.070_71),
            (scaling(FanMode::Average), 2.0, 0.070_71),
        ] {
            let mut random = ChaCha8Rng::seed_from_u64(4);
            let draw = |_| Initialisation { kind, scale }.biases(&kernel, &mut random);
            let biases: Vec<f32> = (0..100).flat_map(draw).collect();
            assert_eq!(biases.len(), 100 * 400);
            let squares: f64 = biases.iter().map(|&bias| f64::from(bias).powi(2)).sum();
            let deviation = (squares / biases.len() as f64).sqrt();
            assert!(
                (deviation / expected - 1.0).abs() < 0.01,
                "{kind:?}: {deviation} instead of {expected}"
            );
        }
    }

    #[test]
    fn every_gate_of_an_orthogonal_kernel_is_orthogonal() {
        let mut kernel = KernelSpec::new("layer", vec![8, 6]);
        kernel.fan_shape = vec![2, 6];
        let orthogonal = Initialisation {
            kind: InitialisationKind::Orthogonal,
            scale: 2.0,
        };
        let weights = orthogonal.kernel(&kernel, &mut ChaCha8Rng::seed_from_u64(5));
        assert_eq!(weights.len(), 8 * 6);
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        for gate in weights.chunks(12) {
            let (first, second) = gate.split_at(6);
            assert!((product(first, first) - 4.0).abs() < 1e-5);
            assert!(product(first, second).abs() < 1e-5);
        }
        assert!(product(&weights[..6], &weights[12..18]).abs() > 1e-3);
    }
}
