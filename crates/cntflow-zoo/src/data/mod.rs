//! Image data sets: the IDX files that hold them, the one compiled into the program, and the choice of a part.

mod dataset;
mod embedded;
mod idx;
mod split;
mod training_data;

pub use dataset::Dataset;
pub use embedded::{DatasetInfo, datasets, verify};
pub use split::{Split, UnknownSplit};
pub use training_data::TrainingData;
