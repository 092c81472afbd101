//! Opening checkpoints, the catalog of what checkpoints there are, and architectures given or inferred.
//!
//! This crate computes no metrics. What it reads is checked once, here: whoever gets an [`OpenCheckpoint`] gets views that fit.

mod beside;
mod catalog;
mod catalog_file;
mod error;
mod label;
mod open;
mod scan;
mod understand;

pub use beside::write_beside;
pub use catalog::{Absence, Catalog, CatalogEntry, LabelColumn, LabelKind};
pub use catalog_file::{label_array, read_catalog, write_catalog};
pub use error::CheckpointError;
pub use label::Label;
pub use open::{OpenCheckpoint, TensorEntry};
pub use scan::{PassedOver, scan};
pub use understand::{Coverage, Understood, understand};
