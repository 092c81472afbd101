//! What can be wrong with an architecture, or with the tensors and inputs handed to it. Every message names the layer or
//! the tensor, and both numbers of a mismatch.

/// Why an architecture makes no graph, or tensors or inputs do not fit it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The architecture has no layer with nodes of its own.
    #[error("the architecture has no dense, convolution or pooling layer")]
    NoLayers,
    /// The input's shape has a zero, or too many sizes.
    #[error(
        "input {shape:?} is none of [units], [steps, units], [channels, columns] and [channels, rows, columns] of at least 1 each"
    )]
    InputShape {
        /// The shape as given.
        shape: Vec<usize>,
    },
    /// A size that has to be positive is zero.
    #[error("{layer}: {what} {found:?} must be at least 1")]
    NotPositive {
        /// The layer's name.
        layer: String,
        /// Which size it is: `units`, `filters`, `kernel`, `stride`, ...
        what: &'static str,
        /// Its value.
        found: Vec<usize>,
    },
    /// A kernel or window is larger than its padded input.
    #[error(
        "{layer}: {what} {kernel:?}{} does not fit its input {input} with padding {padding}",
        dilated(dilation)
    )]
    DoesNotFit {
        /// The layer's name.
        layer: String,
        /// `kernel` or `window`.
        what: &'static str,
        /// Its size.
        kernel: [usize; 2],
        /// Distance between its taps.
        dilation: [usize; 2],
        /// Shape of its input.
        input: String,
        /// Padding around it, as messages show it.
        padding: String,
    },
    /// Channels or filters cannot be divided into the groups.
    #[error(
        "{layer}: {groups} groups do not divide both {channels} input channels and {filters} filters"
    )]
    Groups {
        /// The layer's name.
        layer: String,
        /// Number of groups.
        groups: usize,
        /// Channels of the input.
        channels: usize,
        /// Filters of the layer.
        filters: usize,
    },
    /// A convolution or pooling follows a vector.
    #[error("{layer}: {kind} needs an input [channels, rows, columns], not {input}")]
    NotSpatial {
        /// The layer's name.
        layer: String,
        /// `conv2d`, `max_pool2d` or `average_pool2d`.
        kind: &'static str,
        /// Shape of its input.
        input: String,
    },
    /// A transposed convolution makes no output, or more than its stride can.
    #[error(
        "{layer}: kernel {kernel:?} with padding {padding} and output padding {output_padding:?} does not fit its input {input}"
    )]
    OutputPadding {
        /// The layer's name.
        layer: String,
        /// Size of the kernel.
        kernel: [usize; 2],
        /// Places taken from the sides, as messages show them.
        padding: String,
        /// Places added at the end.
        output_padding: [usize; 2],
        /// Shape of its input.
        input: String,
    },
    /// A group norm's channels cannot be divided into its groups.
    #[error("{layer}: {groups} groups do not divide {channels} channels")]
    NormGroups {
        /// The layer's name.
        layer: String,
        /// Number of groups.
        groups: usize,
        /// Number of channels.
        channels: usize,
    },
    /// An attention's units cannot be divided among its heads.
    #[error("{layer}: {heads} heads do not divide {units} units")]
    Heads {
        /// The layer's name.
        layer: String,
        /// Number of heads.
        heads: usize,
        /// Number of units.
        units: usize,
    },
    /// A layer cannot take what comes before it.
    #[error("{layer}: {kind} does not take an input {input}")]
    Input {
        /// The layer's name.
        layer: String,
        /// Its kind.
        kind: &'static str,
        /// Shape of its input.
        input: String,
    },
    /// What comes before cannot be reshaped so, or is reshaped already.
    #[error("{layer}: an input {input} cannot be reshaped here")]
    Reshape {
        /// The layer's name.
        layer: String,
        /// Shape of its input.
        input: String,
    },
    /// A layer refers to one that does not come before it.
    #[error("{layer}: there is no layer {from} before it")]
    UnknownLayer {
        /// The layer's name.
        layer: String,
        /// The name it refers to.
        from: String,
    },
    /// The two sides of an addition differ.
    #[error("{layer}: adds {earlier} to {last}")]
    Add {
        /// The layer's name.
        layer: String,
        /// Shape of the last layer's output.
        last: String,
        /// Shape of the earlier layer's output.
        earlier: String,
    },
    /// An activation has no layer it can be that of.
    #[error(
        "{layer}: {before} before it has an activation already, is referred to by its name, or is seen in part only"
    )]
    ActivationPlace {
        /// The layer's name.
        layer: String,
        /// Name of the layer before.
        before: String,
    },
    /// A gated layer is given an activation.
    #[error("{layer}: {kind} has activations of its own")]
    GatedActivation {
        /// The layer's name.
        layer: String,
        /// `lstm` or `gru`.
        kind: &'static str,
    },
    /// A token number is none.
    #[error("input {input}: {value} is no token of 0 to {}", tokens - 1)]
    Token {
        /// Number of the input, from 0.
        input: usize,
        /// The value.
        value: String,
        /// Number of tokens.
        tokens: usize,
    },
    /// Some windows of a pooling would hold nothing but padding.
    #[error("{layer}: padding {padding} must be smaller than the window {window:?}")]
    PoolPadding {
        /// The layer's name.
        layer: String,
        /// Padding around it, as messages show it.
        padding: String,
        /// Size of the window.
        window: [usize; 2],
    },
    /// Softmax is asked for where it is not defined.
    #[error("{layer}: softmax is defined over the units of a dense layer, not for {kind}")]
    Softmax {
        /// The layer's name.
        layer: String,
        /// Kind of the layer.
        kind: &'static str,
    },
    /// A size overflows or is beyond what can be measured.
    #[error("{layer}: more than {limit} {what}")]
    TooLarge {
        /// The layer's name.
        layer: String,
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// Two layers have one name, so their tensors could not be told apart.
    #[error("layers {first} and {second} are both named {name}")]
    SameName {
        /// The name.
        name: String,
        /// Place of the first in the list of layers, from 0.
        first: usize,
        /// Place of the second.
        second: usize,
    },
    /// A tensor of the architecture is not there.
    #[error("tensor {tensor} {expected:?} is missing")]
    MissingTensor {
        /// Its name.
        tensor: String,
        /// Its shape by the architecture.
        expected: Vec<usize>,
    },
    /// A tensor's shape contradicts the architecture.
    #[error("tensor {tensor} has shape {found:?}, the architecture expects {expected:?}")]
    TensorShape {
        /// Its name.
        tensor: String,
        /// Its shape by the architecture.
        expected: Vec<usize>,
        /// The shape it came with.
        found: Vec<usize>,
    },
    /// A tensor holds more or fewer values than its own shape tells.
    #[error("tensor {tensor} {shape:?} holds {found} values, expected {expected}")]
    TensorLength {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Values by the shape.
        expected: usize,
        /// Values that came.
        found: usize,
    },
    /// Inputs are no whole number of rows.
    #[error("{found} input values are no whole number of inputs of {n_inputs} values each")]
    InputLength {
        /// Neurons of the input layer.
        n_inputs: usize,
        /// Values handed in.
        found: usize,
    },
}

fn dilated(dilation: &[usize; 2]) -> String {
    match dilation {
        [1, 1] => String::new(),
        _ => format!(" with dilation {dilation:?}"),
    }
}
