//! The Parquet tables of a study: schemas, parts, what is committed, and Polars scans.
//!
//! A batch of records becomes one part per table under one name, `networks` last: its presence commits the batch. There is no
//! second record that could disagree. Nothing here knows how metrics are computed or who calls.

mod comparison;
mod copy;
mod error;
mod frame;
mod layers;
mod merge;
mod networks;
mod neurons;
mod part;
mod population;
mod population_parts;
mod record;
mod scan;
mod store;
mod table;

pub use comparison::{ComparisonWriter, Member, View};
pub use error::TablesError;
pub use frame::write_frame;
pub use merge::MERGE_ABOVE;
pub use part::{Batch, BatchLimits, DEFAULT_BATCH_AGE, DEFAULT_BATCH_BYTES};
pub use population::{Bin, Group, NetworkSamples, Population, PopulationKey};
pub use population_parts::Populations;
pub use record::{CoverageRow, Record, Status};
pub use scan::scan_parquet;
pub use store::{Committed, TableStore};
pub use table::{SCHEMA_VERSION, Table};
