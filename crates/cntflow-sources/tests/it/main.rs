//! Reading of checkpoints from sources, with all crates that take part in it.
//!
//! Tests that watch the memory of the process are in `hostile` and `catalog_memory`, those that
//! count requests to a store are in `objects`: other tests in the same process would disturb them.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod archives;
mod flax;
mod gguf;
mod infer;
mod keras;
mod layouts;
mod networks;
mod normed;
mod onnx;
mod onnx_parts;
mod populations;
mod tensorflow_js;
mod torch_numpy;
