//! An architecture worked out for training: each layer checked against its input, with all sizes.

use cntflow_network::{
    Activation, Architecture, Conv2d, ConvTranspose2d, Dense, Layer, Padding2d, Pool2d, Recurrent,
    Steps, StepsOf, TakeStep, TakenStep,
};

use crate::train::layer_plan::{LayerPlan, RecurrentPlan};
use crate::train::layer_problem::LayerProblem;
use crate::train::ops::cells::Cell;
use crate::train::ops::geometry::Geometry;

/// Number of layers of an architecture that one recurrent stack is made of: steps, recurrent
/// layers, last step.
const LAYERS_OF_A_RECURRENT_STACK: usize = 3;

/// Which layer of an architecture cannot be trained, and why.
#[derive(Debug)]
pub(crate) struct Unsupported {
    /// Index of the layer in the architecture.
    pub(crate) layer: usize,
    pub(crate) reason: LayerProblem,
}

/// The layers of `architecture` as they are trained. Flattening needs no layer, because values are
/// row-major everywhere.
///
/// # Errors
/// For the first layer that does not fit its input, or cannot be trained.
pub(crate) fn plan_layers(architecture: &Architecture) -> Result<Vec<LayerPlan>, Unsupported> {
    let input = input_shape(&architecture.input);
    let mut shape = input.map_err(|reason| Unsupported { layer: 0, reason })?;
    let mut plans = Vec::new();
    let mut index = 0;
    while index < architecture.layers.len() {
        let layers = &architecture.layers[index..];
        if matches!(layers[0], Layer::Flatten) {
            shape = [shape.iter().product(), 1, 1];
            index += 1;
            continue;
        }
        let unsupported = |reason| Unsupported {
            layer: index,
            reason,
        };
        let (plan, n_layers) = plan_next(layers, shape, index).map_err(unsupported)?;
        shape = plan.result_shape();
        plans.push(plan);
        index += n_layers;
    }
    Ok(plans)
}

/// The input as `[channels, rows, columns]`; a vector of n values is `[n, 1, 1]`.
fn input_shape(input: &[usize]) -> Result<[usize; 3], LayerProblem> {
    match *input {
        [units] => Ok([units, 1, 1]),
        [channels, rows, columns] => Ok([channels, rows, columns]),
        _ => Err(LayerProblem::InputDimensions { found: input.len() }),
    }
}

/// Plans the first of `layers`, whose index in the architecture is `index`. Returns the plan and
/// the number of layers that it covers.
fn plan_next(
    layers: &[Layer],
    shape: [usize; 3],
    index: usize,
) -> Result<(LayerPlan, usize), LayerProblem> {
    let (plan, n_layers) = match &layers[0] {
        Layer::Steps(_) if index > 0 => return Err(LayerProblem::StepsOfHiddenValues),
        Layer::Steps(_) => (recurrent(layers, shape)?, LAYERS_OF_A_RECURRENT_STACK),
        layer => (single(layer, shape, index)?, 1),
    };
    plan.check_size()?;
    Ok((plan, n_layers))
}

/// The plan of a layer that does not depend on the layers after it.
fn single(layer: &Layer, shape: [usize; 3], index: usize) -> Result<LayerPlan, LayerProblem> {
    match layer {
        Layer::Dense(layer) => dense(layer, shape, index),
        Layer::Conv2d(layer) => convolution(layer, shape, index),
        Layer::ConvTranspose2d(layer) => transposed_convolution(layer, shape, index),
        Layer::MaxPool2d(pool) => pooling(pool, shape).map(LayerPlan::MaxPool),
        Layer::AveragePool2d(pool) => pooling(pool, shape).map(LayerPlan::AveragePool),
        _ => Err(LayerProblem::Kind),
    }
}

fn dense(layer: &Dense, shape: [usize; 3], index: usize) -> Result<LayerPlan, LayerProblem> {
    if !layer.bias {
        return Err(LayerProblem::NoBias);
    }
    Ok(LayerPlan::Dense {
        name: name_or_default(&layer.name, index),
        n_in: shape.iter().product(),
        n_out: layer.units,
        activation: layer.activation.unwrap_or_default(),
    })
}

fn convolution(layer: &Conv2d, shape: [usize; 3], index: usize) -> Result<LayerPlan, LayerProblem> {
    check_convolution(layer.bias, layer.groups, layer.dilation)?;
    check_window(layer.padding, layer.stride)?;
    let geometry = Geometry::of_convolution(layer, shape);
    Ok(LayerPlan::Convolution {
        name: name_or_default(&layer.name, index),
        geometry: geometry.ok_or_else(|| too_large(layer.kernel, shape))?,
        filters: layer.filters,
        activation: layer.activation.unwrap_or_default(),
    })
}

