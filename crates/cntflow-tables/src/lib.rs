#![doc = include_str!("../README.md")]

mod arrays;
mod compact;
mod compared_population;
mod comparison;
mod comparison_rows;
mod copy;
mod coverage;
mod empty;
mod error;
mod features;
mod frame;
mod known_files;
mod layers;
mod links;
mod merge;
mod networks;
mod neurons;
mod part;
mod part_file;
mod population;
mod population_parts;
mod population_rows;
mod read_only;
mod record;
mod scan;
pub mod schema;
mod sql;
mod stamps;
mod store;
mod table;
mod take_over;
mod withdraw;

pub use compared_population::{DensityBand, Member, PairNull, TestedPair, View};
pub use comparison::ComparisonWriter;
pub use empty::empty_networks;
pub use error::TablesError;
pub use frame::write_frame;
pub use known_files::KnownFile;
pub use merge::MERGE_ABOVE;
pub use networks::label_names;
pub use part::{Batch, BatchLimits, DEFAULT_BATCH_AGE, DEFAULT_BATCH_BYTES};
pub use population::{
    Bin, Group, NetworkSamples, PopulationKey, PopulationRow, SampleStorage, StoredPopulation,
};
pub use population_parts::Populations;
pub use read_only::{RefusedQuery, check_read_only};
pub use record::{CoverageRow, Record, Status};
pub use scan::scan_parquet;
pub use sql::{FirstRows, NamedTable, SqlError, SqlTables, named_tables};
pub use store::{Committed, TableStore};
pub use table::{OLDEST_SCHEMA_VERSION, SCHEMA_VERSION, Table};
pub use take_over::{OptionalRows, TakenOver};
