//! The kinds of hidden layers that a network may have, and the names of their activations.

use cntflow_network::Activation;
use serde::{Deserialize, Serialize};

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
    /// Dense layers that reconstruct the image through a narrow one.
    Autoencoder,
    /// Convolutions and transposed convolutions that reconstruct the image.
    ConvolutionalAutoencoder,
}

impl LayerType {
    /// Whether such a network reconstructs its input, rather than predict classes.
    pub fn is_autoencoder(self) -> bool {
        matches!(self, Self::Autoencoder | Self::ConvolutionalAutoencoder)
    }

    /// `dense`, `convolutional`, `elman`, `lstm`, `gru`, `autoencoder` or
    /// `convolutional_autoencoder`: its key in the architecture of a study file.
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

/// The name of `activation` in study files and labels.
pub(crate) fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear",
        Activation::Relu => "relu",
        Activation::Relu6 => "relu6",
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
