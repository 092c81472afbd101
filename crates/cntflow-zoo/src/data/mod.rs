//! Image data sets in memory, read from IDX files or from those compiled into the program.

mod builtin;
mod cache;
mod dataset;
mod fetch;
mod hex;
mod idx;
mod open;
mod published;
mod split;
mod training_data;
mod variant;
mod verify;

pub use builtin::{DatasetInfo, datasets};
pub use cache::DatasetCache;
pub use dataset::Dataset;
pub use fetch::{FetchError, FetchFrom, FetchStep, fetch};
pub use published::published_datasets;
pub use split::{Split, UnknownSplit};
pub use training_data::TrainingData;
pub use verify::verify;
