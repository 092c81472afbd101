//! Training: one run, from its specification to the checkpoints it leaves.
//!
//! A [`RunSpec`] is everything that a run depends on. Its architecture is planned layer by layer
//! (`run_plan`, `architecture_plan`), given weights (`model`, `initial_weights`), trained batch by
//! batch (`training`, `objective`, `regularisation`, `optimiser`), measured (`evaluate`) and
//! written (`metadata`, `checkpoint_file`). `ops` has the arithmetic of layers, forward and
//! backward.

mod architecture_plan;
mod checkpoint_file;
mod distributions;
mod evaluate;
mod initial_weights;
mod initialisation;
mod label_noise;
mod layer_plan;
mod layer_problem;
mod layer_type;
mod metadata;
mod model;
mod objective;
mod ops;
mod optimiser;
mod orthogonal;
mod outcome;
mod random_streams;
mod regularisation;
mod run_identity;
mod run_plan;
mod run_spec;
mod training;

pub use initialisation::{
    BiasInitialisation, Distribution, FanMode, Initialisation, InitialisationKind,
};
pub use layer_problem::LayerProblem;
pub use layer_type::LayerType;
pub use optimiser::OptimiserKind;
pub use outcome::{Evaluation, KeptCheckpoint, RunStatus, TrainedRun};
pub use run_identity::RunIdentity;
pub use run_spec::RunSpec;
pub use training::train;

pub(crate) use layer_type::activation_name;
pub(crate) use ops::geometry::Geometry;
pub(crate) use run_plan::plan_run;
