//! A neural network as a graph: layers, kernels, geometry, activations, and a forward pass with every layer observed.
//!
//! An [`Architecture`] is the plain value that files carry. [`Graph::new`] checks it and resolves it into neuron layers
//! `l = 0..=L` and link layers `l = 1..=L`; a [`Network`] is a graph with its weights; [`forward`] takes inputs through it.
//!
//! This crate opens no files, starts no threads and prints nothing.
//!
//! ```
//! use cntflow_network::{Architecture, Network, Tensor};
//!
//! let architecture: Architecture =
//!     serde_json::from_str(r#"{"input": [2], "layers": [{"kind": "dense", "units": 1}]}"#)?;
//! let network = Network::new(architecture, |tensor| match tensor {
//!     "layer0.weight" => Some(Tensor::borrowed(&[1, 2], &[2.0, -1.0])),
//!     "layer0.bias" => Some(Tensor::borrowed(&[1], &[0.5])),
//!     _ => None,
//! })?;
//! assert_eq!(network.n_parameters(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activation;
mod architecture;
mod error;
mod forward;
mod graph;
mod links;
mod network;
mod norm;
mod pass;
mod plan;
mod program;
mod real;
mod shape;
mod window;

pub use activation::{Activation, DEFAULT_LEAKY_SLOPE};
pub use architecture::{
    Activate, AdaptivePool1d, AdaptivePool2d, Add, Architecture, Attention, BatchNorm, Branch,
    ClassToken, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Embedding, GlobalPool,
    GroupNorm, Layer, LayerNorm, Pool1d, Pool2d, PositionEmbedding, Projections, Recurrent, Steps,
    StepsOf, TakeStep, TakenStep, TransformerEncoder,
};
pub use error::NetworkError;
pub use forward::{
    DEFAULT_BATCH, DEFAULT_BATCH_VALUES, ForwardOptions, ForwardReport, LayerBatch,
    MAX_PATCH_VALUES, Stop, forward,
};
pub use graph::{Graph, LayerKind, NeuronLayer, Norms, Role, TensorSpec};
pub use links::{LinkLayer, Links, TensorSlice, View, adaptive_window};
pub use network::{LinkWeights, Network, Tensor, Weights};
pub use plan::{MAX_KERNEL, MAX_LINKS, MAX_NEURONS, MAX_PARAMETERS};
pub use real::Real;
pub use shape::Shape;
pub use window::{Axis, Window};
