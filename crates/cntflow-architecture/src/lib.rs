//! From a checkpoint's description and tensors to a network.
//!
//! An architecture is given (by a catalog or a file beside the checkpoint), embedded in the file, or inferred from the names and shapes
//! of its tensors. [`resolve_architecture`] decides, and says of every tensor what it is used as ([`Coverage`]). This crate opens no files.

mod coverage;
mod embedded;
mod error;
mod infer;
mod keras;
mod onnx;
mod recipe;
mod resolve;
mod snapshots;
mod torch_module;
pub mod zoo_matrix;

pub use coverage::{Coverage, TensorUse, weight_tensors};
pub use embedded::EmbeddedArchitecture;
pub use error::ArchitectureError;
pub use recipe::{TensorRecipe, TensorSlice};
pub use resolve::{ResolvedArchitecture, resolve_architecture};
