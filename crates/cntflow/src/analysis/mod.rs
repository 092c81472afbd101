//! What is computed from the committed tables of a study: comparisons of populations, and
//! classifiers.

mod population_groups;
mod population_networks;
pub(crate) mod population_tables;
