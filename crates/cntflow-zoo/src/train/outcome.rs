//! What training a run leaves: its status and its checkpoints.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::train::evaluation::Evaluation;

/// What became of a run. Plain, as [`RunSpec`](crate::RunSpec) is: it crosses processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedRun {
    /// The run's name.
    pub run: String,
    /// Whether it came to its end.
    pub status: RunStatus,
    /// The checkpoints kept, by step.
    pub checkpoints: Vec<KeptCheckpoint>,
}

/// Whether a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// All epochs were trained.
    Trained,
    /// Loss or weights left the numbers there are; the text says which and when. Training ended there. Gradients are never
    /// clipped, so that a recurrent network whose gradients explode ends here.
    Diverged(String),
}

/// A checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptCheckpoint {
    /// Its safetensors file.
    pub path: PathBuf,
    /// The epoch after which it was kept; 0 is the untrained network.
    pub step: u32,
    /// On the training images used.
    pub train: Evaluation,
    /// On the test images.
    pub test: Evaluation,
}
