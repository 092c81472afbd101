//! One run of a population: everything its training depends on, as a plain value that crosses threads and processes.

use cntflow_catalog::Label;
use cntflow_network::{Activation, Architecture, Layer};
use serde::{Deserialize, Serialize};

use crate::ZooError;
use crate::initialise::Initialisation;
use crate::optimiser::OptimiserKind;
use crate::plan::{hidden_neurons, multiply_adds};

/// One run: one network, trained once. Written and read by field order alone (bincode), so its fields are plain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Unique in its population and safe as the name of a folder: `<group>-<number>`.
    pub run: String,
    /// The group of the population it was drawn from.
    pub group: String,
    /// Name or folder of the data set.
    pub dataset: String,
    /// The kind of its hidden layers.
    pub layer_type: LayerType,
    /// The architecture as JSON, for it has no form without field names. See [`RunSpec::architecture`].
    pub architecture: String,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// First weights.
    pub initialisation: Initialisation,
    /// Optimiser.
    pub optimiser: OptimiserKind,
    /// Momentum of SGD; 0 with Adam.
    pub momentum: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Images per batch.
    pub batch_size: u32,
    /// Passes over the training images.
    pub epochs: u32,
    /// Epochs after which a checkpoint is kept, ascending; 0 is the untrained network.
    pub checkpoints: Vec<u32>,
    /// Share of the data set's training images used, in `(0, 1]`.
    pub training_fraction: f64,
    /// Seed of first weights, of the choice of training images and of their order.
    pub seed: u64,
}

/// The kind of a network's hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LayerType {
    /// Dense layers only.
    Dense,
    /// Convolutional layers, and dense ones after them.
    Convolutional,
    /// Elman's recurrent layers over the rows of images, and dense ones after them.
    Elman,
    /// LSTM layers over the rows of images, and dense ones after them.
    Lstm,
    /// GRU layers over the rows of images, and dense ones after them.
    Gru,
    /// Dense layers that give back the image through a narrow one.
    Autoencoder,
    /// Convolutions and transposed convolutions that give back the image.
    ConvolutionalAutoencoder,
}

impl LayerType {
    /// Whether such a network gives back its input and tells no classes.
    pub fn is_autoencoder(self) -> bool {
        matches!(self, Self::Autoencoder | Self::ConvolutionalAutoencoder)
    }

    /// `dense`, `convolutional`, `elman`, `lstm`, `gru`, `autoencoder` or `convolutional_autoencoder`: the key of the
    /// architecture in a study file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Convolutional => "convolutional",
            Self::Elman => "elman",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::Autoencoder => "autoencoder",
            Self::ConvolutionalAutoencoder => "convolutional_autoencoder",
        }
    }
}

impl RunSpec {
    /// The architecture, input and output layer included.
    ///
    /// # Errors
    /// Where the field is not the JSON of an architecture; not so for runs that were drawn.
    pub fn architecture(&self) -> Result<Architecture, ZooError> {
        serde_json::from_str(&self.architecture).map_err(|source| ZooError::ArchitectureJson {
            run: self.run.clone(),
            source,
        })
    }

    /// All hyperparameters, as columns of a catalog. The names and their order are the same for every run.
    pub fn labels(&self) -> Vec<(&'static str, Label)> {
        let architecture = self.architecture().unwrap_or(Architecture {
            input: Vec::new(),
            layers: Vec::new(),
        });
        let hidden = hidden_layers(&architecture.layers);
        let integer = |value: u32| Label::from(i64::from(value));
        vec![
            ("group", self.group.as_str().into()),
            ("dataset", self.dataset.as_str().into()),
            ("layer_type", self.layer_type.name().into()),
            ("depth", (hidden.len() as i64 + 1).into()),
            ("hidden_layers", hidden.join("-").into()),
            (
                "hidden_neurons",
                (hidden_neurons(&architecture) as i64).into(),
            ),
            ("activation", activation_name(self.activation).into()),
            ("initialisation", self.initialisation.kind.name().into()),
            ("initialisation_scale", self.initialisation.scale.into()),
            ("optimiser", self.optimiser.name().into()),
            ("momentum", self.momentum.into()),
            ("learning_rate", self.learning_rate.into()),
            ("batch_size", integer(self.batch_size)),
            ("epochs", integer(self.epochs)),
            ("training_fraction", self.training_fraction.into()),
            ("seed", Label::Integer(self.seed as i64)),
        ]
    }

    /// Roughly how many multiply-adds the training takes (of 5,000 images), to order runs by their time.
    pub fn cost(&self) -> f64 {
        let per_image = self
            .architecture()
            .map_or(0.0, |architecture| multiply_adds(&architecture));
        let trained = 5000.0 * self.training_fraction * f64::from(self.epochs);
        let evaluated = (5000.0 * self.training_fraction + 1000.0) * self.checkpoints.len() as f64;
        per_image * (3.0 * trained + evaluated)
    }
}

/// The hidden layers with links as text: units of dense ones, `<units>r` of recurrent ones, `<filters>c` of
/// convolutional ones and `<filters>t` of transposed ones.
fn hidden_layers(layers: &[Layer]) -> Vec<String> {
    let (_, hidden) = layers.split_last().unwrap_or((&Layer::Flatten, &[]));
    hidden.iter().flat_map(layer_names).collect()
}

/// Nothing for a layer without links, one text for each layer of a recurrent stack.
fn layer_names(layer: &Layer) -> Vec<String> {
    match layer {
        Layer::Dense(dense) => vec![dense.units.to_string()],
        Layer::Conv2d(convolution) => vec![format!("{}c", convolution.filters)],
        Layer::ConvTranspose2d(convolution) => vec![format!("{}t", convolution.filters)],
        Layer::Elman(layer) | Layer::Lstm(layer) | Layer::Gru(layer) => {
            vec![format!("{}r", layer.units); layer.layers]
        }
        _ => Vec::new(),
    }
}

/// The name of `activation` in study files and labels.
pub(crate) fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear",
        Activation::Relu => "relu",
        Activation::Sigmoid => "sigmoid",
        Activation::Tanh => "tanh",
        Activation::LeakyRelu => "leaky_relu",
        Activation::Gelu => "gelu",
        Activation::Softmax => "softmax",
        Activation::Elu => "elu",
        Activation::Selu => "selu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Silu => "silu",
        Activation::Softplus => "softplus",
        Activation::Hardswish => "hardswish",
    }
}
