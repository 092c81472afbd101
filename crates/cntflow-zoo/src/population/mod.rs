//! Populations of networks: what a study file says of them, the checks of every value, and the draw
//! of runs.

mod architecture_check;
mod architecture_spec;
mod choices;
mod chooser;
mod draw;
mod draw_layers;
mod spec;
mod spec_check;
mod value_check;

pub use architecture_spec::{
    ArchitectureSpec, AutoencoderSpec, ConvolutionSpec, PoolKind, PoolSpec, PoolWindow,
    RecurrentSpec, Size, WholeImage,
};
pub use choices::{Choices, Numbers, Scale};
pub use spec::{DrawMode, GroupSpec, InitialisationName, InitialisationSpec, PopulationSpec};
