//! An architecture worked out for training: what is done to a batch, step by step, with all sizes known.

use cntflow_network::{Activation, Architecture, Conv2d, Dense, Layer};

use crate::ZooError;
use crate::ops::THREADED_FROM;
use crate::ops::patches::Geometry;
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

impl Step {
    /// Name and shape of the kernel, where there is one.
    pub(crate) fn kernel(&self) -> Option<(&str, Vec<usize>)> {
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

    /// Values of one image's result.
    pub(crate) fn n_results(&self) -> usize {
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
pub(crate) fn steps(architecture: &Architecture) -> Result<Vec<Step>, (usize, String)> {
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
            _ => Err("layers of this kind cannot be trained".to_owned()),
        };
        let step = step.and_then(Step::small_enough);
        steps.push(step.map_err(|reason| (place, reason))?);
        shape = steps.last().map_or(shape, Step::result);
    }
    Ok(steps)
}

impl Step {
    fn small_enough(self) -> Result<Self, String> {
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

fn linear(layer: &Dense, shape: [usize; 3], place: usize) -> Result<Step, String> {
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

fn convolution(layer: &Conv2d, shape: [usize; 3], place: usize) -> Result<Step, String> {
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
) -> Result<Geometry, String> {
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
pub(crate) fn check_architecture(run: &RunSpec, n_classes: usize) -> Result<Vec<Step>, ZooError> {
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
