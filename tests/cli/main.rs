//! The command line as a user meets it: one binary of integration tests over real processes, files
//! and tables.

mod architectures;
mod bad_input;
mod cluster;
mod limits;
mod populations;
mod resume;
mod support;
mod workflow;
mod zoos;
