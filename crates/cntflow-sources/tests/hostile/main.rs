//! Files that are cut short, changed or hostile: each is an error that names the file, within a
//! second and 100 MiB.
//!
//! These tests watch the memory of their process, so they have a binary of their own, and run one
//! at a time.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod archives;
mod bounded;
mod flax;
mod gguf;
mod keras;
mod onnx;
mod safetensors;
mod shards;
mod tensorflow_js;
mod torch;
mod torch_numpy;
mod zips;
