#![doc = include_str!("../README.md")]

mod data;
mod error;
mod population;
mod train;

pub use data::{
    Dataset, DatasetCache, DatasetInfo, FetchError, FetchFrom, FetchStep, Split, TrainingData,
    UnknownSplit, datasets, fetch, published_datasets, verify,
};
pub use error::ZooError;
pub use population::{
    ArchitectureSpec, AutoencoderSpec, Choices, ConvolutionSpec, DrawMode, GroupSpec,
    InitialisationName, InitialisationSpec, Numbers, PoolKind, PoolSpec, PoolWindow,
    PopulationSpec, RecurrentSpec, Scale, Size, WholeImage,
};
pub use train::{
    BiasInitialisation, Distribution, Evaluation, FanMode, Initialisation, InitialisationKind,
    KeptCheckpoint, LayerProblem, LayerType, OptimiserKind, RunIdentity, RunSpec, RunStatus,
    TrainedRun, train,
};
