#![doc = include_str!("../README.md")]

mod bare_names;
mod builder;
mod composed;
mod coverage;
mod embedded;
mod error;
mod image_size;
mod infer;
mod keras;
mod keras_cell;
mod normed_kernel;
mod onnx;
mod recipe;
mod resolve;
mod resolved;
mod snapshots;
mod torch_module;
pub mod zoo_matrix;

pub use bare_names::bare_names;
pub use coverage::{Coverage, n_left_over, weight_tensors};
pub use error::{ArchitectureError, TranslationError};
pub use infer::TensorUse;
pub use normed_kernel::NormedKernel;
pub use recipe::{DimensionRange, RecipeError, Scaling, TensorRecipe, TensorSlice};
pub use resolve::resolve_architecture;
pub use resolved::{LeftOver, ResolvedArchitecture};
