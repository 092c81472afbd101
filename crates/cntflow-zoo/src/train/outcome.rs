//! What training a run leaves: its status, its checkpoints, and how good the network was at each of
//! them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What became of a run. It is sent between processes, and so holds plain values only, as
/// [`RunSpec`](crate::RunSpec) does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedRun {
    /// The run's name.
    pub run: String,
    /// Whether all of its epochs were trained.
    pub status: RunStatus,
    /// The checkpoints kept, by step.
    pub checkpoints: Vec<KeptCheckpoint>,
}

/// Whether all epochs of a run were trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// All epochs were trained.
    Trained,
    /// Loss or weights became infinite or NaN, and training ended there; the text says which and
    /// when. Gradients are never clipped, so that a recurrent network whose gradients explode ends
    /// here.
    Diverged(String),
}

/// A checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptCheckpoint {
    /// Its safetensors file.
    pub path: PathBuf,
    /// The epoch after which it was kept; 0 is the untrained network.
    pub step: u32,
    /// Loss and accuracy on the training images that the run used.
    pub train: Evaluation,
    /// Loss and accuracy on all test images.
    pub test: Evaluation,
}

/// How good a network is on one set of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean softmax cross-entropy; of an autoencoder the mean squared error of a pixel, pixels
    /// being in `[0, 1]`.
    pub loss: f64,
    /// Share of images whose class was predicted, in `[0, 1]`; NaN for an autoencoder, which
    /// predicts none.
    pub accuracy: f64,
}
