//! Targets: how the values of a label become what models are fitted to. All that is learned
//! (thresholds, classes, ranks) comes from training rows.

mod learned;
mod thresholds;

pub use learned::{LearnedTarget, RawTarget};
pub use thresholds::{Better, Rule, Thresholds};
