//! From predictions on held-out groups to figures with intervals, comparisons and controls.

pub(crate) mod bootstrap;
pub(crate) mod compare;
pub(crate) mod control;
pub(crate) mod crossval;
pub(crate) mod results;
pub(crate) mod scores;
pub(crate) mod strata;
