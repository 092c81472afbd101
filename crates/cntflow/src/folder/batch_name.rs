//! Names of batches, in the file names of table and catalog parts.

use std::time::{SystemTime, UNIX_EPOCH};

/// A name that no other run of the program gives its parts: the current time and the index of the
/// process.
pub(crate) fn new_batch_name(process: usize) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:015}-p{process:03}", now.as_micros())
}
