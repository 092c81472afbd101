//! Image data sets and the training of populations of networks.
//!
//! A study's `[population]` is read as a [`PopulationSpec`]; [`PopulationSpec::draw`] makes
//! [`RunSpec`]s of it, plain values that cross threads and processes; [`train`](fn@train) trains
//! one of them on [`TrainingData`] and leaves its checkpoints as safetensors files.

mod data;
mod error;
mod population;
mod train;

pub use data::{Dataset, DatasetInfo, Split, TrainingData, UnknownSplit, datasets, verify};
pub use error::ZooError;
pub use population::{
    ArchitectureSpec, AutoencoderSpec, Choices, ConvolutionSpec, DrawMode, GroupSpec,
    InitialisationName, InitialisationSpec, Numbers, PoolKind, PoolSpec, PopulationSpec,
    RecurrentSpec, Scale, Size,
};
pub use train::{
    Distribution, Evaluation, FanMode, Initialisation, InitialisationKind, KeptCheckpoint,
    LayerProblem, LayerType, OptimiserKind, RunSpec, RunStatus, TrainedRun, train,
};
