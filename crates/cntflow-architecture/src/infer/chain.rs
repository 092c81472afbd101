//! A chain of layers built module by module, each fitted to what the one before it gives.

use cntflow_network::{Activation, Layer};

use super::hints::Hints;
use super::image_extent::{ExtentGuess, ImageExtent};
use super::layer_order::with_norms;
use super::module::Module;
use crate::builder::{ArchitectureBuilder, BuilderMark, kernel_activation};
use crate::error::{Translated, TranslationError, unsupported};
use crate::resolved::ResolvedArchitecture;

/// Source of an inferred architecture.
pub(crate) const INFERRED: &str = "names and shapes";

/// The assumption about the number of steps of a sequence.
pub(super) const ONE_STEP_ASSUMED: &str =
    "the number of steps is not in the weights: 1 is assumed, no weight metric depends on it";

/// The assumption about the epsilon of norms.
pub(super) const EPSILON_ASSUMED: &str =
    "the epsilon of norms is not in the weights: 1e-5 is assumed";

/// Epsilon of every norm: PyTorch's default.
pub(super) const EPSILON: f64 = 1e-5;

/// Shape of the last layer's output, which the next module takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// There is no layer yet: the first module decides on the input.
    Undecided,
    /// So many units.
    Units(usize),
    /// Channels of an image (two dimensions) or a line (one dimension). How many places each
    /// channel has, that is its rows and columns, is not known.
    Channels { channels: usize, dimensions: usize },
    /// Steps of so many units.
    Steps(usize),
}

/// A chain in the making.
#[derive(Clone, Debug)]
pub(super) struct ChainBuilder {
    pub(super) architecture: ArchitectureBuilder,
    pub(super) hints: Hints,
    /// Shape of the input, with 0 for rows and columns that are not known yet.
    pub(super) input: Vec<usize>,
    pub(super) output: Output,
    /// What the convolutions so far do to the size of images.
    pub(super) extent: ImageExtent,
    /// Name of the module before.
    pub(super) previous: String,
    /// Whether it is a part of a network: nothing is known of what comes before its first kernel.
    pub(super) is_alone: bool,
}

/// A chain as it was at some time, to go back to.
pub(super) struct Mark {
    architecture: BuilderMark,
    input: Vec<usize>,
    output: Output,
    extent: ImageExtent,
    previous: String,
}

impl ChainBuilder {
    pub(super) fn new(hints: Hints) -> Self {
        Self {
            architecture: ArchitectureBuilder::default(),
            hints,
            input: Vec::new(),
            output: Output::Undecided,
            extent: ImageExtent::default(),
            previous: "the input".to_owned(),
            is_alone: false,
        }
    }

    /// The beginning of a part of a network.
    ///
    /// An activation that is told beside the weights is that of hidden layers, and it is not known
    /// which they are. So there are no hints.
    pub(super) fn of_part() -> Self {
        Self {
            is_alone: true,
            ..Self::new(Hints::default())
        }
    }

