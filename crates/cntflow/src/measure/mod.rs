//! Measuring one checkpoint: from its file to a record for the tables.

pub(crate) mod checkpoint;
pub(crate) mod network;
