//! An architecture worked out for training: checked, and turned into steps.

use cntflow_network::{
    Activation, Architecture, Conv2d, ConvTranspose2d, Dense, Layer, Recurrent, Steps, StepsOf,
    TakeStep, TakenStep,
};

use crate::ZooError;
use crate::train::layer_plan::{Recurrence, Step};
use crate::train::objective::Objective;
use crate::train::ops::cells::Cell;
use crate::train::ops::patches::Geometry;
use crate::train::run_spec::RunSpec;

/// Why a layer cannot be trained, with both numbers where there are two.
type Planned<T> = Result<T, String>;

/// The steps of `architecture`.
///
/// # Errors
/// The place of the first layer that does not fit its input, or cannot be trained, and why.
pub(crate) fn steps(architecture: &Architecture) -> Result<Vec<Step>, (usize, String)> {
    let mut shape = match architecture.input[..] {
        [units] => [units, 1, 1],
        [channels, rows, columns] => [channels, rows, columns],
        ref other => {
            let found = other.len();
            let reason = format!("expected an input of 1 or 3 dimensions, found {found}");
            return Err((0, reason));
        }
    };
    let mut steps = Vec::new();
    let mut place = 0;
    while let Some(layer) = architecture.layers.get(place) {
        let rest = &architecture.layers[place..];
        let planned = match layer {
            Layer::Flatten => {
                shape = [shape.iter().product(), 1, 1];
                place += 1;
                continue;
            }
            Layer::Steps(_) if place > 0 => {
                Err("training takes steps of the input only".to_owned())
            }
            Layer::Steps(_) => recurrent(rest, shape),
            _ => single(layer, shape, place).map(|step| (step, 1)),
        };
        let checked = planned.and_then(|(step, n_layers)| Ok((step.small_enough()?, n_layers)));
        let (step, n_layers) = checked.map_err(|reason| (place, reason))?;
        shape = step.result();
        steps.push(step);
        place += n_layers;
    }
    Ok(steps)
}

/// The step of a layer that stands for itself.
fn single(layer: &Layer, shape: [usize; 3], place: usize) -> Planned<Step> {
    match layer {
        Layer::Dense(dense) => linear(dense, shape, place),
        Layer::Conv2d(layer) => convolution(layer, shape, place),
        Layer::ConvTranspose2d(layer) => transposed_convolution(layer, shape, place),
        Layer::MaxPool2d(pool) => {
            fit(Geometry::of_pool(pool, shape), pool.window, shape).map(Step::MaxPool)
        }
        Layer::AveragePool2d(pool) => {
            fit(Geometry::of_pool(pool, shape), pool.window, shape).map(Step::AveragePool)
        }
        _ => Err("layers of this kind cannot be trained here".to_owned()),
    }
}

fn linear(layer: &Dense, shape: [usize; 3], place: usize) -> Planned<Step> {
    if !layer.bias {
        return Err("training needs a bias".to_owned());
    }
    Ok(Step::Linear {
        name: named(&layer.name, place),
        n_in: shape.iter().product(),
        n_out: layer.units,
        activation: layer.activation.unwrap_or_default(),
    })
}

fn convolution(layer: &Conv2d, shape: [usize; 3], place: usize) -> Planned<Step> {
    plain(layer.bias, layer.groups, layer.dilation)?;
    let geometry = fit(Geometry::of_convolution(layer, shape), layer.kernel, shape)?;
    Ok(Step::Convolution {
        name: named(&layer.name, place),
        geometry,
        filters: layer.filters,
        activation: layer.activation.unwrap_or_default(),
    })
}

fn transposed_convolution(
    layer: &ConvTranspose2d,
    shape: [usize; 3],
    place: usize,
) -> Planned<Step> {
    plain(layer.bias, layer.groups, layer.dilation)?;
    let geometry = fit(Geometry::of_transposed(layer, shape), layer.kernel, shape)?;
    Ok(Step::TransposedConvolution {
        name: named(&layer.name, place),
        geometry,
        channels: shape[0],
        activation: layer.activation.unwrap_or_default(),
    })
}

fn plain(bias: bool, groups: usize, dilation: [usize; 2]) -> Planned<()> {
    if !bias || groups != 1 || dilation != [1, 1] {
        return Err("training needs a bias, groups = 1 and dilation = [1, 1]".to_owned());
    }
    Ok(())
}

/// The step of the first three of `layers`, and that it is of three: rows, the recurrent layers over them, and the last
/// state taken.
fn recurrent(layers: &[Layer], image: [usize; 3]) -> Planned<(Step, usize)> {
    let [
        Layer::Steps(Steps { of: StepsOf::Rows }),
        recurrent,
        Layer::TakeStep(TakeStep {
            which: TakenStep::Last,
        }),
        ..,
    ] = layers
    else {
        return Err(
            "training takes rows as steps, one recurrent layer, and its last step".to_owned(),
        );
    };
    let (layer, cell) = match recurrent {
        Layer::Elman(layer) => (layer, elman(layer)?),
        Layer::Lstm(layer) => (layer, Cell::Lstm),
        Layer::Gru(layer) => (layer, Cell::Gru),
        _ => return Err("only recurrent layers are trained over steps".to_owned()),
    };
    if !layer.bias || layer.bidirectional || layer.layers == 0 {
        return Err("training needs a bias, one direction and at least one layer".to_owned());
    }
    let step = Step::Recurrent(Recurrence {
        name: named(&layer.name, 1),
        cell,
        image,
        units: layer.units,
        n_layers: layer.layers,
    });
    Ok((step, 3))
}

fn elman(layer: &Recurrent) -> Planned<Cell> {
    match layer.activation.unwrap_or(Activation::Tanh) {
        activation @ (Activation::Tanh | Activation::Relu) => Ok(Cell::Elman(activation)),
        _ => Err("training takes tanh or relu as an Elman layer's activation".to_owned()),
    }
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

/// Checks that the architecture of `run` can be trained on images of `n_classes`; returns its steps.
pub(crate) fn check_architecture(run: &RunSpec, n_classes: usize) -> Result<Vec<Step>, ZooError> {
    let architecture = run.architecture()?;
    let wrong = |(layer, reason)| ZooError::Architecture {
        run: run.run.clone(),
        layer,
        reason,
    };
    let steps = steps(&architecture).map_err(wrong)?;
    let checked = match Objective::of(run) {
        Objective::Classification => ends_in_classes(&steps, n_classes),
        Objective::Reconstruction => ends_in_images(&steps, &architecture.input),
    };
    let last = architecture.layers.len().saturating_sub(1);
    checked.map_err(|reason| wrong((last, reason)))?;
    Ok(steps)
}

fn ends_in_classes(steps: &[Step], n_classes: usize) -> Planned<()> {
    match steps.last() {
        Some(Step::Linear {
            n_out,
            activation: Activation::Softmax,
            ..
        }) if *n_out == n_classes => Ok(()),
        Some(Step::Linear {
            n_out,
            activation: Activation::Softmax,
            ..
        }) => Err(format!(
            "expected {n_classes} outputs, one for each class, found {n_out}"
        )),
        _ => Err("expected a dense output layer with softmax".to_owned()),
    }
}

fn ends_in_images(steps: &[Step], input: &[usize]) -> Planned<()> {
    let (expected, found) = (
        input.iter().product::<usize>(),
        steps.last().map_or(0, Step::n_results),
    );
    if expected == found {
        Ok(())
    } else {
        Err(format!(
            "expected {expected} outputs, one for each pixel, found {found}"
        ))
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
