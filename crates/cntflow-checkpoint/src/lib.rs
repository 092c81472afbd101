//! Opening checkpoints, the catalog of what checkpoints there are, and architectures given or inferred.
//!
//! This crate computes no metrics. What it reads is checked once, here: whoever gets an [`OpenCheckpoint`] gets views that fit.

mod beside;
mod catalog;
mod catalog_file;
mod content;
mod element;
mod error;
mod fill;
mod format;
mod label;
mod limits;
mod open;
mod scan;
mod understand;

pub use beside::write_beside;
pub use catalog::{Absence, Catalog, CatalogEntry, LabelColumn, LabelKind};
pub use catalog_file::{label_array, read_catalog, write_catalog};
pub use content::Content;
pub use element::Element;
pub use error::CheckpointError;
pub use fill::{Carried, Excerpt, Fill};
pub use format::TensorEntry;
pub use label::Label;
pub use limits::Limits;
pub use open::OpenCheckpoint;
pub use scan::{PassedOver, scan};
pub use understand::{Coverage, Understood, understand};
