#![doc = include_str!("../README.md")]

mod checkpoint;
mod description;
mod element;
mod error;
mod flax;
mod format;
mod gguf;
mod hdf5;
mod json_keys;
pub mod keras;
mod known_formats;
mod numpy;
pub mod onnx;
mod open_location;
pub mod pickle;
mod safetensors;
pub mod sharded;
pub mod sidecar;
pub mod snapshot;
mod strided;
mod tensor_entry;
pub mod tensorflow_js;
mod torch;
mod zip_checkpoint;
pub mod zoo_matrix;

pub use checkpoint::OpenCheckpoint;
pub use description::Description;
pub use element::Element;
pub use error::CheckpointError;
pub use known_formats::is_known_format;
pub use safetensors::peek_metadata;
pub use strided::StridedLayout;
pub use tensor_entry::TensorEntry;
pub use zip_checkpoint::is_zip_checkpoint;
