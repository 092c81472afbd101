//! What a caller hands to a discrimination, and the progress it is shown.

use polars::prelude::LazyFrame;

/// The tables of one population, and where they come from.
#[derive(Clone)]
pub struct Inputs<'a> {
    /// Name of the experiment, as written into the table `discrimination`.
    pub experiment: &'a str,
    /// The table `networks`.
    pub networks: LazyFrame,
    /// The table `layers`.
    pub layers: LazyFrame,
    /// Digest of the measure options and the probe. A saved classifier refuses
    /// tables with another digest.
    pub measured_with: &'a str,
}

/// How far a discrimination has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Folds done, including those of the permutations.
    pub done: usize,
    /// All folds, including those of the permutations.
    pub total: usize,
}
