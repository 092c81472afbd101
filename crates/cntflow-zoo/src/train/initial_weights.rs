//! The weights of a run before its first epoch.

use rand_chacha::ChaCha8Rng;

use crate::train::initialisation::{BiasInitialisation, Initialisation};
use crate::train::layer_plan::KernelSpec;
use crate::train::ops::tape::Weights;
use crate::train::random_streams::RandomStream;
use crate::train::run_spec::RunSpec;

/// Draws the weights of a run, kernel by kernel. Biases have random numbers of their own, so that
/// the kernels do not depend on how biases are initialised.
pub(crate) struct InitialWeights {
    initialisation: Initialisation,
    bias_initialisation: BiasInitialisation,
    kernels_random: ChaCha8Rng,
    biases_random: ChaCha8Rng,
}

impl InitialWeights {
    /// The draw of `run`; nothing is drawn yet.
    pub(crate) fn new(run: &RunSpec) -> Self {
        Self {
            initialisation: run.initialisation,
            bias_initialisation: run.bias_initialisation,
            kernels_random: RandomStream::Kernels.of_run(run.seed),
            biases_random: RandomStream::Biases.of_run(run.seed),
        }
    }

    /// The next kernel and its biases.
    pub(crate) fn draw(&mut self, kernel: &KernelSpec) -> Weights {
        let initialisation = self.initialisation;
        Weights {
            kernel: initialisation.kernel(kernel, &mut self.kernels_random),
            biases: match self.bias_initialisation {
                BiasInitialisation::Zeros => vec![0.0; kernel.n_biases],
                BiasInitialisation::LikeKernels => {
                    initialisation.biases(kernel, &mut self.biases_random)
                }
            },
        }
    }
}
