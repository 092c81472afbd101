//! What is known of the values within an attention.

use super::flow::Flow;
use super::kernel::Kernel;
use super::strided_view::Factor;

/// A product of data with a kernel that is no layer by itself.
#[derive(Clone, Debug)]
pub(super) struct Projection<'a> {
    /// The data.
    pub(super) flow: Flow,
    /// What it is multiplied with.
    pub(super) kernel: Kernel<'a>,
}

/// The units of a projection from `first_unit` on: queries, keys or values, which may be projected
/// together.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProjectedUnits {
    /// Index of the projection.
    pub(super) projection: usize,
    /// The first of its units.
    pub(super) first_unit: i64,
}

/// Products of queries and keys, head by head.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    pub(super) query: ProjectedUnits,
    pub(super) key: ProjectedUnits,
    /// Dimensions before steps and units: the batch, and the heads.
    pub(super) outer_dims: Vec<Vec<Factor>>,
    /// Units of a head.
    pub(super) head_units: i64,
    /// Number of steps.
    pub(super) steps: i64,
    /// What the products are multiplied with.
    pub(super) scale: f64,
}

/// Values that an attention has mixed, before its output projection.
#[derive(Clone, Debug)]
pub(super) struct MixedValues {
    pub(super) query: ProjectedUnits,
    pub(super) key: ProjectedUnits,
    pub(super) value: ProjectedUnits,
    /// Number of heads.
    pub(super) heads: i64,
    /// Units of all heads.
    pub(super) units: i64,
    /// The data that queries, keys and values are projected from.
    pub(super) flow: Flow,
}
