#![doc = include_str!("../README.md")]

mod block;
mod catalog;
mod catalog_file;
mod collected;
mod entry;
mod error;
mod holes;
mod interner;
mod join;
pub mod json_labels;
mod label;
mod label_names;
mod labels;
mod options;
pub mod rows;
mod skipped;

pub use catalog::{Catalog, Entries, LabelColumn, LabelKind};
pub use catalog_file::{label_array, read_catalog, read_catalog_at, whole_number, write_catalog};
pub use collected::CollectedEntries;
pub use entry::{Absence, CatalogEntry, Parent};
pub use error::{CatalogError, JsonError, RowError, TableError};
pub use holes::{Gap, GroupSteps, Holes, HolesSummary, RunHoles, StepCount, StepMark, StepState};
pub use interner::Interner;
pub use join::{MetadataMismatch, apply_options};
pub use label::Label;
pub use label_names::{ColumnSource, unreserved_name};
pub use labels::Labels;
pub use options::CatalogOptions;
pub use skipped::SkippedFile;
