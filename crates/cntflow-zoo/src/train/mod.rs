//! Training: one run, from its specification to the checkpoints it leaves.
//!
//! [`RunSpec`] is what a run depends on. Its architecture is planned layer by layer (`architecture_plan`), given weights
//! (`model`, `initialisation`), trained batch by batch (`training`, `objective`, `optimiser`), measured (`evaluation`) and
//! written (`checkpoint_file`). `ops` holds the layers' arithmetic, forward and backward.

pub(crate) mod architecture_plan;
mod checkpoint_file;
mod evaluation;
pub(crate) mod initialisation;
pub(crate) mod layer_plan;
mod model;
mod objective;
pub(crate) mod ops;
pub(crate) mod optimiser;
mod outcome;
pub(crate) mod run_spec;
mod training;

pub use evaluation::Evaluation;
pub use initialisation::{Distribution, FanMode, Initialisation, InitialisationKind};
pub use optimiser::OptimiserKind;
pub use outcome::{KeptCheckpoint, RunStatus, TrainedRun};
pub use run_spec::{LayerType, RunSpec};
pub use training::train;
