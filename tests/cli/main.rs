//! The command line as a user meets it: one binary of integration tests over real processes, files
//! and tables.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod architectures;
mod bad_input;
mod catalog;
mod claims;
mod cluster;
mod datasets;
mod diff;
mod disturbances;
mod experiments;
mod exports;
mod figures;
mod graphs;
mod limits;
mod parents;
mod plots;
mod population_runs;
mod populations;
mod probes;
mod report;
mod resume;
mod reuse;
mod scales;
mod serve;
mod support;
mod tables;
mod twins;
mod watch;
mod workflow;
mod zoos;
