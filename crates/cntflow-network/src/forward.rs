//! The observed forward pass: inputs go through the network batch by batch, and an observer sees every layer's pre- and
//! post-activations as they are made. None are kept, so memory does not grow with the number of inputs.

use crate::pass::Pass;
use crate::{Links, Network, NetworkError, Real, Shape, View};

/// Inputs per batch where nothing else is asked for.
pub const DEFAULT_BATCH: usize = 128;

/// Values of one layer per batch where nothing else is asked for: batches are made smaller than asked to stay within it (one
/// input at least). 2^21 is 16 MiB in f64; a forward pass holds up to three such buffers.
pub const DEFAULT_BATCH_VALUES: usize = 1 << 21;

/// Most values that the patches of one row of a convolution's outputs may have: 2^28, 2 GiB in f64. No network of use comes near.
pub const MAX_PATCH_VALUES: usize = 1 << 28;

/// Most pairs of steps that one attention may have: 2^28, that is 16,384 steps; 2 GiB in f64.
pub const MAX_STEP_PAIRS: usize = 1 << 28;

/// How a forward pass is cut into batches. Results differ between sizes by rounding only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardOptions {
    /// Inputs per batch at most; 0 counts as 1.
    pub batch: usize,
    /// Values of one layer per batch at most, one input's excepted.
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

/// What an observer sees: one layer, one batch. Its rows are the inputs, or all steps of all inputs.
#[derive(Clone, Copy, Debug)]
pub struct LayerBatch<'a, T> {
    /// `l`, from 1 to L.
    pub layer: usize,
    /// Number of the batch's first input.
    pub first_input: usize,
    /// Inputs in the batch.
    pub n_inputs: usize,
    /// Rows of the batch: inputs x steps.
    pub n_rows: usize,
    /// Neurons of the layer.
    pub n_neurons: usize,
    /// Gates of the layer: 4 of an LSTM, 3 of a GRU, 1 of all others.
    pub n_gates: usize,
    /// Pre-activations S `[n_rows, n_gates, n_neurons]`, row-major; for a pooling the pooled values.
    pub pre: &'a [T],
    /// Post-activations A `[n_rows, n_neurons]`, of gated layers the hidden state; `None` where the activation is not known.
    pub post: Option<&'a [T]>,
}

/// How far a forward pass came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardReport {
    /// Number of inputs.
    pub n_inputs: usize,
    /// Where and why it ended before the last layer's post-activations, if it did.
    pub stopped: Option<Stop>,
}

/// Why a forward pass ended early: the activation of a layer is not known. Its pre-activations were still observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `l` of the layer.
    pub layer: usize,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { layer, name } = self;
        write!(
            f,
            "the activation of layer {layer} ({name}) is not known: no activations from there on"
        )
    }
}

/// Takes inputs through a network, in the number type `T`, and shows every layer's values to `observe`, batch by batch and in a
/// batch layer by layer from `l = 1`.
///
/// `inputs` is `[n_inputs, n]`, row-major, `n` the values of one input ([`Shape::n_values`](crate::Shape::n_values)) in their order:
/// channel, row, column, or step, unit. No inputs observe nothing. NaN and infinities go through as arithmetic has it. Memory: three buffers of a batch of the widest
/// layer and one for each layer whose output is wanted again later, at most 32 MiB of a convolution's patches (one row of outputs
/// at least), a convolution's or recurrent layer's kernel and a block of a dense kernel.
///
/// # Errors
/// The input values are no whole number of inputs; token numbers are none; the patches of one row of a convolution's outputs are more than
/// [`MAX_PATCH_VALUES`], or an attention's pairs of steps more than [`MAX_STEP_PAIRS`].
///
/// ```
/// use cntflow_network::{Architecture, ForwardOptions, Network, Tensor, forward};
///
/// let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 1, "bias": false, "activation": "relu"}]}"#;
/// let architecture: Architecture = serde_json::from_str(json)?;
/// let network = Network::new(architecture, |_| Some(Tensor::borrowed(&[1, 2], &[2.0, -1.0])))?;
/// let mut seen = Vec::new();
/// let inputs = [1.0, 0.5, 0.0, 3.0];
/// forward::<f64>(&network, &inputs, &ForwardOptions::default(), |layer| {
///     seen.extend(layer.pre.iter().zip(layer.post.unwrap()).map(|(s, a)| (*s, *a)));
/// })?;
/// assert_eq!(seen, [(1.5, 1.5), (-3.0, 0.0)]);
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
        let (n_inputs, found) = (n_values, inputs.len());
        return Err(NetworkError::InputLength { n_inputs, found });
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

fn check_tokens(network: &Network<'_>, inputs: &[f32]) -> Result<(), NetworkError> {
    let Shape::Tokens { steps, tokens } = network.neurons()[0].shape else {
        return Ok(());
    };
    let is_token = |&value: &f32| value >= 0.0 && value < tokens as f32 && value.fract() == 0.0;
    match inputs.iter().position(|value| !is_token(value)) {
        Some(place) => Err(NetworkError::Token {
            input: place / steps,
            value: inputs[place].to_string(),
            tokens,
        }),
        None => Ok(()),
    }
}

fn check_sizes(network: &Network<'_>) -> Result<(), NetworkError> {
    for layer in network.links() {
        let steps = network.neurons()[layer.index].shape.steps();
        let attends = matches!(layer.view, View::Attended { .. });
        if attends && steps.saturating_mul(steps) > MAX_STEP_PAIRS {
            return Err(NetworkError::TooLarge {
                layer: layer.name.clone(),
                what: "pairs of steps",
                limit: MAX_STEP_PAIRS as u64,
            });
        }
        let (fan_in, window) = match layer.links {
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
        let row = fan_in.saturating_mul(window.taps());
        if row.saturating_mul(window.columns.output) > MAX_PATCH_VALUES {
            return Err(NetworkError::TooLarge {
                layer: layer.name.clone(),
                what: "values in the patches of one row of outputs",
                limit: MAX_PATCH_VALUES as u64,
            });
        }
    }
    Ok(())
}

fn stop(network: &Network<'_>) -> Option<Stop> {
    let mut layers = network.neurons().iter();
    let layer = layers.find(|layer| layer.activation.is_none())?;
    Some(Stop {
        layer: layer.index,
        name: layer.name.clone(),
    })
}

fn batch_size(network: &Network<'_>, options: &ForwardOptions) -> usize {
    let sizes = network.neurons().iter().map(|l| l.shape.n_values());
    let widest = sizes.max().unwrap_or(1);
    let most = (options.batch_values / widest).max(1);
    options.batch.clamp(1, most)
}
