//! Evaluation: from predictions on held-out groups to figures with intervals,
//! comparisons and a control.
//!
//! A *candidate* is a feature set with a classifier. A *score* is what a classifier gives
//! one network. A *figure* evaluates many predictions: accuracy, balanced accuracy,
//! Matthews' coefficient, AUC.

pub(crate) mod bootstrap;
pub(crate) mod candidates;
mod classed_rows;
pub(crate) mod comparison;
pub(crate) mod cross_validation;
pub(crate) mod figures;
pub(crate) mod permutation;
pub(crate) mod strata;
