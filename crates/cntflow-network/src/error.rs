//! What can be wrong with an architecture, its tensors or its inputs. Every message names the layer
//! or the tensor, and both numbers of a mismatch.

/// Why an architecture makes no graph, or why tensors or inputs do not fit it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The architecture has no layer with neurons of its own.
    #[error("the architecture has no layer with neurons of its own")]
    NoLayers,
    /// Outputs that are put side by side differ in their places or steps.
    #[error("{layer}: {next} cannot stand beside {before}: places or steps differ")]
    Concat {
        /// The layer's name.
        layer: String,
        /// Shape of the outputs before.
        before: String,
        /// Shape of the next output.
        next: String,
    },
    /// The input's shape has a zero, or too many sizes.
    #[error(
        "input {shape:?} must be [units], [steps] (token numbers), [steps, units], [channels, columns] or \
         [channels, rows, columns], every size at least 1"
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
        dilation_text(dilation)
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
        /// Its padding, as messages show it.
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
    /// A convolution or pooling follows a layer without channels, rows and columns.
    #[error("{layer}: {kind} needs an input [channels, rows, columns], not {input}")]
    NotSpatial {
        /// The layer's name.
        layer: String,
        /// Its kind: `conv2d`, `max_pool2d`, ...
        kind: &'static str,
        /// Shape of its input.
        input: String,
    },
    /// A transposed convolution would have an empty output, or its output padding is larger than
    /// its stride allows.
    #[error(
        "{layer}: kernel {kernel:?} with padding {padding} and output padding {output_padding:?} does not fit its input {input}"
    )]
    OutputPadding {
        /// The layer's name.
        layer: String,
        /// Size of the kernel.
        kernel: [usize; 2],
        /// Padding taken from the sides, as messages show it.
        padding: String,
        /// Rows and columns added at the end.
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
    #[error("{layer}: {kind} cannot take an input of shape {input}")]
    Input {
        /// The layer's name.
        layer: String,
        /// Its kind.
        kind: &'static str,
        /// Shape of its input.
        input: String,
    },
    /// The input cannot be reshaped in this way, or is a reshaped view already.
    #[error(
        "{layer}: cannot reshape its input {input}: it has the wrong number of dimensions, or is reshaped already"
    )]
    Reshape {
        /// The layer's name.
        layer: String,
        /// Shape of its input.
        input: String,
    },
    /// A layer refers to a name that no layer before it has.
    #[error("{layer}: there is no layer {from} before it")]
    UnknownLayer {
        /// The layer's name.
        layer: String,
        /// The name it refers to.
        from: String,
    },
    /// The two sides of an addition differ.
    #[error("{layer}: cannot add {earlier} to {last}: the shapes differ")]
    Add {
        /// The layer's name.
        layer: String,
        /// Shape of the last layer's output.
        last: String,
        /// Shape of the earlier layer's output.
        earlier: String,
    },
    /// An activation layer cannot become part of the layer before it.
    #[error(
        "{layer}: the activation cannot be applied to {before}: that layer already has one, another layer \
         refers to it by name, or its output is reshaped, cut or mixed here"
    )]
    ActivationPlace {
        /// The layer's name.
        layer: String,
        /// Name of the layer before.
        before: String,
    },
    /// An activation is given for a gated layer, whose activations are fixed.
    #[error("{layer}: {kind} has fixed activations and takes no other")]
    GatedActivation {
        /// The layer's name.
        layer: String,
        /// `lstm` or `gru`.
        kind: &'static str,
    },
    /// An input is not a token number.
    #[error("input {input}: token {value} is not a whole number from 0 to {}", tokens - 1)]
    Token {
        /// Number of the input, from 0.
        input: usize,
        /// The value.
        value: String,
        /// Number of tokens.
        tokens: usize,
    },
    /// Some windows of a pooling would see nothing but padding.
    #[error("{layer}: padding {padding} must be smaller than the window {window:?}")]
    PoolPadding {
        /// The layer's name.
        layer: String,
        /// Its padding, as messages show it.
        padding: String,
        /// Size of the window.
        window: [usize; 2],
    },
    /// Softmax is not defined for the layer.
    #[error("{layer}: softmax is defined over the units of a dense layer, not for {kind}")]
    Softmax {
        /// The layer's name.
        layer: String,
        /// Kind of the layer.
        kind: &'static str,
    },
    /// A size overflows or is beyond the limit.
    #[error("{layer}: more than {limit} {what}")]
    TooLarge {
        /// The layer's name.
        layer: String,
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Two layers have one name, so the names of their tensors would be ambiguous.
    #[error("layers {first} and {second} are both named {name}")]
    SameName {
        /// The name.
        name: String,
        /// Index of the first in the list of layers, from 0.
        first: usize,
        /// Index of the second.
        second: usize,
    },
    /// A tensor of the architecture is missing.
    #[error("tensor {tensor} {expected:?} is missing")]
    MissingTensor {
        /// Its name.
        tensor: String,
        /// Its shape in the architecture.
        expected: Vec<usize>,
    },
    /// A tensor's shape contradicts the architecture.
    #[error("tensor {tensor} has shape {found:?}, the architecture expects {expected:?}")]
    TensorShape {
        /// Its name.
        tensor: String,
        /// Its shape in the architecture.
        expected: Vec<usize>,
        /// Its actual shape.
        found: Vec<usize>,
    },
    /// A tensor has more or fewer values than its own shape says.
    #[error("tensor {tensor} {shape:?} holds {found} values, expected {expected}")]
    TensorLength {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Number of values by the shape.
        expected: usize,
        /// Actual number of values.
        found: usize,
    },
    /// The number of input values is not a multiple of the values of one input.
    #[error("{found} input values do not divide into inputs of {n_values} values each")]
    InputLength {
        /// Values of one input.
        n_values: usize,
        /// Number of values given.
        found: usize,
    },
}

/// The text about a dilation in messages; nothing for 1.
fn dilation_text(dilation: &[usize; 2]) -> String {
    match dilation {
        [1, 1] => String::new(),
        _ => format!(" with dilation {dilation:?}"),
    }
}
