//! A network being trained: its steps and their weights.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Result, Tensor, Var};
use rand::Rng;

use crate::train::initialisation::Initialisation;
use crate::train::layer_plan::{KernelSpec, Step};
use crate::train::ops::WeightGradients;
use crate::train::ops::convolution::Convolution;
use crate::train::ops::linear::Linear;
use crate::train::ops::patches::Patches;
use crate::train::ops::pool::{AveragePool, MaxPool};
use crate::train::ops::recurrent::{Parameters, Recurrent};
use crate::train::ops::transposed_convolution::TransposedConvolution;

/// Values of a layer that are worked on at once, in number of `f32` (128 KiB), so that those of a pass stay in a core's
/// cache.
const VALUES_PER_PASS: usize = 32 * 1024;

/// A network: its steps, each with its weights where it has any.
pub(crate) struct Model {
    layers: Vec<Layer>,
}

/// A step and what it needs beside its input.
struct Layer {
    step: Step,
    /// One kernel with its biases; two for each layer of a recurrent step.
    weights: Vec<Weights>,
    /// The patches of a convolution.
    patches: Option<Patches>,
}

/// A kernel with its biases, and their gradients.
pub(crate) struct Weights {
    pub(crate) spec: KernelSpec,
    pub(crate) kernel: Var,
    pub(crate) biases: Var,
    pub(crate) gradients: Arc<Mutex<WeightGradients>>,
}

impl Model {
    /// The network with first weights drawn from `random`, kernel by kernel, and zero biases.
    pub(crate) fn new(
        steps: Vec<Step>,
        initialisation: Initialisation,
        random: &mut impl Rng,
    ) -> Result<Self> {
        let layer = |step| Layer::new(step, initialisation, random);
        let layers = steps.into_iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers })
    }

    /// Kernels and biases, layer by layer.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weights> {
        self.layers.iter().flat_map(|layer| &layer.weights)
    }

    /// Images to be passed at once: as many as the largest layer's values leave room for. Also what keeps tensors small
    /// enough for the tensor library to start no threads.
    pub(crate) fn images_per_pass(&self) -> usize {
        let largest = self
            .layers
            .iter()
            .map(|layer| layer.step.n_at_once())
            .max()
            .unwrap_or(1);
        (VALUES_PER_PASS / largest).max(1)
    }

    /// Outputs for a batch (of a classifier, logits), with what differentiation needs.
    pub(crate) fn forward(&self, images: Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(images, |values, layer| layer.apply(&values))
    }

    /// The same, each layer's values given up as soon as the next has taken them.
    pub(crate) fn evaluate(&self, images: Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(images, |values, layer| Ok(layer.apply(&values)?.detach()))
    }
}

impl Weights {
    fn new(
        spec: KernelSpec,
        initialisation: Initialisation,
        random: &mut impl Rng,
    ) -> Result<Self> {
        let n_weights = spec.shape.iter().product();
        let kernel = initialisation.weights(n_weights, &spec.fan_shape, random);
        let biases = vec![0.0_f32; spec.n_biases];
        Ok(Self {
            gradients: WeightGradients::shared(n_weights, spec.n_biases),
            kernel: Var::from_vec(kernel, spec.shape.as_slice(), &Device::Cpu)?,
            biases: Var::from_vec(biases, spec.n_biases, &Device::Cpu)?,
            spec,
        })
    }

    fn parameters(&self) -> Parameters {
        Parameters {
            kernel: self.kernel.as_tensor().clone(),
            biases: self.biases.as_tensor().clone(),
            gradients: self.gradients.clone(),
        }
    }
}

impl Layer {
    fn new(step: Step, initialisation: Initialisation, random: &mut impl Rng) -> Result<Self> {
        let weights = step.kernels().into_iter();
        let weights = weights.map(|spec| Weights::new(spec, initialisation, random));
        Ok(Self {
            weights: weights.collect::<Result<_>>()?,
            patches: match step {
                Step::Convolution { geometry, .. }
                | Step::TransposedConvolution { geometry, .. } => Some(Patches::new(geometry)),
                _ => None,
            },
            step,
        })
    }

    fn apply(&self, values: &Tensor) -> Result<Tensor> {
        match (&self.weights[..], &self.patches) {
            ([], _) => self.pool(values),
            ([weights], None) => self.linear(values, weights),
            ([weights], Some(patches)) => self.convolve(values, weights, patches.clone()),
            (weights, _) => self.recur(values, weights),
        }
    }

    fn pool(&self, values: &Tensor) -> Result<Tensor> {
        match self.step {
            Step::MaxPool(geometry) => values.apply_op1(MaxPool::new(geometry)),
            Step::AveragePool(geometry) => values.apply_op1(AveragePool::new(geometry)),
            _ => self.misfit(),
        }
    }

    fn linear(&self, values: &Tensor, weights: &Weights) -> Result<Tensor> {
        let Step::Linear {
            n_in,
            n_out,
            activation,
            ..
        } = self.step
        else {
            return self.misfit();
        };
        let operation = Linear::new(n_in, n_out, activation, weights.gradients.clone());
        values.apply_op3(&weights.kernel, &weights.biases, operation)
    }

    fn convolve(&self, values: &Tensor, weights: &Weights, patches: Patches) -> Result<Tensor> {
        let (kernel, biases, gradients) =
            (&weights.kernel, &weights.biases, weights.gradients.clone());
        match self.step {
            Step::Convolution {
                filters,
                activation,
                ..
            } => {
                let operation = Convolution::new(patches, filters, activation, gradients);
                values.apply_op3(kernel, biases, operation)
            }
            Step::TransposedConvolution {
                channels,
                activation,
                ..
            } => {
                let operation =
                    TransposedConvolution::new(patches, channels, activation, gradients);
                values.apply_op3(kernel, biases, operation)
            }
            _ => self.misfit(),
        }
    }

    fn recur(&self, values: &Tensor, weights: &[Weights]) -> Result<Tensor> {
        let Step::Recurrent(recurrence) = &self.step else {
            return self.misfit();
        };
        let layers = weights.chunks_exact(2);
        let layers = layers.map(|pair| [pair[0].parameters(), pair[1].parameters()]);
        let operation = Recurrent::new(
            recurrence.cell,
            recurrence.units,
            recurrence.image,
            layers.collect(),
        );
        values.apply_op3(&weights[0].kernel, &weights[0].biases, operation)
    }

    fn misfit(&self) -> Result<Tensor> {
        candle_core::bail!("weights do not belong to {:?}", self.step)
    }
}
