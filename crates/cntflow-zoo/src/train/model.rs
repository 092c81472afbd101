//! A network being trained: its layers and their weights.

use crate::train::initial_weights::InitialWeights;
use crate::train::layer_plan::{KernelSpec, LayerPlan};
use crate::train::ops::convolution::Convolution;
use crate::train::ops::dense::DenseLayer;
use crate::train::ops::patches::Patches;
use crate::train::ops::pool::{AveragePool, MaxPool};
use crate::train::ops::recurrent::RecurrentStack;
use crate::train::ops::tape::{Record, Tape, WeightGradients, Weights};
use crate::train::ops::transposed_convolution::TransposedConvolution;
use crate::train::regularisation::Dropout;

/// How many `f32` the largest layer may hold when a group of images goes through the network (128
/// KiB). It decides how many images go at once, so that their values stay in a core's cache.
const VALUES_PER_PASS: usize = 32 * 1024;

/// A network: its layers, from the input on.
pub(crate) struct Model {
    layers: Vec<ModelLayer>,
    images_per_pass: usize,
}

/// A layer and its weights.
struct ModelLayer {
    operation: Box<dyn Record>,
    /// Names and shapes of `weights`.
    kernels: Vec<KernelSpec>,
    weights: Vec<Weights>,
}

impl Model {
    /// The network with initial weights drawn kernel by kernel.
    pub(crate) fn new(plans: &[LayerPlan], weights: &mut InitialWeights) -> Self {
        let largest = plans.iter().map(LayerPlan::n_values_at_once).max();
        let layer = |plan| ModelLayer::new(plan, weights);
        Self {
            layers: plans.iter().map(layer).collect(),
            images_per_pass: (VALUES_PER_PASS / largest.unwrap_or(1)).max(1),
        }
    }

    /// Number of images that go through the network at once: as many as [`VALUES_PER_PASS`] allows,
    /// at least one.
    pub(crate) fn images_per_pass(&self) -> usize {
        self.images_per_pass
    }

    /// Kernels and biases, layer by layer, with their names and shapes.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (&KernelSpec, &Weights)> {
        let layers = self.layers.iter();
        layers.flat_map(|layer| layer.kernels.iter().zip(&layer.weights))
    }

    /// The same kernels and biases, to be changed.
    pub(crate) fn weights_mut(&mut self) -> impl Iterator<Item = &mut Weights> {
        self.layers.iter_mut().flat_map(|layer| &mut layer.weights)
    }

    /// Zero gradients: for each layer, one for each of its weights.
    pub(crate) fn zero_gradients(&self) -> Vec<Vec<WeightGradients>> {
        let zeros = |layer: &ModelLayer| layer.weights.iter().map(WeightGradients::zeros).collect();
        self.layers.iter().map(zeros).collect()
    }

    /// Runs the forward pass for `images` and records it. [`Tape::values`] are the network's
    /// outputs; a classifier's are logits, because the loss applies the softmax.
    ///
    /// Dropout is applied to the activated result of each hidden layer with weights. Recurrent
    /// layers are one layer here: of them it is applied to the state that the next layer reads.
    pub(crate) fn forward(&self, images: Vec<f32>, mut dropout: Option<&mut Dropout>) -> Tape<'_> {
        let mut tape = Tape::new(images);
        for (index, layer) in self.layers.iter().enumerate() {
            tape.apply(&*layer.operation, &layer.weights);
            let is_hidden = index + 1 < self.layers.len() && !layer.weights.is_empty();
            if let Some(dropout) = dropout.as_deref_mut().filter(|_| is_hidden) {
                tape.scale(dropout.factors(tape.values().len()));
            }
        }
        tape
    }

    /// The outputs for a batch, with nothing recorded.
    pub(crate) fn evaluate(&self, images: Vec<f32>) -> Vec<f32> {
        self.layers.iter().fold(images, |values, layer| {
            layer.operation.evaluate(&layer.weights, &values)
        })
    }
}

impl ModelLayer {
    fn new(plan: &LayerPlan, weights: &mut InitialWeights) -> Self {
        let kernels = plan.kernels();
        Self {
            operation: operation(plan),
            weights: kernels.iter().map(|kernel| weights.draw(kernel)).collect(),
            kernels,
        }
    }
}

fn operation(plan: &LayerPlan) -> Box<dyn Record> {
    match *plan {
        LayerPlan::Dense {
            n_in,
            n_out,
            activation,
            ..
        } => Box::new(DenseLayer {
            n_in,
            n_out,
            activation,
        }),
        LayerPlan::Convolution {
            geometry,
            filters,
            activation,
            ..
        } => Box::new(Convolution {
            patches: Patches::new(geometry),
            filters,
            activation,
        }),
        LayerPlan::TransposedConvolution {
            geometry,
            channels,
            activation,
            ..
        } => Box::new(TransposedConvolution {
            patches: Patches::new(geometry),
            channels,
            activation,
        }),
        LayerPlan::Recurrent(ref recurrent) => Box::new(RecurrentStack {
            cell: recurrent.cell,
            units: recurrent.units,
            image: recurrent.image,
        }),
        LayerPlan::MaxPool(geometry) => Box::new(MaxPool(geometry)),
        LayerPlan::AveragePool(geometry) => Box::new(AveragePool(geometry)),
    }
}
