//! Features: which metrics make a feature set, one row of numbers per checkpoint, and how they
//! are prepared for a fit.

mod labels;
mod layers;
mod preparation;
mod set;
pub(crate) mod table;

pub(crate) use labels::{hyperparameter_features, step_feature};
pub(crate) use layers::layer_features;
pub(crate) use preparation::Preparation;
pub(crate) use table::FeatureTable;

pub use layers::LAYER_STATISTICS;
pub use set::FeatureSet;
