//! What the rows of `densities` and `divergences` say of the populations compared.

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
#[derive(Clone, Copy, Debug, PartialEq)]
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
