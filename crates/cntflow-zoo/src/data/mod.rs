//! Image data sets in memory, read from IDX files or from those compiled into the program.

mod builtin;
mod dataset;
mod hex;
mod idx;
mod open;
mod split;
mod training_data;
mod variant;

pub use builtin::{DatasetInfo, datasets, verify};
pub use dataset::Dataset;
pub use split::{Split, UnknownSplit};
pub use training_data::TrainingData;
