//! Opening checkpoints, the catalog of what checkpoints there are, and architectures given or inferred.
//!
//! This crate computes no metrics. What it reads is checked once, here: whoever gets an [`OpenCheckpoint`] gets views that fit.

mod archive;
mod beside;
mod catalog;
mod catalog_file;
mod content;
mod coverage;
mod element;
mod error;
mod fill;
mod format;
mod infer;
mod join;
mod json;
mod kept;
mod label;
mod labels;
mod layout;
mod limits;
mod location;
mod open;
mod options;
mod pool;
mod rows;
mod scan;
mod sharded;
mod shared_path;
mod shared_text;
mod sidecar;
mod snapshot;
pub mod store;
mod understand;
mod weights_row;

pub use beside::write_beside;
pub use catalog::{Absence, Catalog, CatalogEntry, LabelColumn, LabelKind};
pub use catalog_file::{label_array, read_catalog, write_catalog};
pub use content::Content;
pub use coverage::{Coverage, TensorUse, weight_tensors};
pub use element::Element;
pub use error::CheckpointError;
pub use fill::{Carried, Excerpt, Fill};
pub use format::TensorEntry;
pub use label::Label;
pub use labels::Labels;
pub use limits::Limits;
pub use location::Location;
pub use open::OpenCheckpoint;
pub use options::CatalogOptions;
pub use scan::{PassedOver, scan, scan_within};
pub use shared_path::SharedPath;
pub use shared_text::SharedText;
pub use understand::{Understood, understand};
