//! What the rows of `densities` and `divergences` say of the populations compared.

use cntflow_metrics::population::Comparison;

use crate::population::Bin;

/// The columns `view` and `label` of `densities` and `divergences`. They are the same in all rows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Name of the view: `ensemble` for populations by bins of a label.
    pub view: &'a str,
    /// The label column that bins are made of.
    pub label: &'a str,
}

/// One of the populations compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its bin.
    pub bin: Bin,
    /// Number of networks.
    pub networks: u64,
    /// Number of different runs that they belong to.
    pub runs: u64,
    /// Number of finite values.
    pub count: u64,
}

/// How far the density of a population moves with the choice of its networks, at the points of its
/// curve: 5% and 95% quantiles over random halves.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityBand {
    /// 5% quantile at every point.
    pub low: Vec<f64>,
    /// 95% quantile at every point.
    pub high: Vec<f64>,
}

/// What chance alone makes of the Jensen-Shannon divergence of a pair. A figure that is not defined
/// is NaN, and a null in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct PairNull {
    /// Networks in each random half; `None` without random halves.
    pub networks: Option<u64>,
    /// Mean over random halves.
    pub mean: f64,
    /// 95% quantile over random halves.
    pub q95: f64,
    /// p-value over permutations of networks.
    pub p_value: f64,
    /// Why a figure is not defined.
    pub reason: Option<String>,
}

/// A compared pair of populations with its null.
#[derive(Clone, Debug)]
pub struct TestedPair {
    /// Indices of the two populations among the members of their group.
    pub members: (usize, usize),
    /// How they compare.
    pub comparison: Comparison,
    /// What chance alone makes of that.
    pub null: PairNull,
    /// The p-value adjusted for the number of pairs; NaN without one.
    pub p_adjusted: f64,
}
