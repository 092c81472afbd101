//! A network being trained: its steps and their weights.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Result, Tensor, Var};
use rand::Rng;

use crate::initialise::Initialisation;
use crate::ops::WeightGradients;
use crate::ops::convolution::Convolution;
use crate::ops::linear::Linear;
use crate::ops::patches::Patches;
use crate::ops::pool::{AveragePool, MaxPool};
use crate::steps::Step;

/// Values of a layer that are worked on at once, in number of `f32` (128 KiB), so that those of a pass stay in a core's
/// cache.
const VALUES_PER_PASS: usize = 32 * 1024;

/// A network: its steps, each with its weights where it has any.
pub(crate) struct Model {
    layers: Vec<(Step, Option<Weights>)>,
}

/// A layer's weights and their gradients.
pub(crate) struct Weights {
    pub(crate) name: String,
    pub(crate) kernel: Var,
    pub(crate) biases: Var,
    pub(crate) gradients: Arc<Mutex<WeightGradients>>,
    /// The patches of a convolution.
    patches: Option<Patches>,
}

impl Model {
    /// The network with first weights drawn from `random`, layer by layer, and zero biases.
    pub(crate) fn new(
        steps: Vec<Step>,
        initialisation: Initialisation,
        random: &mut impl Rng,
    ) -> Result<Self> {
        let layer = |step: Step| {
            let weights = Weights::of(&step, initialisation, random)?;
            Ok((step, weights))
        };
        let layers = steps.into_iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers })
    }

    /// Kernels and biases, layer by layer.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weights> {
        self.layers
            .iter()
            .filter_map(|(_, weights)| weights.as_ref())
    }

    /// Images to be passed at once: as many as the largest layer's values leave room for. Also what keeps tensors small
    /// enough for the tensor library to start no threads.
    pub(crate) fn images_per_pass(&self) -> usize {
        let largest = self
            .layers
            .iter()
            .map(|(step, _)| step.n_results())
            .max()
            .unwrap_or(1);
        (VALUES_PER_PASS / largest).max(1)
    }

    /// Logits of a batch, with what differentiation needs.
    pub(crate) fn forward(&self, images: Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(images, |values, (step, weights)| {
                step.apply(&values, weights.as_ref())
            })
    }

    /// Logits of a batch, each layer's values given up as soon as the next has taken them.
    pub(crate) fn evaluate(&self, images: Tensor) -> Result<Tensor> {
        self.layers
            .iter()
            .try_fold(images, |values, (step, weights)| {
                Ok(step.apply(&values, weights.as_ref())?.detach())
            })
    }
}

impl Weights {
    fn of(
        step: &Step,
        initialisation: Initialisation,
        random: &mut impl Rng,
    ) -> Result<Option<Self>> {
        let Some((name, shape)) = step.kernel() else {
            return Ok(None);
        };
        let n_out = shape[0];
        let kernel = initialisation.kernel(&shape, random);
        Ok(Some(Self {
            name: name.to_owned(),
            gradients: WeightGradients::shared(kernel.len(), n_out),
            kernel: Var::from_vec(kernel, shape, &Device::Cpu)?,
            biases: Var::from_vec(vec![0.0_f32; n_out], n_out, &Device::Cpu)?,
            patches: match step {
                Step::Convolution { geometry, .. } => Some(Patches::new(*geometry)),
                _ => None,
            },
        }))
    }
}

impl Step {
    /// The step's result; `weights` are its own where it has any.
    fn apply(&self, values: &Tensor, weights: Option<&Weights>) -> Result<Tensor> {
        match (self, weights) {
            (
                &Self::Linear {
                    n_in,
                    n_out,
                    activation,
                    ..
                },
                Some(weights),
            ) => {
                let operation = Linear::new(n_in, n_out, activation, weights.gradients.clone());
                values.apply_op3(&weights.kernel, &weights.biases, operation)
            }
            (
                &Self::Convolution {
                    filters,
                    activation,
                    ..
                },
                Some(Weights {
                    kernel,
                    biases,
                    gradients,
                    patches: Some(patches),
                    ..
                }),
            ) => {
                let operation =
                    Convolution::new(patches.clone(), filters, activation, gradients.clone());
                values.apply_op3(kernel, biases, operation)
            }
            (&Self::MaxPool(geometry), _) => values.apply_op1(MaxPool::new(geometry)),
            (&Self::AveragePool(geometry), _) => values.apply_op1(AveragePool::new(geometry)),
            (step, _) => candle_core::bail!("no weights for {step:?}"),
        }
    }
}
