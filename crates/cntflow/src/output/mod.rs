//! What commands print: each file turns one result into text and JSON.

pub(crate) mod catalog_listing;
pub(crate) mod diff;
pub(crate) mod experiment;
pub(crate) mod figures;
mod forecast;
pub(crate) mod frames;
mod graph;
pub(crate) mod holes;
pub(crate) mod inspection;
mod layer_comparison;
pub(crate) mod plot;
pub(crate) mod probability_bars;
pub(crate) mod resume;
mod rows;
pub(crate) mod run_summary;
pub(crate) mod sample_plots;
pub(crate) mod structure;
