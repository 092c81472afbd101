//! Measuring one checkpoint: from its file to a record for the tables.

mod attempts;
pub(crate) mod checkpoint;
pub(crate) mod measured;
pub(crate) mod network;
pub(crate) mod parent;
mod piecewise;
