//! The observed forward pass. Inputs go through the network batch by batch, and an observer sees
//! every layer's pre- and post-activations as they are computed. They are not kept, so memory does
//! not grow with the number of inputs.

use crate::layer_batch::LayerBatch;
use crate::pass::Pass;
use crate::{LayerKind, Links, Network, NetworkError, Real, Shape, View};

/// Default number of inputs per batch.
pub const DEFAULT_BATCH: usize = 128;

/// Default number of values of one layer per batch: 2^21, 16 MiB in f64. Batches are made smaller
/// to stay within it, down to one input. A forward pass holds up to three such buffers.
pub const DEFAULT_BATCH_VALUES: usize = 1 << 21;

/// Maximum number of input values that are copied for one row of a convolution's outputs: for each
/// output its patch, which is all that the kernel sees from it. 2^28, 2 GiB in f64. Far more than
/// any real network has.
pub const MAX_PATCH_VALUES: usize = 1 << 28;

/// Maximum number of pairs of steps of one attention: 2^28, for 16,384 steps; 2 GiB in f64.
pub const MAX_STEP_PAIRS: usize = 1 << 28;

/// How a forward pass is divided into batches. Results for different sizes differ only by rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardOptions {
    /// Maximum number of inputs per batch; 0 counts as 1.
    pub batch: usize,
    /// Maximum number of values of one layer per batch, unless one input has more.
    pub batch_values: usize,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self {
            batch: DEFAULT_BATCH,
            batch_values: DEFAULT_BATCH_VALUES,
        }
    }
}

/// How far a forward pass went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardReport {
    /// Number of inputs.
    pub n_inputs: usize,
    /// Where and why it ended before the last layer's post-activations, if it did so.
    pub stopped: Option<Stop>,
}

/// Where and why a forward pass ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `l` of the layer.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// Why it ended there.
    pub reason: StopReason,
}

/// Why a forward pass ended at a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The layer's activation is unknown. Its pre-activations were still observed.
    Activation,
    /// The layer takes inputs of its own, which nothing gives.
    Input,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { layer, name, .. } = self;
        match self.reason {
            StopReason::Activation => write!(
                f,
                "the activation of layer {layer} ({name}) is unknown: no activations from there on"
            ),
            StopReason::Input => write!(
                f,
                "layer {layer} ({name}) takes inputs of its own: no activations from there on"
            ),
        }
    }
}

/// Runs inputs through a network in the number type `T`. They are the first inputs of the network;
/// the pass ends before a layer that takes other ones. `observe` is called with the values of
/// every layer: batch by batch, and in a batch layer by layer from `l = 1`.
///
/// `inputs` is `[n_inputs, n]`, row-major, where n is the number of values of one input
/// ([`Shape::n_values`](crate::Shape::n_values)), in the order channel, row, column, or step, unit.
/// Without inputs, `observe` is not called. NaN and infinities propagate as in arithmetic.
///
/// Memory: three buffers of a batch of the widest layer, one for each layer whose output a later
/// layer takes, up to 32 MiB of patches of a convolution (but at least one row of outputs), the
/// kernel of a convolution or recurrent layer, and a block of a dense kernel.
///
/// # Errors
/// The number of input values is not a multiple of n; a token number is out of range; one row of a
/// convolution's outputs has more than [`MAX_PATCH_VALUES`] values in its patches; an attention has
/// more than [`MAX_STEP_PAIRS`] pairs of steps.
///
/// ```
/// use cntflow_network::{Architecture, ForwardOptions, Network, Tensor, forward};
///
/// let json = r#"{"input": [2], "layers": [
///     {"kind": "dense", "units": 1, "bias": false, "activation": "relu"}]}"#;
/// let architecture: Architecture = serde_json::from_str(json)?;
/// let network = Network::new(architecture, |_| Some(Tensor::borrowed(&[1, 2], &[2.0, -1.0])))?;
/// let mut observed = Vec::new();
/// let inputs = [1.0, 0.5, 0.0, 3.0];
/// forward::<f64>(&network, &inputs, &ForwardOptions::default(), |layer| {
///     observed.extend(layer.pre.iter().zip(layer.post.unwrap()).map(|(s, a)| (*s, *a)));
/// })?;
/// assert_eq!(observed, [(1.5, 1.5), (-3.0, 0.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn forward<T: Real>(
    network: &Network<'_>,
    inputs: &[f32],
    options: &ForwardOptions,
    mut observe: impl FnMut(&LayerBatch<'_, T>),
) -> Result<ForwardReport, NetworkError> {
    let n_values = network.neurons()[0].shape.n_values();
    if !inputs.len().is_multiple_of(n_values) {
        let found = inputs.len();
        return Err(NetworkError::InputLength { n_values, found });
    }
    check_tokens(network, inputs)?;
    check_sizes(network)?;
    let mut pass = Pass::new(network);
    let batch = batch_size(network, options);
    for (number, values) in inputs.chunks(batch * n_values).enumerate() {
        pass.batch(values, number * batch, &mut observe);
    }
    Ok(ForwardReport {
        n_inputs: inputs.len() / n_values,
        stopped: stop(network),
    })
}

