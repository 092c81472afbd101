//! What one time step of a batch reads and writes, forward and backward.

/// One time step of a batch. States are `[n_images, units]`.
///
/// Cells take it by value and take it apart: behind a reference the compiler could not know that
/// its slices do not overlap, and the loops would take twice the time.
pub(super) struct ForwardStep<'a> {
    pub(super) units: usize,
    /// Before: what the input adds to the gates' pre-activations. After: the gates.
    /// `[n_images, n_gates * units]`.
    pub(super) gates: &'a mut [f32],
    /// What the previous hidden state adds to the gates' pre-activations.
    pub(super) recurrent: &'a [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a mut [f32],
    /// The part of [`Trace::inner`](super::Trace::inner) before this step; `inner` is the part
    /// after it.
    pub(super) inner_before: &'a [f32],
    pub(super) inner: &'a mut [f32],
}

/// One time step of a batch, when all later steps are done. States are `[n_images, units]`. Cells
/// take it apart, as they do with [`ForwardStep`].
pub(super) struct BackwardStep<'a> {
    pub(super) units: usize,
    /// Before: the gates. After: the gradients of what the input adds to their pre-activations.
    /// `[n_images, n_gates * units]`.
    pub(super) gates: &'a mut [f32],
    /// GRU only, and empty otherwise. After: the gradients of what the hidden state adds to the
    /// pre-activations; they differ from the input's, because the reset gate stands between.
    pub(super) recurrent: &'a mut [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a [f32],
    /// The part of [`Trace::inner`](super::Trace::inner) before this step; `inner` is the part
    /// after it.
    pub(super) inner_before: &'a [f32],
    pub(super) inner: &'a [f32],
    /// Before: the gradient of the hidden state. After: that of the previous hidden state, without
    /// the part that flows through the recurrent kernel.
    pub(super) hidden_gradient: &'a mut [f32],
    /// LSTM only. Before: the gradient of the cell state, from later steps. After: that of the
    /// previous cell state.
    pub(super) inner_gradient: &'a mut [f32],
}
