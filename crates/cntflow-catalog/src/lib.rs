//! The catalog: one entry for every checkpoint, with its location, its run and step, and its labels.
//!
//! Catalogs are read from CSV, JSON lines or Parquet, written as Parquet, and joined with tables of metadata. This crate opens no
//! checkpoint.

mod catalog;
mod catalog_file;
mod error;
mod interner;
mod join;
pub mod json_labels;
mod label;
mod labels;
mod options;
pub mod rows;
mod shared_text;
mod skipped;

pub use catalog::{Absence, Catalog, CatalogEntry, LabelColumn, LabelKind};
pub use catalog_file::{label_array, read_catalog, read_catalog_at, whole_number, write_catalog};
pub use error::CatalogError;
pub use interner::Interner;
pub use join::apply_options;
pub use label::{Label, label_name, typed};
pub use labels::Labels;
pub use options::CatalogOptions;
pub use shared_text::SharedText;
pub use skipped::SkippedFile;
