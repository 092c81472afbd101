//! The arithmetic of layers and losses, forward and backward, over plain slices.
//!
//! Each kind of layer is an [`Operation`](tape::Operation): a forward pass and a backward pass.
//! [`tape`] chains them, and is all the automatic differentiation a network needs here. Rules that
//! hold for every operation:
//!
//! - A layer applies its activation itself, so that pre-activations are never stored. The
//!   activation's derivative is taken from the result, or kept by the forward pass where the result
//!   does not determine it. - Gradients of weights are added in place to
//!   [`WeightGradients`](tape::WeightGradients); the tape carries only the gradients of the values
//!   that flow between layers. - "The gradient of v" is the derivative of the loss with respect to
//!   v. - Everything runs on the caller's thread and always sums in the same order: the same input
//!   gives the same bits.

pub(crate) mod activate;
pub(crate) mod cells;
pub(crate) mod channels;
pub(crate) mod convolution;
pub(crate) mod cross_entropy;
pub(crate) mod dense;
pub(crate) mod gated_activations;
pub(crate) mod geometry;
pub(crate) mod matrix;
pub(crate) mod patches;
pub(crate) mod pool;
pub(crate) mod recurrent;
pub(crate) mod squared_error;
pub(crate) mod tape;
pub(crate) mod transposed_convolution;
pub(crate) mod vector_math;

#[cfg(test)]
mod tests;
