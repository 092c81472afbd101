//! Checkpoint files of every format: bytes become a list of tensors and a description of the model.
//!
//! An [`OpenCheckpoint`] is a file whose format is known and whose tensors have been checked against the file. It hands out the values
//! of tensors. What the file says of the model's architecture is a [`Description`], made when it is asked for; the crate
//! `cntflow-architecture` turns it into a network. This crate knows no networks and no metrics.

mod checkpoint;
mod description;
mod element;
mod error;
mod format;
mod hdf5;
mod json_keys;
pub mod keras;
mod numpy;
pub mod onnx;
pub mod pickle;
mod safetensors;
pub mod sharded;
pub mod sidecar;
pub mod snapshot;
mod strided;
mod torch;
mod zip_checkpoint;
pub mod zoo_matrix;

pub use checkpoint::OpenCheckpoint;
pub use description::Description;
pub use element::Element;
pub use error::CheckpointError;
pub use format::{TensorEntry, is_known};
pub use safetensors::peek_metadata;
pub use strided::StridedLayout;
pub use zip_checkpoint::is_zip_checkpoint;
