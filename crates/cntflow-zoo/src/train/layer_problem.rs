//! Why a layer of an architecture cannot be trained.

use cntflow_network::Activation;

use crate::train::layer_type::activation_name;

/// Why a layer cannot be trained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerProblem {
    /// An input that is neither a vector nor an image.
    #[error("expected an input of 1 or 3 dimensions, found {found}")]
    InputDimensions {
        /// Number of dimensions of the architecture's input.
        found: usize,
    },
    /// A kind of layer that this crate does not train.
    #[error("layers of this kind cannot be trained")]
    Kind,
    /// Steps made from hidden values, not from the input.
    #[error("only the input can be split into steps")]
    StepsOfHiddenValues,
    /// Recurrent layers in another arrangement than the one that is trained.
    #[error(
        "a recurrent layer must stand between `steps` of rows and `take_step` of the last step"
    )]
    RecurrentArrangement,
    /// A recurrent layer with other settings than those that are trained.
    #[error(
        "expected a bias, one direction and at least one layer, found bias = {bias}, bidirectional = {bidirectional}, \
         layers = {layers}"
    )]
    RecurrentSettings {
        /// Whether it has a bias.
        bias: bool,
        /// Whether it has two directions.
        bidirectional: bool,
        /// Its number of layers.
        layers: usize,
    },
    /// An activation that Elman's cell is not trained with.
    #[error("expected tanh or relu as an Elman layer's activation, found {}", activation_name(*.found))]
    ElmanActivation {
        /// The layer's activation.
        found: Activation,
    },
    /// A dense layer without bias.
    #[error("expected a bias, found none")]
    NoBias,
    /// A convolution with other settings than those that are trained.
    #[error(
        "expected bias = true, groups = 1 and dilation = [1, 1], found bias = {bias}, groups = {groups}, dilation = {dilation:?}"
    )]
    ConvolutionSettings {
        /// Whether it has a bias.
        bias: bool,
        /// Its number of groups.
        groups: usize,
        /// Its dilation of rows and columns.
        dilation: [usize; 2],
    },
    /// A window whose padding is not the same on both sides.
    #[error("expected the same padding on both sides")]
    UnequalPadding,
    /// A window that does not move on.
    #[error("expected a stride of at least 1, found {}x{}", .found[0], .found[1])]
    ZeroStride {
        /// Its stride along rows and columns.
        found: [usize; 2],
    },
    /// A pooling with other settings than those that are trained.
    #[error(
        "expected count_padding = true and ceil_mode = false, found count_padding = {count_padding}, \
         ceil_mode = {ceil_mode}"
    )]
    PoolSettings {
        /// Whether means count the padding.
        count_padding: bool,
        /// Whether windows may reach beyond the padding.
        ceil_mode: bool,
    },
    /// A transposed convolution with an empty result, or whose output padding reaches the stride.
    #[error("expected a result that its convolution takes back to {}x{}", .input[0], .input[1])]
    TransposedSize {
        /// Rows and columns of the input.
        input: [usize; 2],
    },
    /// A kernel or pooling window that its input has no room for.
    #[error(
        "a window of {}x{} does not fit its input of {}x{}",
        .window[0], .window[1], .input[0], .input[1]
    )]
    WindowTooLarge {
        /// Rows and columns of the window.
        window: [usize; 2],
        /// Rows and columns of the input.
        input: [usize; 2],
    },
    /// More values for one image than a layer may have.
    #[error("the layer has {found} values for one image; the limit is {limit}")]
    TooManyValues {
        /// Values of one image in this layer.
        found: usize,
        /// The most that are trained.
        limit: usize,
    },
    /// A classifier whose number of outputs is not the number of classes.
    #[error("expected {expected} outputs, one for each class, found {found}")]
    ClassOutputs {
        /// Number of classes of the data set.
        expected: usize,
        /// Number of outputs of the last layer.
        found: usize,
    },
    /// A classifier whose last layer is not a dense layer with softmax.
    #[error("expected a dense output layer with softmax")]
    NotAClassifier,
    /// An autoencoder whose output is not of the size of its input.
    #[error("expected {expected} outputs, one for each pixel, found {found}")]
    PixelOutputs {
        /// Number of values of the input.
        expected: usize,
        /// Number of outputs of the last layer.
        found: usize,
    },
}
