#![doc = include_str!("../README.md")]

mod ada_boost;
mod elastic_net;
mod estimator;
pub mod exact_floats;
mod fit;
mod fit_failure;
mod fitted_model;
mod forest;
mod logistic;
mod model_kind;
mod naive_bayes;
#[cfg(test)]
mod oracle;
mod platt;
mod predictions;
mod preparation;
mod random;
mod scale;
mod setting;
mod settings;
mod svm;
mod training_rows;
mod univariate;

pub use fit::fit;
pub use fit_failure::FitFailure;
pub use fitted_model::{FittedModel, InconsistentModel};
pub use model_kind::ModelKind;
pub use platt::PlattCalibration;
pub use predictions::Predictions;
pub use setting::{FeaturesPerNode, Hyperparameters, Setting, TreeSetting};
pub use svm::SVM_MAX_ROWS;
pub use training_rows::{Targets, TrainingRows};
