//! What one time step of a batch reads and writes, forward and backward.

/// One time step of a batch. States are `[n_images, units]`.
///
/// Cells take it by value and take it apart: behind a reference the compiler could not know that
/// its slices do not overlap, and the loops would take twice the time.
pub(super) struct ForwardStep<'a> {
    pub(super) units: usize,
    /// Before: pre-activations. After: the gates. `[n_images, n_columns]`.
    pub(super) gates: &'a mut [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a mut [f32],
    /// LSTM only, and empty otherwise, as is `cells`.
    pub(super) cells_before: &'a [f32],
    pub(super) cells: &'a mut [f32],
}

/// One time step of a batch, when all later steps are done. States are `[n_images, units]`. Cells
/// take it apart, as they do with [`ForwardStep`].
pub(super) struct BackwardStep<'a> {
    pub(super) units: usize,
    /// Before: the gates. After: the gradients of their pre-activations. `[n_images, n_columns]`.
    pub(super) gates: &'a mut [f32],
    pub(super) hidden_before: &'a [f32],
    pub(super) hidden: &'a [f32],
    /// LSTM only, and empty otherwise, as are `cells` and `cell_gradients`.
    pub(super) cells_before: &'a [f32],
    pub(super) cells: &'a [f32],
    /// Before: the gradient of the hidden state. After: that of the previous hidden state, without
    /// the part that flows through the recurrent kernel.
    pub(super) hidden_gradient: &'a mut [f32],
    /// Before: the gradient of the cell state, from later steps. After: that of the previous cell
    /// state.
    pub(super) cell_gradient: &'a mut [f32],
}
