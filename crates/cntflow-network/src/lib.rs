#![doc = include_str!("../README.md")]

mod activation;
mod architecture;
mod error;
mod forward;
mod graph;
mod layer_batch;
mod links;
mod network;
mod norm;
mod pass;
mod plan;
mod program;
mod real;
mod shape;
mod twin;
mod window;

pub use activation::{Activation, DEFAULT_LEAKY_SLOPE};
pub use architecture::{
    Activate, AdaptivePool1d, AdaptivePool2d, Add, Architecture, Attention, BatchNorm, Branch,
    ClassToken, Concat, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Embedding,
    GlobalPool, GroupNorm, Input, Layer, LayerNorm, Output, Padding1d, Padding2d, Pool1d, Pool2d,
    PositionEmbedding, Projections, Recurrent, Steps, StepsOf, TakeStep, TakenStep,
    TransformerEncoder,
};
pub use error::NetworkError;
pub use forward::{
    DEFAULT_BATCH, DEFAULT_BATCH_VALUES, ForwardOptions, ForwardReport, MAX_PATCH_VALUES,
    MAX_STEP_PAIRS, Stop, StopReason, forward,
};
pub use graph::{Graph, LayerKind, NeuronLayer, Norms, OpenSides, Role, TensorSpec};
pub use layer_batch::LayerBatch;
pub use links::{LinkLayer, Links, TensorSlice, View, adaptive_window};
pub use network::{LinkWeights, Network, Tensor, Weights};
pub use plan::{MAX_KERNEL, MAX_LINKS, MAX_NEURONS, MAX_PARAMETERS, MAX_STACKED};
pub use real::Real;
pub use shape::Shape;
pub use twin::{FixedBecause, Twin, TwinError};
pub use window::{Axis, Window};