fn transposed_convolution(
    layer: &ConvTranspose2d,
    shape: [usize; 3],
    index: usize,
) -> Result<LayerPlan, LayerProblem> {
    check_convolution(layer.bias, layer.groups, layer.dilation)?;
    check_window(layer.padding, layer.stride)?;
    let [channels, rows, columns] = shape;
    let geometry = Geometry::of_transposed(layer, shape);
    let wrong_size = || LayerProblem::TransposedSize {
        input: [rows, columns],
    };
    Ok(LayerPlan::TransposedConvolution {
        name: name_or_default(&layer.name, index),
        geometry: geometry.ok_or_else(wrong_size)?,
        channels,
        activation: layer.activation.unwrap_or_default(),
    })
}

fn pooling(pool: &Pool2d, shape: [usize; 3]) -> Result<Geometry, LayerProblem> {
    let (count_padding, ceil_mode) = (pool.count_padding, pool.ceil_mode);
    if !count_padding || ceil_mode {
        return Err(LayerProblem::PoolSettings {
            count_padding,
            ceil_mode,
        });
    }
    check_window(pool.padding, pool.stride.unwrap_or(pool.window))?;
    Geometry::of_pool(pool, shape).ok_or_else(|| too_large(pool.window, shape))
}

/// Checks what makes no geometry, whatever the sizes.
fn check_window(padding: Padding2d, stride: [usize; 2]) -> Result<(), LayerProblem> {
    if padding.both_sides().is_none() {
        return Err(LayerProblem::UnequalPadding);
    }
    if stride.contains(&0) {
        return Err(LayerProblem::ZeroStride { found: stride });
    }
    Ok(())
}

fn too_large(window: [usize; 2], [_, rows, columns]: [usize; 3]) -> LayerProblem {
    LayerProblem::WindowTooLarge {
        window,
        input: [rows, columns],
    }
}

fn check_convolution(bias: bool, groups: usize, dilation: [usize; 2]) -> Result<(), LayerProblem> {
    if bias && groups == 1 && dilation == [1, 1] {
        return Ok(());
    }
    Err(LayerProblem::ConvolutionSettings {
        bias,
        groups,
        dilation,
    })
}

/// The plan of the first three of `layers`: rows as steps, the recurrent layers over them, and the
/// last state taken.
fn recurrent(layers: &[Layer], image: [usize; 3]) -> Result<LayerPlan, LayerProblem> {
    let [
        Layer::Steps(Steps { of: StepsOf::Rows }),
        recurrent,
        Layer::TakeStep(TakeStep {
            which: TakenStep::Last,
        }),
        ..,
    ] = layers
    else {
        return Err(LayerProblem::RecurrentArrangement);
    };
    let (layer, cell) = match recurrent {
        Layer::Elman(layer) => (layer, elman(layer)?),
        Layer::Lstm(layer) => (layer, Cell::Lstm),
        Layer::Gru(layer) => (layer, Cell::Gru),
        _ => return Err(LayerProblem::RecurrentArrangement),
    };
    let (bias, bidirectional, layers) = (layer.bias, layer.bidirectional, layer.layers);
    if !bias || bidirectional || layers == 0 {
        return Err(LayerProblem::RecurrentSettings {
            bias,
            bidirectional,
            layers,
        });
    }
    Ok(LayerPlan::Recurrent(RecurrentPlan {
        // Steps come first in an architecture, so the recurrent layer has index 1.
        name: name_or_default(&layer.name, 1),
        cell,
        image,
        units: layer.units,
        n_layers: layers,
    }))
}

fn elman(layer: &Recurrent) -> Result<Cell, LayerProblem> {
    match layer.activation.unwrap_or(Activation::Tanh) {
        activation @ (Activation::Tanh | Activation::Relu) => Ok(Cell::Elman(activation)),
        found => Err(LayerProblem::ElmanActivation { found }),
    }
}

fn name_or_default(name: &str, index: usize) -> String {
    if name.is_empty() {
        format!("layer{index}")
    } else {
        name.to_owned()
    }
}

/// Multiply-adds of one image's forward pass; 0 for an architecture that cannot be trained.
pub(crate) fn multiply_adds(architecture: &Architecture) -> f64 {
    plan_layers(architecture).map_or(0.0, |plans| {
        plans.iter().map(|plan| plan.multiply_adds() as f64).sum()
    })
}

/// Number of neurons in the hidden layers; 0 for an architecture that cannot be trained.
pub(crate) fn hidden_neurons(architecture: &Architecture) -> usize {
    plan_layers(architecture).map_or(0, |plans| {
        plans.iter().rev().skip(1).map(LayerPlan::n_neurons).sum()
    })
}
