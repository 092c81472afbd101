//! What a forward pass hands out: one layer for one batch of inputs.

/// One layer for one batch. Its rows are the inputs, or for sequences all steps of all inputs.
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
    /// Number of gates: 4 for an LSTM, 3 for a GRU, 1 for all others.
    pub n_gates: usize,
    /// Pre-activations S `[n_rows, n_gates, n_neurons]`, row-major. Those of a pooling are the
    /// pooled values.
    pub pre: &'a [T],
    /// Post-activations A `[n_rows, n_neurons]`, for gated layers the hidden states; `None` if the
    /// activation is unknown.
    pub post: Option<&'a [T]>,
}
