//! What is computed from the committed tables of a study: comparisons of populations, and
//! classifiers.

pub(crate) mod compared_pairs;
pub(crate) mod known_groups;
mod population_groups;
mod population_networks;
mod population_nulls;
pub(crate) mod population_plan;
pub(crate) mod population_tables;
