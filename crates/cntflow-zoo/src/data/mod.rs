//! Image data sets in memory, read from IDX files or from those compiled into the program.

mod dataset;
mod embedded;
mod hex;
mod idx;
mod split;
mod training_data;

pub use dataset::Dataset;
pub use embedded::{DatasetInfo, datasets, verify};
pub use split::{Split, UnknownSplit};
pub use training_data::TrainingData;
