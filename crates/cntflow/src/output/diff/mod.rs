//! What `cntflow diff` prints: which tensors have changed and how much, and the strengths of the
//! layers of neurons.

mod figures;
mod json;
mod text;

pub(crate) use json::json;
pub(crate) use text::text;
