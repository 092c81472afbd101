#![doc = include_str!("../README.md")]

mod arrays;
mod compared_population;
mod comparison;
mod comparison_rows;
mod copy;
mod coverage;
mod empty;
mod error;
mod frame;
mod layers;
mod merge;
mod networks;
mod neurons;
mod part;
mod part_file;
mod population;
mod population_parts;
mod population_rows;
mod record;
mod scan;
pub mod schema;
mod store;
mod table;

pub use compared_population::{Member, View};
pub use comparison::ComparisonWriter;
pub use empty::empty_networks;
pub use error::TablesError;
pub use frame::write_frame;
pub use merge::MERGE_ABOVE;
pub use part::{Batch, BatchLimits, DEFAULT_BATCH_AGE, DEFAULT_BATCH_BYTES};
pub use population::{Bin, Group, NetworkSamples, Population, PopulationKey, SampleStorage};
pub use population_parts::Populations;
pub use record::{CoverageRow, Record, Status};
pub use scan::scan_parquet;
pub use store::{Committed, TableStore};
pub use table::{OLDEST_SCHEMA_VERSION, SCHEMA_VERSION, Table};
