//! One run: everything that its training depends on, as a plain value that crosses threads and
//! processes.

use cntflow_catalog::Label;
use cntflow_network::{Activation, Architecture, Layer};
use serde::{Deserialize, Serialize};

use crate::ZooError;
use crate::train::architecture_plan::{hidden_neurons, multiply_adds};
use crate::train::initialisation::{BiasInitialisation, Initialisation};
use crate::train::layer_type::{LayerType, activation_name};
use crate::train::optimiser::OptimiserKind;

/// Images assumed by [`RunSpec::cost`]: those of the built-in data set.
const TYPICAL_TRAINING_IMAGES: f64 = 5000.0;
const TYPICAL_TEST_IMAGES: f64 = 1000.0;

/// One run: one network, trained once.
///
/// It is sent between processes by bincode, which writes no field names. No field may therefore be
/// skipped or have a serde default.
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
    /// The architecture as JSON, because an [`Architecture`] needs a format with field names. See
    /// [`RunSpec::architecture`].
    pub architecture: String,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Initialisation of the weights.
    pub initialisation: Initialisation,
    /// Optimiser.
    pub optimiser: OptimiserKind,
    /// Momentum of SGD; 0 with other optimisers.
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
    /// Seed of the initial weights, of the choice of training images and of their order, of dropout
    /// and of label noise.
    pub seed: u64,
    /// How biases start.
    pub bias_initialisation: BiasInitialisation,
    /// Penalty of squared kernel weights: `l2 * sum(w^2)` is added to the loss that is minimised.
    /// Biases have none; recorded losses are without it.
    pub l2: f64,
    /// Probability, in `[0, 1)`, that training sets the result of a hidden layer to zero.
    pub dropout: f64,
    /// Share, in `[0, 1]`, of the training images used that have a wrong class.
    pub label_noise: f64,
}

impl RunSpec {
    /// The architecture, input and output layer included.
    ///
    /// # Errors
    /// [`ZooError::ArchitectureJson`]: the field is not the JSON of an architecture. It always is
    /// for runs that were drawn.
    pub fn architecture(&self) -> Result<Architecture, ZooError> {
        serde_json::from_str(&self.architecture).map_err(|source| ZooError::ArchitectureJson {
            run: self.run.clone(),
            source,
        })
    }

    /// All hyperparameters, as columns of a catalog. The names and their order are the same for
    /// every run.
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
            // Layers with links: the hidden ones and the output layer.
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
            (
                "bias_initialisation",
                self.bias_initialisation.name().into(),
            ),
            ("l2", self.l2.into()),
            ("dropout", self.dropout.into()),
            ("label_noise", self.label_noise.into()),
        ]
    }

    /// Rough number of multiply-adds of the training, to order runs by their time. It assumes 5,000
    /// training images and 1,000 test images, because the data set is not open here.
    pub fn cost(&self) -> f64 {
        let per_image = self
            .architecture()
            .map_or(0.0, |architecture| multiply_adds(&architecture));
        let n_train = TYPICAL_TRAINING_IMAGES * self.training_fraction;
        let trained = n_train * f64::from(self.epochs);
        let evaluated = (n_train + TYPICAL_TEST_IMAGES) * self.checkpoints.len() as f64;
        // Training takes a product for the result, one for the gradient with respect to the input
        // and one for the gradient with respect to the weights.
        per_image * (3.0 * trained + evaluated)
    }
}

/// The hidden layers with links as texts: `<units>` for dense, `<units>r` for recurrent,
/// `<filters>c` for convolutional and `<filters>t` for transposed layers.
fn hidden_layers(layers: &[Layer]) -> Vec<String> {
    let (_, hidden) = layers.split_last().unwrap_or((&Layer::Flatten, &[]));
    hidden.iter().flat_map(layer_names).collect()
}

/// The texts of one layer of the architecture: none for a layer without links, one for each layer
/// of a recurrent stack.
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
