//! Saved classifiers: their file, and their predictions for other checkpoints.

mod predict;
mod trained_classifier;

pub use predict::MAX_IMPUTED_SHARE;
pub use trained_classifier::{CLASSIFIER_VERSION, TrainedClassifier};
