//! Image data sets and the training of populations of networks.
//!
//! A study's `[population]` is read as a [`PopulationSpec`]; [`PopulationSpec::draw`] makes [`RunSpec`]s of it, plain
//! values that cross threads and processes; [`train`] trains one of them on [`TrainingData`] and leaves its
//! checkpoints as safetensors files.
//!
//! This crate knows no metrics and no tables, and it starts no threads: one call of [`train`] runs on its caller's.

mod architecture_check;
mod architecture_spec;
mod checkpoint_file;
mod choose;
mod dataset;
mod draw;
mod draw_layers;
mod error;
mod idx;
mod initialise;
mod known;
mod model;
mod objective;
mod ops;
mod optimiser;
mod place;
mod plan;
mod population;
mod population_check;
mod run;
mod steps;
mod train;
mod train_evaluate;
mod trained;
mod values;

pub use architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolKind, PoolSpec, RecurrentSpec, Size,
};
pub use dataset::{Dataset, Split};
pub use error::ZooError;
pub use initialise::{Distribution, FanMode, Initialisation, InitialisationKind};
pub use known::{DatasetInfo, datasets, verify};
pub use optimiser::OptimiserKind;
pub use population::{DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec};
pub use run::{LayerType, RunSpec};
pub use train::train;
pub use train_evaluate::Evaluation;
pub use trained::{KeptCheckpoint, RunStatus, TrainedRun, TrainingData};
pub use values::{Choices, Numbers, Scale};