/// Checks that token numbers are whole and in the vocabulary.
fn check_tokens(network: &Network<'_>, inputs: &[f32]) -> Result<(), NetworkError> {
    let Shape::Tokens { steps, tokens } = network.neurons()[0].shape else {
        return Ok(());
    };
    let is_token = |&value: &f32| value >= 0.0 && value < tokens as f32 && value.fract() == 0.0;
    match inputs.iter().position(|value| !is_token(value)) {
        Some(index) => Err(NetworkError::Token {
            input: index / steps,
            value: inputs[index].to_string(),
            tokens,
        }),
        None => Ok(()),
    }
}

/// Checks the sizes of the two buffers that `plan/limits.rs` does not bound: attention scores and
/// patches of convolutions.
fn check_sizes(network: &Network<'_>) -> Result<(), NetworkError> {
    for layer in network.links() {
        let steps = network.neurons()[layer.to].shape.steps();
        let attends = matches!(layer.view, View::Attended { .. });
        if attends && steps.saturating_mul(steps) > MAX_STEP_PAIRS {
            return Err(NetworkError::TooLarge {
                layer: layer.name.clone(),
                what: "pairs of steps",
                limit: MAX_STEP_PAIRS as u64,
            });
        }
        let (channels_of_patch, window) = match layer.links {
            Links::Conv2d {
                channels,
                groups,
                window,
                ..
            } => (channels / groups, window),
            Links::ConvTranspose2d {
                filters,
                groups,
                window,
                ..
            } => (filters / groups, window),
            _ => continue,
        };
        let patch = channels_of_patch.saturating_mul(window.taps());
        if patch.saturating_mul(window.columns.output) > MAX_PATCH_VALUES {
            return Err(NetworkError::TooLarge {
                layer: layer.name.clone(),
                what: "values in the patches of one row of outputs",
                limit: MAX_PATCH_VALUES as u64,
            });
        }
    }
    Ok(())
}

/// The first layer whose activation is unknown, or that takes inputs of its own.
fn stop(network: &Network<'_>) -> Option<Stop> {
    let mut layers = network.neurons().iter().skip(1);
    layers.find_map(|layer| {
        let reason = match (layer.kind, layer.activation) {
            (LayerKind::Input, _) => StopReason::Input,
            (_, None) => StopReason::Activation,
            (_, Some(_)) => return None,
        };
        Some(Stop {
            layer: layer.index,
            name: layer.name.clone(),
            reason,
        })
    })
}

fn batch_size(network: &Network<'_>, options: &ForwardOptions) -> usize {
    let sizes = network.neurons().iter().map(|l| l.shape.n_values());
    let widest = sizes.max().unwrap_or(1);
    let limit = (options.batch_values / widest).max(1);
    options.batch.clamp(1, limit)
}
