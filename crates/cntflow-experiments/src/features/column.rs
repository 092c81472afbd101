//! One feature of all networks, before it becomes a column of a table.

use super::metrics::Sets;
use crate::spec::FeatureSet;

/// A feature with one value per network, and the sets that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct FeatureColumn {
    pub(super) name: String,
    pub(super) sets: Sets,
    pub(super) values: Vec<f64>,
}

impl FeatureColumn {
    pub(super) fn new(name: String, sets: &[FeatureSet], values: Vec<f64>) -> Self {
        Self {
            name,
            sets: Sets::of(sets),
            values,
        }
    }
}