    /// The chain as it is now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            architecture: self.architecture.mark(),
            input: self.input.clone(),
            output: self.output,
            extent: self.extent.clone(),
            previous: self.previous.clone(),
        }
    }

    /// Takes back what was added since `mark`.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.architecture.go_back(mark.architecture);
        self.input = mark.input;
        self.output = mark.output;
        self.extent = mark.extent;
        self.previous = mark.previous;
    }

    /// Adds a module if it takes what the chain gives; otherwise the chain stays as it is.
    pub(super) fn try_push(&mut self, module: &Module<'_>) -> bool {
        let mark = self.mark();
        let is_pushed = self.push(module).is_ok();
        if !is_pushed {
            self.go_back(mark);
        }
        is_pushed
    }

    /// Records an assumption.
    pub(super) fn assume(&mut self, assumption: impl Into<String>) {
        self.architecture.assume(assumption);
    }

    /// Adds a layer without setting recipes: it has no tensors, or the caller sets their recipes.
    pub(super) fn add_layer(&mut self, layer: Layer) {
        self.architecture.add_layer(layer);
    }

    /// Adds the layer that a module is, under the module's name.
    pub(super) fn add_module(&mut self, module: &Module<'_>, layer: Layer) {
        for (tensor, recipe) in module.recipes() {
            self.architecture.set_recipe(tensor, recipe);
        }
        self.previous.clone_from(&module.path);
        self.add_layer(layer);
    }

    /// Adds a module.
    ///
    /// # Errors It does not take what the module before gives (the message has both numbers), or is
    /// of no known kind.
    pub(super) fn push(&mut self, module: &Module<'_>) -> Translated<()> {
        if module.is_recurrent() {
            return self.recurrent(module);
        }
        if module.is_norm() {
            return self.norm(module);
        }
        match module.rank() {
            2 if self.output == Output::Undecided && module.is_embedding() => {
                self.embedding(module)
            }
            2 => self.dense(module),
            3 | 4 => self.convolution(module),
            _ => Err(unsupported(format!(
                "{} is no kernel of a known layer",
                module.shown()
            ))),
        }
    }

    /// The error of a module whose inputs are not the units before it.
    pub(super) fn does_not_fit(
        &self,
        module: &Module<'_>,
        n_in: usize,
        given: usize,
    ) -> TranslationError {
        unsupported(format!(
            "the layers make no chain in the order of their names: {} takes {n_in} inputs, {} gives {given}",
            module.shown(),
            self.previous
        ))
    }

    /// Whether a module of so many units has a bias.
    ///
    /// # Errors
    /// It has one of another length.
    pub(super) fn has_bias(&self, module: &Module<'_>, units: usize) -> Translated<bool> {
        match module.shape("bias")[..] {
            [n] if n == units => Ok(true),
            _ if !module.has("bias") => Ok(false),
            ref shape => Err(unsupported(format!(
                "{}.bias has shape {shape:?}, {} gives {units} units",
                module.path,
                module.shown()
            ))),
        }
    }

    /// Takes the last layer's activation away, to put it behind a norm or a sum that follows.
    pub(super) fn take_activation(&mut self) -> Option<Activation> {
        match self.architecture.layers_mut().last_mut()? {
            Layer::BatchNorm(layer) => layer.activation.take(),
            Layer::LayerNorm(layer) => layer.activation.take(),
            Layer::GroupNorm(layer) => layer.activation.take(),
            layer => kernel_activation(layer)?.take(),
        }
    }

    /// Leaves the last layer's activation open, because it is rarely that of the hidden layers.
    pub(super) fn clear_last_activation(&mut self) {
        if self.hints.activation.is_some() {
            self.take_activation();
            self.assume(
                "the activation told beside the weights is taken for that of all layers but the last",
            );
        }
    }

    /// The architecture with its image sizes settled, checked to make a network.
    pub(super) fn finish(mut self) -> Translated<ResolvedArchitecture> {
        let layers = self.architecture.layers_mut();
        let guess = self.extent.settle(&mut self.input, layers);
        match guess {
            ExtentGuess::NoImage => {}
            ExtentGuess::Likely { padded, size } => {
                let padding = if padded {
                    "padding that keeps sizes"
                } else {
                    "no padding"
                };
                self.assume(format!(
                    "strides, paddings and poolings are not in the weights: stride 1, {padding} and no pooling give images of {size} x {size}"
                ));
            }
            ExtentGuess::Unknown => self.assume(
                "the size of images, strides, paddings and poolings are not in the weights: stride 1 and a size that fits are assumed; \
                 only the graph of channels, not of pixels, is meaningful",
            ),
        }
        let mut resolved = self.architecture.finish(self.input, INFERRED);
        resolved.image_size_unknown = guess == ExtentGuess::Unknown;
        resolved.checked()
    }
}

/// A chain of modules in this order; norms are moved behind the kernels they belong to.
///
/// # Errors
/// A module does not take what the one before gives.
pub(super) fn infer_chain(
    ordered: &[&Module<'_>],
    hints: Hints,
) -> Translated<ResolvedArchitecture> {
    let (norms, kernels): (Vec<&Module<'_>>, Vec<&Module<'_>>) =
        ordered.iter().partition(|module| module.is_norm());
    let mut chain = ChainBuilder::new(hints);
    for module in with_norms(&kernels, &norms)? {
        chain.push(module)?;
    }
    chain.clear_last_activation();
    chain.finish()
}
