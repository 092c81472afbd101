//! Why a network has no twin.

/// Why a network has no twin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// The kind of twin does not exist.
    #[error("unknown twin {name}; there are shuffle, neurons, gaussian, sign")]
    UnknownTwin {
        /// The given name.
        name: String,
    },
    /// The weights are known without a network.
    #[error("the architecture cannot be told")]
    NoArchitecture,
    /// Weights are NaN or infinite.
    #[error("tensor {tensor}: {n_bad} of {n_values} values are NaN or infinite")]
    NotFinite {
        /// The first such tensor.
        tensor: String,
        /// How many of its values are NaN or infinite.
        n_bad: usize,
        /// Number of its values.
        n_values: usize,
    },
    /// The neurons of a layer cannot be permuted.
    #[error("{layer}: its neurons cannot be permuted: {reason}")]
    Fixed {
        /// Name of the layer or of the links.
        layer: String,
        /// What fixes them.
        reason: FixedBecause,
    },
}

/// What fixes the order of a layer's neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FixedBecause {
    /// The heads of an attention.
    #[error("attention heads")]
    AttentionHeads,
    /// A convolution in groups that is not one filter per channel.
    #[error("a convolution in groups")]
    ConvolutionGroups,
    /// A norm over groups of channels.
    #[error("a norm over groups of channels")]
    NormGroups,
    /// Layers that stand side by side.
    #[error("layers side by side")]
    Concatenation,
    /// An addition that sees the positions of an image as units.
    #[error("an addition of a reshaped layer")]
    ReshapedAddition,
}
