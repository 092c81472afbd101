//! A network being trained: the steps of its architecture with shapes worked out, and its weights.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Result, Tensor, Var};
use cntflow_network::{Activation, Architecture, Conv2d, Dense, Layer};
use rand::Rng;

use crate::ZooError;
use crate::initialise::Initialisation;
use crate::ops::convolution::Convolution;
use crate::ops::linear::Linear;
use crate::ops::patches::{Geometry, Patches};
use crate::ops::pool::{AveragePool, MaxPool};
use crate::ops::{THREADED_FROM, WeightGradients};
use crate::run::RunSpec;

/// What is done to a batch, with all sizes known.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Linear {
        name: String,
        n_in: usize,
        n_out: usize,
        activation: Activation,
    },
    Convolution {
        name: String,
        geometry: Geometry,
        filters: usize,
        activation: Activation,
    },
    MaxPool(Geometry),
    AveragePool(Geometry),
}

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
    /// Name and shape of the kernel, where there is one.
    fn kernel(&self) -> Option<(&str, Vec<usize>)> {
        match self {
            Self::Linear {
                name, n_in, n_out, ..
            } => Some((name, vec![*n_out, *n_in])),
            Self::Convolution {
                name,
                geometry,
                filters,
                ..
            } => {
                let [rows, columns] = geometry.window;
                Some((name, vec![*filters, geometry.channels, rows, columns]))
            }
            Self::MaxPool(_) | Self::AveragePool(_) => None,
        }
    }

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

    /// Values of one image's result.
    fn n_results(&self) -> usize {
        self.result().iter().product()
    }

    /// Multiply-adds of one image.
    fn multiply_adds(&self) -> usize {
        match self {
            Self::Linear { n_in, n_out, .. } => n_in * n_out,
            Self::Convolution {
                geometry, filters, ..
            } => filters * geometry.patch_size() * geometry.n_places(),
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                geometry.patch_size() * geometry.n_places()
            }
        }
    }

    /// Nodes of the layer; none where the step is a pooling.
    fn n_neurons(&self) -> usize {
        match self {
            Self::Linear { n_out, .. } => *n_out,
            Self::Convolution {
                geometry, filters, ..
            } => filters * geometry.n_places(),
            Self::MaxPool(_) | Self::AveragePool(_) => 0,
        }
    }
}

/// The steps of `architecture`.
///
/// # Errors
/// The place of the first layer that does not fit its input, or cannot be trained, and why.
pub(crate) fn steps(
    architecture: &Architecture,
) -> std::result::Result<Vec<Step>, (usize, String)> {
    let mut shape = match architecture.input[..] {
        [units] => [units, 1, 1],
        [channels, rows, columns] => [channels, rows, columns],
        ref other => {
            return Err((
                0,
                format!(
                    "expected an input of 1 or 3 dimensions, found {}",
                    other.len()
                ),
            ));
        }
    };
    let mut steps = Vec::new();
    for (place, layer) in architecture.layers.iter().enumerate() {
        let step = match layer {
            Layer::Flatten => {
                shape = [shape.iter().product(), 1, 1];
                continue;
            }
            Layer::Dense(dense) => linear(dense, shape, place),
            Layer::Conv2d(layer) => convolution(layer, shape, place),
            Layer::MaxPool2d(pool) => {
                fit(Geometry::of_pool(pool, shape), pool.window, shape).map(Step::MaxPool)
            }
            Layer::AveragePool2d(pool) => {
                fit(Geometry::of_pool(pool, shape), pool.window, shape).map(Step::AveragePool)
            }
        };
        let step = step.and_then(Step::small_enough);
        steps.push(step.map_err(|reason| (place, reason))?);
        shape = steps.last().map_or(shape, Step::result);
    }
    Ok(steps)
}

impl Step {
    fn small_enough(self) -> std::result::Result<Self, String> {
        let (n, limit) = (self.n_results(), THREADED_FROM - 1);
        let too_large = format!("{n} values for one image, at most {limit} can be trained");
        if n <= limit { Ok(self) } else { Err(too_large) }
    }

    /// Shape of one image's result.
    fn result(&self) -> [usize; 3] {
        match self {
            Self::Linear { n_out, .. } => [*n_out, 1, 1],
            Self::Convolution {
                geometry, filters, ..
            } => [*filters, geometry.result[0], geometry.result[1]],
            Self::MaxPool(geometry) | Self::AveragePool(geometry) => {
                [geometry.channels, geometry.result[0], geometry.result[1]]
            }
        }
    }
}

fn linear(layer: &Dense, shape: [usize; 3], place: usize) -> std::result::Result<Step, String> {
    if !layer.bias {
        return Err("training needs a bias".to_owned());
    }
    let activation = layer.activation.unwrap_or_default();
    Ok(Step::Linear {
        name: named(&layer.name, place),
        n_in: shape.iter().product(),
        n_out: layer.units,
        activation,
    })
}

fn convolution(
    layer: &Conv2d,
    shape: [usize; 3],
    place: usize,
) -> std::result::Result<Step, String> {
    if !layer.bias || layer.groups != 1 || layer.dilation != [1, 1] {
        return Err("training needs a bias, groups = 1 and dilation = [1, 1]".to_owned());
    }
    let geometry = fit(Geometry::of_convolution(layer, shape), layer.kernel, shape)?;
    let activation = layer.activation.unwrap_or_default();
    Ok(Step::Convolution {
        name: named(&layer.name, place),
        geometry,
        filters: layer.filters,
        activation,
    })
}

fn fit(
    geometry: Option<Geometry>,
    window: [usize; 2],
    shape: [usize; 3],
) -> std::result::Result<Geometry, String> {
    geometry.ok_or_else(|| {
        format!(
            "a window of {}x{} does not fit its input of {}x{}",
            window[0], window[1], shape[1], shape[2]
        )
    })
}

fn named(name: &str, place: usize) -> String {
    if name.is_empty() {
        format!("layer{place}")
    } else {
        name.to_owned()
    }
}

/// Checks that the architecture of `run` can be trained to tell `n_classes` apart; returns its steps.
pub(crate) fn check_architecture(
    run: &RunSpec,
    n_classes: usize,
) -> std::result::Result<Vec<Step>, ZooError> {
    let architecture = run.architecture()?;
    let wrong = |(layer, reason)| ZooError::Architecture {
        run: run.run.clone(),
        layer,
        reason,
    };
    let steps = steps(&architecture).map_err(wrong)?;
    let last = architecture.layers.len().saturating_sub(1);
    match steps.last() {
        Some(Step::Linear {
            n_out,
            activation: Activation::Softmax,
            ..
        }) if *n_out == n_classes => Ok(steps),
        Some(Step::Linear {
            n_out,
            activation: Activation::Softmax,
            ..
        }) => Err(wrong((
            last,
            format!("expected {n_classes} outputs, one for each class, found {n_out}"),
        ))),
        _ => Err(wrong((
            last,
            "expected a dense output layer with softmax".to_owned(),
        ))),
    }
}

/// Multiply-adds of one image going forward; 0 for an architecture that does not fit.
pub(crate) fn multiply_adds(architecture: &Architecture) -> f64 {
    steps(architecture).map_or(0.0, |steps| {
        steps.iter().map(|step| step.multiply_adds() as f64).sum()
    })
}

/// Nodes of all hidden layers with links; 0 for an architecture that does not fit.
pub(crate) fn hidden_neurons(architecture: &Architecture) -> usize {
    steps(architecture).map_or(0, |steps| {
        steps.iter().rev().skip(1).map(Step::n_neurons).sum()
    })
}
